"""Samplers, and what they propose.

(sampler, seed, number) --make_sampler--> a fresh one --Trial.suggest_* in the order of the space--> point

A sampler keeps its random state nowhere, so each trial gets one that is seeded by its own number: after a restart the
same history gives the same proposal (facts of Optuna 5: a re-seeded sampler would repeat itself instead).
"""

import hashlib
import json

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from rcflab.errors import InputError, Problem
from rcflab.records import Json
from rcflab.search.config import SearchConfig
from rcflab.search.space import Parameter, Space

STATEFUL = ("cma-es", "nsga2")
"""Samplers that leave notes in the study for their next proposal: they are replayed ask by ask."""
_POPULATION = 20
"""Of NSGA-II: Optuna's 50 would leave most searches in their first, random generation."""


def make_sampler(search: SearchConfig, number: int) -> BaseSampler:
    """The sampler of trial `number`. A grid has none: its points are listed."""
    text = json.dumps([search.seed, number])
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    match search.sampler:
        case "tpe":
            return TPESampler(seed=seed)
        case "gp":
            return GPSampler(seed=seed, warn_independent_sampling=False)
        case "cma-es":
            return CmaEsSampler(seed=seed, warn_independent_sampling=False)
        case "nsga2":
            return NSGAIISampler(seed=seed, population_size=_POPULATION)
        case "random" | "grid":
            return RandomSampler(seed=seed)


def refuse_missing_library(search: SearchConfig, file: str) -> None:
    """Raises InputError where the sampler needs a library that is not installed."""
    try:
        make_sampler(search, 0)
    except ImportError as error:
        wanted, hint = "a sampler whose library is installed", "pip install cmaes, or take tpe"
        raise InputError([Problem(file, "search.sampler", search.sampler, wanted, hint)]) from error


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Json]:
    """The point that `trial` proposes."""
    return space.points(lambda parameter: _suggest(trial, parameter))


def _suggest(trial: optuna.Trial, parameter: Parameter) -> Json:
    levels, path = parameter.factor.levels, parameter.path
    match parameter.kind:
        case "choice":
            return levels[_names(parameter).index(trial.suggest_categorical(path, _names(parameter)))]
        case "int":
            low, high, step = _whole(parameter)
            return trial.suggest_int(path, low, high, step=step)
        case _:
            return trial.suggest_float(path, levels[0], levels[1], log=parameter.kind == "log_uniform")


def distribution(parameter: Parameter) -> BaseDistribution:
    """Optuna's word for the values of a field."""
    match parameter.kind:
        case "choice":
            return CategoricalDistribution(_names(parameter))
        case "int":
            low, high, step = _whole(parameter)
            return IntDistribution(low, high, step=step)
        case _:
            low, high = parameter.factor.levels
            return FloatDistribution(low, high, log=parameter.kind == "log_uniform")


def named(space: Space, point: dict[str, Json]) -> tuple[dict[str, Json], dict[str, BaseDistribution]]:
    """A point as Optuna holds it: params and distributions."""
    known = {each.path: each for each in space.parameters}
    params = {path: _name_of(known[path], value) for path, value in point.items()}
    return params, {path: distribution(known[path]) for path in point}


def unnamed(space: Space, params: dict[str, Json]) -> dict[str, Json]:
    """The inverse of `named`, in the order of the space."""
    return {
        each.path: each.factor.levels[_names(each).index(params[each.path])]
        if each.kind == "choice"
        else params[each.path]
        for each in space.parameters
        if each.path in params
    }


def _name_of(parameter: Parameter, value: Json) -> Json:
    return _names(parameter)[parameter.factor.levels.index(value)] if parameter.kind == "choice" else value


def _names(parameter: Parameter) -> list[Json]:
    """Numbers and truth values stand for themselves; lists and texts as arm names have them."""
    plain = all(isinstance(level, (bool, int, float)) for level in parameter.factor.levels)
    return list(parameter.factor.levels if plain else parameter.factor.labels)


def _whole(parameter: Parameter) -> tuple[int, int, int]:
    levels = parameter.factor.levels
    return levels[0], levels[-1], levels[1] - levels[0] if len(levels) > 1 else 1
