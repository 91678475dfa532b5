"""An experiment in a notebook: what the commands do, as values.

rcflab.open(YAML) --> Experiment .plan() --> .run() --> .results(), .history(), .table(), .figure(), .diff(), .load()

It stands on the same functions as the commands, so both can take turns on one storage. Nothing here prints but `run`,
nothing ends the process; what the commands print as `error: ...` is raised as an exception of rcflab.errors.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from rcflab.ablation import AblationTable
from rcflab.curves import cell_curves
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.frames import history_frame, plan_frame, results_frame
from rcflab.notebook import progress_console, show_figures
from rcflab.records import Cell, Json
from rcflab.report.figures import FIGURES, FigureData, draw_figure, figure_kind
from rcflab.running import Choose, refuse_stale, run_session
from rcflab.session import LedgerView, Session, open_experiment, read_ledger
from rcflab.sides import Side, compare, provenance_of, side_of_trial
from rcflab.storage.opening import mirror_of
from rcflab.suggest import nearest
from rcflab.table_view import TableView
from rcflab.tables import build_table
from rcflab.task import load_task
from rcflab.trials import find_trial

OnStale = Literal["ask", "reuse", "retrain"]
"""What to do with what other code finished; `ask` refuses with the choices, since a notebook has nobody to ask."""


def open_yaml(
    path: str | Path,
    *,
    set: Mapping[str, Json] | Sequence[str] = (),
    arms: Sequence[str] | None = None,
    seeds: int | None = None,
    base: str | None = None,
) -> "Experiment":
    """Open the experiment in the YAML file `path`; nothing starts. This is `rcflab.open`.

    `set` overrides fields, as {"training.steps": 100}; `arms` and `seeds` narrow the plan; `base` takes another base
    (experiments/README.md). The file, the data and the code are looked at now: open it again after a change. Raises
    rcflab.errors.InputError with every problem of the file.
    """
    options = [f"{field}={json.dumps(value)}" for field, value in set.items()] if isinstance(set, Mapping) else set
    return Experiment(open_experiment(Path(path), options, arms, seeds, base))


class Experiment:
    """One experiment, opened. Each method looks at the ledger anew, so it is right while another process runs it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def name(self) -> str:
        """The name in the file."""
        return self._session.spec.name

    @property
    def baseline(self) -> str:
        """The arm that all others are compared with."""
        return self._session.plan.baseline

    @property
    def arms(self) -> tuple[str, ...]:
        """In the order of the table."""
        return tuple(dict.fromkeys(cell.arm for cell in self._session.plan.cells))

    @property
    def storage(self) -> Path:
        """The storage root."""
        return self._session.storage

    @property
    def figures(self) -> tuple[str, ...]:
        """The names that `figure` takes."""
        return tuple(FIGURES)

    def plan(self) -> pd.DataFrame:
        """One row a cell (arm x seed): `state` is done, running, missing, failed (with `reason`) or stale."""
        return plan_frame(self._session, self._view())

    def run(
        self, on_stale: OnStale = "ask", on_lost: Literal["refuse", "retrain"] = "refuse", *, partial: bool = False
    ) -> TableView:
        """Train and evaluate what is missing, write the tables below the storage root, return the table.

        The options are those of `rcflab run`; with `partial`, cells that failed are left out of the table and named in
        it. Progress is printed a line at a time. Interrupting the cell saves checkpoints first, then raises
        KeyboardInterrupt; the same call goes on from there. Raises CellsFailedError, IncompleteError (stale or lost
        trainings), InputError, InterruptedRunError, ServiceDownError or StorageError of rcflab.errors.
        """
        choose: Choose = refuse_stale if on_stale == "ask" else lambda work: on_stale
        lost = on_lost == "retrain"
        return TableView(
            run_session(self._session, progress_console(), choose, retrain_lost=lost, partial=partial).table
        )

    def results(self, metrics: Sequence[str] | None = None, *, wide: bool = False) -> pd.DataFrame:
        """The final evaluation of every cell that has one: a row for each metric of it, or with `wide` a column."""
        return results_frame(self._session, self._view(), metrics, wide=wide)

    def history(self, metrics: Sequence[str] | None = None) -> pd.DataFrame:
        """Every metric over the steps: a row for each cell, metric and step."""
        return history_frame(self._session, self._view(series=True), metrics)

    def table(self, on_stale: Literal["ask", "reuse"] = "ask", *, partial: bool = False) -> TableView:
        """The table, as `rcflab table` prints it. Raises IncompleteError that names each cell in its way.

        With `partial` these cells are left out, and named in the table.
        """
        return TableView(self._table(self._view(), on_stale, partial=partial))

    def figure(self, name: str = "forest", on_stale: Literal["ask", "reuse"] = "ask") -> Figure:
        """One of `figures`. Raises InputError for another name, IncompleteError where there is nothing to draw."""
        figure_kind(name)
        view = self._view(series=True)
        table, curves = self._table(view, on_stale), cell_curves(self._session.plan, view.keys)
        show_figures()
        return draw_figure(name, FigureData(table, curves, tuple(self._session.spec.factors or ())))

    def diff(self, one: str, other: str, seed: int | None = None) -> pd.DataFrame:
        """What differs between two arms: a row for each field (part, field, value of each), keys at seed 0.

        With a `seed` the two cells there are compared: also what made them (code, packages, machine, data), where it
        differs, and their results. A side may also be the beginning of a trial's key below the same storage root.
        Raises InputError for a side that is not there.
        """
        view = self._view()
        sides = [self._side(text, seed, view) for text in (one, other)]
        names = [one, other] if one != other else [one, f"{other} again"]
        return pd.DataFrame(
            [dict(zip(("part", "field", *names), row, strict=True)) for row in compare(*sides).rows()],
            columns=["part", "field", *names],
        )

    def load(self, arm: str | None = None, seed: int = 0, *, best: bool = False) -> object:
        """The trained model of one cell, by default the baseline's: for the task `rcf` what `rcf.load` returns.

        `best` takes the checkpoint that was best on the way, which no table does. Raises InputError for a cell that is
        not in the plan, IncompleteError where nothing is trained yet.
        """
        cell = self._cell(arm or self.baseline, seed)
        key = self._view().keys[cell.train_key]
        kept = key.best if best else key.checkpoint
        if kept is None or (key.state != "finished" and not best):
            raise IncompleteError(f"{cell.arm}, seed {seed} has no trained model yet: run() trains it")
        mirror_of(self.storage).fetch(kept.path)
        return load_task(self._session.plan.task).load(self.storage / kept.path)

    def __repr__(self) -> str:
        seeds = len({cell.seed for cell in self._session.plan.cells})
        return f"<experiment {self.name}: {len(self.arms)} arms x {seeds} seeds, baseline {self.baseline}>"

    def _view(self, *, series: bool = False) -> LedgerView:
        return read_ledger(self._session, series=series)

    def _table(self, view: LedgerView, on_stale: str, *, partial: bool = False) -> AblationTable:
        return build_table(self._session, view, reuse_stale=on_stale == "reuse", partial=partial)

    def _side(self, text: str, seed: int | None, view: LedgerView) -> Side:
        if text not in self.arms and re.fullmatch("[0-9a-f]{4,}", text):
            return side_of_trial(find_trial(self.storage, text))
        cell = self._cell(text, seed or 0)
        config = {"task": self._session.plan.task, **cell.config}
        keys = {"train_key": cell.train_key, "eval_key": cell.eval_key}
        if seed is None:
            return Side(text, config, keys)
        state = view.keys[cell.train_key]
        final = state.final(cell.eval_key)
        made = provenance_of(state, final, asdict(self._session.fingerprints[text]))
        return Side(text, config, keys, "", made, final.values if final else {})

    def _cell(self, arm: str, seed: int) -> Cell:
        for cell in self._session.plan.cells:
            if (cell.arm, cell.seed) == (arm, seed):
                return cell
        got = f"arm {arm!r}, seed {seed}"
        seeds = sorted({cell.seed for cell in self._session.plan.cells})
        wanted = f"one of the arms {', '.join(self.arms)} at one of the seeds {seeds}{nearest(arm, self.arms)}"
        raise InputError([Problem(str(self._session.path), "arms", got, wanted)])
