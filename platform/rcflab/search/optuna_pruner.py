"""Whether a trial goes on, asked after each evaluation on its way.

    asha      completed rungs of all trials     value of this trial at its rung
    median    complete trials at this step      value of this trial
    wilcoxon  best complete trial at this step  this trial, video by video

The axis is our own step, never Tune's count of reports.
"""

import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.pruners import WilcoxonPruner as SignedRanks
from optuna.trial import TrialState, create_trial

from rcflab.search.config import OPTUNA, AshaPruner, Direction, Pruner, WilcoxonPruner
from rcflab.search.config import MedianPruner as MedianConfig


def make_pruner(pruner: Pruner | None, first_evaluation: int) -> BasePruner:
    """Optuna's pruner of values; `wilcoxon` looks at videos instead, see `worse_on_videos`."""
    first = first_step(pruner, first_evaluation)
    match pruner:
        case AshaPruner():
            return SuccessiveHalvingPruner(min_resource=first, reduction_factor=pruner.reduction)
        case MedianConfig():
            return MedianPruner(n_startup_trials=pruner.complete, n_warmup_steps=first - 1)
        case _:
            return NopPruner()


def first_step(pruner: Pruner | None, first_evaluation: int) -> int:
    """Step of the first decision."""
    return (pruner.first if pruner is not None else None) or max(first_evaluation, 1)


def worse_on_videos(
    pruner: WilcoxonPruner, scores: Sequence[float], best: Sequence[float], direction: Direction
) -> bool:
    """Whether a trial with `scores` is worse than the best one, which has `best`; one number a video, the same videos.

    Optuna's WilcoxonPruner on the two alone: in a study it would compare numbers of different steps as if they were
    videos of their own.
    """
    study = optuna.create_study(direction=OPTUNA[direction])
    nothing: dict[str, BaseDistribution] = {}
    mean = sum(best) / len(best)
    study.add_trial(
        create_trial(
            value=mean, params={}, distributions=nothing, intermediate_values=dict(enumerate(map(float, best)))
        )
    )
    rival = create_trial(
        state=TrialState.RUNNING, params={}, distributions=nothing,
        intermediate_values=dict(enumerate(map(float, scores))),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # pinned in constraints.txt
        return SignedRanks(p_threshold=pruner.p, n_startup_steps=2).prune(study, rival)
