"""One study: durable in the journal, thought about in memory.

    ask     memory proposes --> journal: the whole trial, RUNNING, in one line --> its cells may start
    report  journal: a value on the way --> memory --> pruner --> go on or not
    tell    journal: COMPLETE, PRUNED or FAIL in one line --> memory

A driver that dies leaves whole trials. Whoever opens the study again finds those that run (they are adopted, their
cells go on) and rebuilds the memory: the samplers that leave notes there are asked and told again in the same order,
which each trial remembers as `told_before`. So interrupted and uninterrupted searches propose the same points.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as State

from rcflab.faults import fault_point
from rcflab.identity import digest
from rcflab.records import Json
from rcflab.search.config import OPTUNA, SearchConfig
from rcflab.search.optuna_pruner import make_pruner
from rcflab.search.optuna_sampler import STATEFUL, make_sampler, named, suggest, unnamed
from rcflab.search.space import Point, Space
from rcflab.search.trial import Trial, TrialState

logger = logging.getLogger(__name__)

_STATES: dict[State, TrialState] = {
    State.RUNNING: "open", State.WAITING: "open", State.COMPLETE: "complete", State.PRUNED: "pruned",
    State.FAIL: "failed",
}  # fmt: skip


class SearchStudy:
    """The trials of one study; all methods from one thread at a time."""

    def __init__(self, journal: BaseStorage, name: str, space: Space, search: SearchConfig, first: int) -> None:
        """Open the study `name`, or make it; `first` is the step of the first evaluation on the way."""
        self.name, self._space, self._search = name, space, search
        directions: list[StudyDirection | Literal["minimize", "maximize"]] = [
            OPTUNA[each] for each in search.objective.values()
        ]
        self._journal = journal
        self._durable = optuna.create_study(
            storage=journal, study_name=name, directions=directions, load_if_exists=True
        )
        self._id = journal.get_study_id_from_name(name)
        self._directions, self._first = directions, first
        self._forget()
        if not self._replayed(again=search.sampler in STATEFUL):
            logger.warning("the sampler proposes other points than before; its notes are lost study=%s", name)
            self._forget()
            self._replayed(again=False)

    def trials(self) -> list[Trial]:
        """All trials, in order of their numbers."""
        return [_plain(each, self._space) for each in self._journal.get_all_trials(self._id, deepcopy=False)]

    def ask(self) -> Trial | None:
        """A new trial, in the journal when this returns; None where a grid has no point left."""
        number = len(self._memory.get_trials(deepcopy=False))
        point = self._next_of_grid() if self._search.sampler == "grid" else self._proposed(number)
        if point is None:
            return None
        attributes: dict[str, Json] = {"point": point, "told_before": self._told[self._recorded :]}
        self._recorded = len(self._told)
        fault_point("search.asked")
        self._journal.create_new_trial(self._id, self._frozen(point, State.RUNNING, attributes=attributes))
        fault_point("search.written")
        return _plain(self._journal.get_trial(self._trial_id(number)), self._space)

    def adopt(self, point: Point, values: Sequence[float], source: str) -> None:
        """Add a trial of another study, complete."""
        attributes: dict[str, Json] = {"point": dict(point), "imported": source}
        frozen = self._frozen(point, State.COMPLETE, values, attributes)
        self._journal.create_new_trial(self._id, frozen)
        fault_point("search.adopted")
        self._notes.create_new_trial(self._memory_id, frozen)

    def should_prune(self, number: int, step: int, value: float) -> bool:
        """Note the value of a running trial at `step`; true where the pruner would stop it. The answer is kept."""
        if (number, step) not in self._reported:
            self._journal.set_trial_intermediate_value(self._trial_id(number), step, value)
            fault_point("search.reported")
            self._note(number, step, value)
        return self._reported[number, step]

    def complete(self, number: int, values: Sequence[float]) -> None:
        """The trial has these values, one for each objective."""
        self._end(number, State.COMPLETE, values)

    def prune(self, number: int) -> None:
        """The trial was stopped; its last value on the way is no result."""
        self._end(number, State.PRUNED, None)

    def fail(self, number: int, reason: str) -> None:
        """The trial has no values."""
        self._journal.set_trial_user_attr(self._trial_id(number), "reason", reason)
        self._end(number, State.FAIL, None)

    def _end(self, number: int, state: State, values: Sequence[float] | None) -> None:
        fault_point("search.tell")
        self._journal.set_trial_state_values(self._trial_id(number), state, values)
        fault_point("search.told")
        self._remember(self._journal.get_trial(self._trial_id(number)))

    @property
    def _memory_id(self) -> int:
        return self._notes.get_study_id_from_name(self.name)

    def _trial_id(self, number: int) -> int:
        return self._journal.get_trial_id_from_study_id_trial_number(self._id, number)

    def _note_id(self, number: int) -> int:
        return self._notes.get_trial_id_from_study_id_trial_number(self._memory_id, number)

    def _proposed(self, number: int) -> dict[str, Json]:
        """What the sampler proposes for trial `number`, which runs in memory from now on."""
        self._memory.sampler = make_sampler(self._search, number)
        trial = self._memory.ask()
        assert trial.number == number, "journal and memory have the same trials"
        return suggest(trial, self._space)

    def _next_of_grid(self) -> dict[str, Json] | None:
        """The first point of the grid that no trial has."""
        taken = {digest(dict(trial.point)) for trial in self.trials()}
        point = next((each for each in self._space.grid() if digest(each) not in taken), None)
        if point is not None:
            self._notes.create_new_trial(self._memory_id, self._frozen(point, State.RUNNING))
        return point

    def _frozen(
        self,
        point: Point,
        state: State,
        values: Sequence[float] | None = None,
        attributes: dict[str, Json] | None = None,
    ) -> FrozenTrial:
        params, distributions = named(self._space, dict(point))
        frozen = create_trial(
            state=state, values=values, params=params, distributions=distributions, user_attrs=attributes
        )
        frozen.datetime_start = frozen.datetime_start or datetime.now(UTC).replace(tzinfo=None)
        return frozen

    def _forget(self) -> None:
        """Begin the memory anew."""
        self._notes = InMemoryStorage()
        pruner = make_pruner(self._search.pruner, self._first)
        self._memory = optuna.create_study(
            storage=self._notes, study_name=self.name, directions=self._directions, pruner=pruner
        )
        self._told: list[int] = []
        self._recorded = 0
        self._reported: dict[tuple[int, int], bool] = {}

    def _replayed(self, *, again: bool) -> bool:
        """Bring the memory to where it was: asks, values on the way and tells in their order.

        With `again` the sampler is asked once more for each trial; false where it proposes another point now.
        """
        trials = self._journal.get_all_trials(self._id, deepcopy=False)
        for trial in trials:
            before: list[int] = trial.user_attrs.get("told_before", [])
            for number in before:
                self._remember(trials[number])
            self._recorded = len(self._told)
            if trial.user_attrs.get("imported"):
                self._notes.create_new_trial(self._memory_id, trial)
            elif not again:
                frozen = create_trial(state=State.RUNNING, params=trial.params, distributions=trial.distributions)
                self._notes.create_new_trial(self._memory_id, frozen)
            elif self._proposed(trial.number) != unnamed(self._space, trial.params):
                return False
        for trial in trials:
            if trial.state is State.RUNNING:
                for step, value in sorted(trial.intermediate_values.items()):
                    self._note(trial.number, step, value)
            elif not trial.user_attrs.get("imported") and trial.number not in self._told:
                self._remember(trial)
        return True

    def _remember(self, trial: FrozenTrial) -> None:
        """Tell the memory how a trial ended."""
        for step, value in sorted(trial.intermediate_values.items()):
            if (trial.number, step) not in self._reported:
                self._note(trial.number, step, value)
        self._memory.sampler = make_sampler(self._search, trial.number)
        if trial.state is State.COMPLETE:
            self._memory.tell(trial.number, trial.values)
        else:
            self._memory.tell(trial.number, state=trial.state)
        self._told.append(trial.number)

    def _note(self, number: int, step: int, value: float) -> None:
        self._notes.set_trial_intermediate_value(self._note_id(number), step, value)
        frozen: Any = self._notes.get_trial(self._note_id(number))
        self._reported[number, step] = self._memory.pruner.prune(self._memory, frozen)


def trials_in(journal: BaseStorage, name: str, space: Space) -> list[Trial]:
    """The trials of the study `name`, none where it is not there yet; writes nothing."""
    return [_plain(each, space) for each in frozen_in(journal, name)]


def frozen_in(journal: BaseStorage, name: str) -> list[FrozenTrial]:
    """The same as Optuna has them."""
    known = name in [study.study_name for study in journal.get_all_studies()]
    return journal.get_all_trials(journal.get_study_id_from_name(name), deepcopy=False) if known else []


def _plain(trial: FrozenTrial, space: Space) -> Trial:
    values = tuple(trial.values) if trial.state is State.COMPLETE and trial.values else None
    return Trial(
        trial.number, _STATES[trial.state], unnamed(space, trial.params), values, dict(trial.intermediate_values),
        dict(trial.user_attrs),
    )  # fmt: skip
