"""Search: which values of a few fields are best, found by trials and pinned into an experiment.

    search: {space, when}        --read_space--> Space --points--> Point: {dotted path: value}
    Space, sampler               --SearchStudy (Optuna)--> ask --> trial: cells at seeds of the search --> tell
    complete, pruned, failed     --Found--> search.md, trials.csv, trials.json, importance, front
    best trial                   --pinned--> winner.yaml: an ordinary experiment, run at the experiment's own seeds

Optuna lives in this package alone (optuna_*), and Ray nowhere in it: see rcflab.execute.ray_search.
"""
