"""How much of the objective each searched field decides, among good trials: PED-ANOVA (arXiv 2304.10255).

complete trials of a study --PedAnovaImportanceEvaluator--> metric -> field -> share of 1
"""

import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, create_trial

from rcflab.search.config import OPTUNA, Direction
from rcflab.search.optuna_sampler import named
from rcflab.search.space import Space
from rcflab.search.trial import Trial

FEWEST = 8
"""Complete trials below which no importance is told: what sets the best of so few apart is chance."""


def importances(
    trials: Sequence[Trial], space: Space, objective: Mapping[str, Direction]
) -> dict[str, dict[str, float]]:
    """Metric -> path -> share, fields in the order of the space; empty with fewer than FEWEST complete trials."""
    complete = [trial for trial in trials if trial.values is not None]
    if len(complete) < FEWEST:
        return {}
    found: dict[str, dict[str, float]] = {}
    for place, (metric, direction) in enumerate(objective.items()):
        study = optuna.create_study(direction=OPTUNA[direction])
        study.add_trials([_frozen(trial, space, place) for trial in complete])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a field that few trials had: its share is what these few say
            shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
        found[metric] = {each.path: float(shares[each.path]) for each in space.parameters if each.path in shares}
    return found


def _frozen(trial: Trial, space: Space, place: int) -> FrozenTrial:
    assert trial.values is not None
    params, distributions = named(space, dict(trial.point))
    return create_trial(value=trial.values[place], params=params, distributions=distributions)
