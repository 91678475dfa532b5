"""What is in a storage root: each experiment with how far it is and how its arms do.

plan.json of each experiment --ledgers, leases--> states, values --> Overview
                             one trial a line  --> TrialLine

A ledger that several experiments share is read once.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import holder
from rcflab.ledger.reader import read_key
from rcflab.metrics import METRICS
from rcflab.plan import cell_states
from rcflab.plan_file import PlanRecord
from rcflab.records import CellState
from rcflab.stats.summary import Summary, summarize


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One cell."""

    arm: str
    seed: int
    eval_key: str
    train_key: str
    state: CellState
    value: float | None
    """The experiment's metric in the final evaluation; None without one."""
    step: int
    reason: str
    """Why it failed; else empty."""
    changed_ms: int | None
    """Last event but the curves, Unix time; None before the first."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One experiment."""

    record: PlanRecord
    trials: tuple[TrialLine, ...]
    table: Path | None
    """The Markdown file; None while there is none."""

    @property
    def counts(self) -> Mapping[CellState, int]:
        """How many cells are in each state."""
        return Counter(trial.state for trial in self.trials)

    @property
    def changed_ms(self) -> int | None:
        """The last change of any of its trials."""
        return max((trial.changed_ms for trial in self.trials if trial.changed_ms is not None), default=None)

    def arms(self) -> dict[str, Summary]:
        """Of each arm that has a value: mean, standard deviation and n over the seeds that have one."""
        values: dict[str, list[float]] = {}
        for trial in self.trials:
            if trial.value is not None:
                values.setdefault(trial.arm, []).append(trial.value)
        return {arm: summarize(found) for arm, found in values.items()}

    def best(self) -> str | None:
        """The arm with the best mean so far; None where no direction is better. A ranking, not a test."""
        sign = {"higher": 1, "lower": -1, "neither": 0}[METRICS[self.record.metric].better]
        means = {arm: sign * found.mean for arm, found in self.arms().items()}
        return max(means, key=lambda arm: means[arm]) if means and sign else None


@dataclass(slots=True)
class Inventory:
    """Reads a storage root; remembers the ledgers that it has read."""

    storage: Path
    code_digest: str
    """Of the present code: what other code finished is stale."""
    _keys: dict[str, KeyState] = field(default_factory=dict[str, KeyState])

    def overview(self, record: PlanRecord) -> Overview:
        """Where the experiment stands. Raises StorageError for a damaged ledger."""
        plan = record.plan
        keys = {cell.train_key: self._key(cell.train_key) for cell in plan.cells}
        live = {key for key, state in keys.items() if state.state != "finished" and holder(self.storage, key)}
        states = cell_states(plan, keys, live, self.code_digest)
        lines = tuple(
            self._line(record, cell.arm, cell.seed, cell.eval_key, cell.train_key, states[cell.eval_key])
            for cell in plan.cells
        )
        table = self.storage / "experiments" / record.experiment / "table.md"
        return Overview(record, lines, table if table.is_file() else None)

    def _key(self, key: str) -> KeyState:
        if key not in self._keys:
            self._keys[key] = read_key(self.storage, key, series=False)
        return self._keys[key]

    def _line(
        self, record: PlanRecord, arm: str, seed: int, eval_key: str, train_key: str, state: CellState
    ) -> TrialLine:
        key = self._keys[train_key]
        final = key.final_before_others(eval_key, self.code_digest)
        shown = final is not None and state in ("done", "stale")
        value = final.values.get(record.metric) if final is not None and shown else None
        reason = key.reason if state == "failed" else ""
        return TrialLine(arm, seed, eval_key, train_key, state, value, key.step, reason, _changed(key))


def _changed(key: KeyState) -> int | None:
    events = [key.attempt, key.ended, key.checkpoint, key.best, *key.evaluations[-1:]]
    return max((event.ts_ms for event in events if event is not None), default=None)
