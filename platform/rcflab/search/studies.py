"""The studies of an experiment: one for the baseline, or with per_arm one for each arm.

Session --study_names--> {arm: name}       a name says space, objective, sampler, cells and code: change one, new study
        --open_conductors--> Chain of Conductors, each with what an earlier study of its arm has that still fits

A trial of an earlier study fits when its cells are those that the same point has today: proven by their keys.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from rcflab.errors import IncompleteError
from rcflab.identity import digest
from rcflab.ledger.reader import read_key
from rcflab.records import Cell, Json
from rcflab.search.cells import Trials, value_at, with_values
from rcflab.search.chain import Chain
from rcflab.search.checks import space_of
from rcflab.search.conductor import Conductor, Policy, final_of
from rcflab.search.config import SearchConfig
from rcflab.search.found import Found
from rcflab.search.names import study_names
from rcflab.search.optuna_importance import importances
from rcflab.search.optuna_study import SearchStudy, frozen_in, trials_in
from rcflab.search.space import Space
from rcflab.search.videos import video_scores
from rcflab.session import Session


def trials_of(session: Session, arm: str) -> Trials:
    """How the points of the study of `arm` become cells."""
    search = search_of(session)
    return Trials(
        session.spec.task, arm, f"{arm} " if search.per_arm else "", arm_config(session, arm), search.seeds,
        session.storage,
    )  # fmt: skip


def arm_config(session: Session, arm: str) -> Mapping[str, Json]:
    """The resolved configuration of an arm."""
    return next(cell.config for cell in session.plan.cells if cell.arm == arm)


def search_of(session: Session) -> SearchConfig:
    """The search of an experiment that has one."""
    assert session.spec.search is not None, "the experiment has a search"
    return session.spec.search


def open_conductors(
    session: Session, journal: JournalStorage, heard: Callable[[Sequence[Cell], bool], None], on_stale: str
) -> Chain:
    """The studies in `journal`, each with its open trials taken up; new ones import what fits.

    Raises IncompleteError where `on_stale` is `ask` and earlier trials fit that other code finished.
    """
    search, space = search_of(session), space_of(session.spec)
    metric, *_ = search.objective
    conductors: dict[str, Conductor] = {}
    running: set[str] = set()
    for arm, name in study_names(session).items():
        first = int(arm_config(session, arm)["training"]["evaluate_every"])
        policy = Policy(
            search, session.provenance.code_digest, on_stale == "reuse", first,
            space.size() if search.sampler == "grid" else 0,
            video_scores(session.spec.task, session.storage, metric), heard, running,
        )  # fmt: skip
        trials = trials_of(session, arm)
        earlier = _earlier(journal, name)
        study = SearchStudy(journal, name, space, search, first)
        if all("imported" in trial.attributes for trial in study.trials()):
            fitting = _fitting(earlier, trials, space)
            if on_stale == "ask":
                _refuse_stale(fitting, trials, policy)
            _import(study, fitting, trials, policy)
        conductors[arm] = Conductor(study, trials, policy)
    return Chain(conductors)


def _earlier(journal: JournalStorage, name: str) -> list[tuple[str, FrozenTrial]]:
    """Complete trials of the other studies of the same arm, oldest first."""
    family = name.rpartition("/")[0]
    others = [study.study_name for study in journal.get_all_studies() if study.study_name != name]
    return [
        (f"{other} trial {trial.number}", trial)
        for other in others
        if other.rpartition("/")[0] == family
        for trial in frozen_in(journal, other)
        if trial.state is TrialState.COMPLETE
    ]


Fitting = Sequence[tuple[str, dict[str, Json]]]
"""Source and point of earlier trials that are points of the present space."""


def _fitting(earlier: Sequence[tuple[str, FrozenTrial]], trials: Trials, space: Space) -> Fitting:
    """Each point once."""
    found: dict[str, tuple[str, dict[str, Json]]] = {}
    for source, trial in earlier:
        point = _point_today(trial.user_attrs.get("point", {}), trials, space)
        if point is not None:
            found.setdefault(digest(point), (source, point))
    return list(found.values())


def _refuse_stale(fitting: Fitting, trials: Trials, policy: Policy) -> None:
    by_any_code = replace(policy, reuse_code=True)
    stale = [
        source
        for source, point in fitting
        if _values_today(point, trials, policy) is None and _values_today(point, trials, by_any_code) is not None
    ]
    if stale:
        raise IncompleteError(
            f"{len(stale)} trials of the search were finished by other code ({stale[0]}, ...). Run again with "
            "--on-stale reuse (they are imported) or --on-stale retrain (the search begins anew)"
        )


def _import(study: SearchStudy, fitting: Fitting, trials: Trials, policy: Policy) -> None:
    """Add the earlier trials whose cells are finished, as far as the budget goes."""
    taken = {digest(dict(trial.point)) for trial in study.trials()}
    for source, point in fitting:
        if policy.search.trials is not None and len(taken) >= policy.search.trials:
            return
        values = None if digest(point) in taken else _values_today(point, trials, policy)
        if values is not None:
            study.adopt(point, values, source)
            taken.add(digest(point))


def _point_today(point: Mapping[str, Json], trials: Trials, space: Space) -> dict[str, Json] | None:
    """The point of the present space with the configuration that `point` had; None where there is none."""
    try:
        config = with_values(trials.task, trials.config, point)
        today = space.points(lambda parameter: value_at(config, parameter.path))
        fits = all(each.holds(today[each.path]) for each in space.parameters if each.path in today)
        return today if fits and with_values(trials.task, trials.config, today) == config else None
    except (ValidationError, LookupError, TypeError):
        return None


def _values_today(point: Mapping[str, Json], trials: Trials, policy: Policy) -> list[float] | None:
    """What the ledger has for the point under the present objective; None unless every cell is finished."""
    states = [(cell, read_key(trials.storage, cell.train_key)) for cell in trials.cells(0, point)]
    finals = [
        final_of(state, cell, policy.code_digest, reuse_code=policy.reuse_code)
        for cell, state in states
        if state.state == "finished"
    ]
    done = [final for final in finals if final is not None]
    objective = list(policy.search.objective)
    if len(done) < len(states) or any(key not in final.values for final in done for key in objective):
        return None
    return [math.fsum(final.values[key] for final in done) / len(done) for key in objective]


def recorded_cells(session: Session, journal: JournalStorage) -> list[Cell]:
    """The cells of all trials of the present studies in `journal`."""
    return [
        cell
        for arm, name in study_names(session).items()
        for trial in trials_in(journal, name, space_of(session.spec))
        for cell in trials_of(session, arm).cells(trial.number, trial.point)
    ]


def found_by(session: Session, arm: str, conductor: Conductor) -> Found:
    """What one study has found so far."""
    search, space = search_of(session), space_of(session.spec)
    trials = conductor.study.trials()
    return Found(
        arm=arm,
        study=conductor.study.name,
        objective=search.objective,
        names={each.path: each.factor.name for each in space.parameters},
        trials=tuple(trials),
        labels={trial.number: conductor.name(trial.number) for trial in trials},
        importance=importances(trials, space, search.objective),
    )
