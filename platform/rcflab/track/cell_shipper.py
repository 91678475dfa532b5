"""Bring one cell's run up to date with its ledger.

run found or made -> params, tags -> data -> rows in batches -> files -> checkpoints -> status -> cursor
                     `--------- the cursor moves only after each acknowledgement -----------'

Files come after the rows: where only they cannot be kept, all else arrives, and they are sent by a later pass.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from rcflab.faults import fault_point
from rcflab.ledger.events import Event
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, RunPlan
from rcflab.storage.opening import mirror_of
from rcflab.track.cursor import FORM, Cursor, read_cursor, write_cursor
from rcflab.track.describe import cell_params, cell_status, cell_tags, files_of, rows_of
from rcflab.track.inputs import Inputs, models_of
from rcflab.track.source import Source
from rcflab.track.tracker import ArtifactsDownError, CellRun, ParentRun, Row, RunStatus, Tracker

logger = logging.getLogger(__name__)

_ROWS_PER_BATCH = 1000
_CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to send at once, and the number of the first event after them."""

    rows: list[Row]
    next_event: int


def batches(events: Sequence[tuple[int, Event]], eval_key: str) -> Iterator[Batch]:
    """Group the rows of whole events into batches of about a thousand."""
    rows: list[Row] = []
    following = 0
    for number, event in events:
        rows += rows_of(event, eval_key)
        following = number + 1
        if len(rows) >= _ROWS_PER_BATCH:
            yield Batch(rows, following)
            rows = []
    if following:
        yield Batch(rows, following)


class CellShipper:
    """Ships the cells of one plan into one store, below one parent run."""

    def __init__(
        self, storage: Path, folder: Path, plan: RunPlan, tracker: Tracker, inputs: Mapping[str, Inputs]
    ) -> None:
        self._storage, self._folder, self._plan, self._tracker = storage, folder, plan, tracker
        self._inputs = inputs
        self._runs: dict[str, CellRun] = {}
        self._linked: set[tuple[str, int]] = set()
        self._files_wait: ArtifactsDownError | None = None
        self.acknowledged = 0
        """How often the store has taken something."""

    def try_files(self) -> None:
        """A new pass: files may be taken again."""
        self._files_wait = None

    @property
    def files_wait(self) -> ArtifactsDownError | None:
        """Why no file was sent in this pass since then."""
        return self._files_wait

    def forget(self, eval_key: str) -> None:
        """Look the run up again at the next turn, since something went wrong with it."""
        self._runs.pop(eval_key, None)

    def find(self, cell: Cell) -> CellRun | None:
        """The cell's run: remembered, or the newest generation's oldest run in the store."""
        if cell.eval_key not in self._runs:
            found = self._tracker.find_cells(cell.eval_key)
            newest = max((run.generation for run in found), default=0)
            fitting = [run for run in found if run.generation == newest]
            if len(fitting) > 1:
                ids = [run.run_id for run in fitting]
                logger.warning("several runs for one cell eval_key=%s runs=%s using=%s", cell.eval_key, ids, ids[0])
            if fitting:
                self._runs[cell.eval_key] = fitting[0]
        return self._runs.get(cell.eval_key)

    def cursor(self, cell: Cell, run: CellRun) -> Cursor:
        """How far `run` is; from the start when the cursor on disk is of another run."""
        known = read_cursor(self._folder, cell.eval_key)
        fits = known is not None and (known.run_id, known.generation) == (run.run_id, run.generation)
        return known if known is not None and fits else Cursor(run.run_id, run.generation)

    def ship(self, cell: Cell, source: Source, parent: ParentRun) -> Cursor:
        """Send what `source` has and the cell's run lacks; returns the cursor reached. Raises like Tracker.

        Files that the store cannot keep now are left out, `files_wait` says why: the cursor is not at the end then.
        """
        state = source.state()
        run = self._run_for(cell, state, parent)
        cursor = self.cursor(cell, run)
        cursor = self._describe(cell, state, cursor)
        cursor = self._name_data(cell, cursor)
        for batch in batches(source.since(cursor.events), cell.eval_key):
            self._tracker.log_rows(cursor.run_id, batch.rows)
            cursor = self._advance(cell, replace(cursor, events=batch.next_event, ledger_bytes=-1))
        cursor = self._send_files(cell, state, cursor)
        cursor = self._register(cell, state, cursor)
        status = cell_status(cell, state)
        ended = (
            "PRUNED" if state.state == "pruned" else status
        )  # a store has no word for it, and the parent is not KILLED
        if ended != cursor.status:
            self._tracker.set_status(cursor.run_id, status, _end_of(status, state))
        whole = source.read_bytes if self._files_wait is None else -1
        return self._advance(cell, replace(cursor, status=ended, ledger_bytes=whole, form=FORM))

    def link(self, cell: Cell, parent: ParentRun) -> None:
        """Point from our parent to the cell's run if it was made for another experiment, arm or seed."""
        run = self._runs.get(cell.eval_key)
        if run is None or (cell.arm, cell.seed) in self._linked:
            return
        if (run.experiment, run.arm, run.seed) != (self._plan.experiment, cell.arm, cell.seed):
            tag = f"rcflab.linked.{cell.arm}.seed{cell.seed}"
            self._tracker.describe(parent.run_id, {}, {tag: run.run_id})
        self._linked.add((cell.arm, cell.seed))

    def _run_for(self, cell: Cell, state: KeyState, parent: ParentRun) -> CellRun:
        """The cell's run of the present generation, made if the store has none: nothing there keeps two runs apart."""
        run = self.find(cell)
        if run is not None and run.generation < state.generation:
            self.forget(cell.eval_key)  # what we remember is outdated; another process may have made the new run
            run = self.find(cell)
        if run is not None and run.generation >= state.generation:
            return run
        if run is not None:
            self._supersede(run, state)
        made = self._tracker.create_cell(parent, self._plan, cell, state.generation, _started(state))
        fault_point("ship.run_created")
        self._runs[cell.eval_key] = made
        return made

    def _supersede(self, run: CellRun, state: KeyState) -> None:
        """Other code trains anew: its curve must not be mixed into the old one."""
        self._tracker.describe(run.run_id, {}, {"rcflab.superseded": "true"})
        if run.status == "RUNNING":
            self._tracker.set_status(run.run_id, "KILLED", _started(state))

    def _describe(self, cell: Cell, state: KeyState, cursor: Cursor) -> Cursor:
        params, tags = cell_params(cell), cell_tags(cell, state, self._storage)
        digest = hashlib.sha256(json.dumps([params, tags], sort_keys=True).encode()).hexdigest()[:16]
        if digest == cursor.described:
            return cursor
        self._tracker.describe(cursor.run_id, {} if cursor.described else params, tags)
        return self._advance(cell, replace(cursor, described=digest))

    def _send_files(self, cell: Cell, state: KeyState, cursor: Cursor) -> Cursor:
        """The cursor after what the store has taken; a file that it cannot keep now ends that for the whole pass."""
        if self._files_wait is not None:
            return cursor
        try:
            for mark, send in self._files(cell, state, cursor):
                if mark not in cursor.uploaded:
                    send()
                    cursor = self._advance(cell, replace(cursor, uploaded=(*cursor.uploaded, mark)))
        except ArtifactsDownError as error:
            self._files_wait = error
        return cursor

    def _files(self, cell: Cell, state: KeyState, cursor: Cursor) -> Iterator[tuple[str, Callable[[], None]]]:
        """Marks of the run's files, each with what sends it."""
        text = json.dumps(cell.config, indent=2, sort_keys=True)
        yield _CONFIG, partial(self._tracker.write_text, cursor.run_id, _CONFIG, text)
        files = files_of(cell, state)
        self._fetch(name for name, _, mark in files if mark not in cursor.uploaded)
        for name, folder, mark in files:
            yield mark, partial(self._upload, cell, cursor.run_id, self._storage / name, folder)

    def _fetch(self, names: Iterable[str]) -> None:
        """Bring what another machine has evaluated: ledgers are followed while they grow, files are not."""
        missing = {str(PurePosixPath(name).parent) for name in names if not (self._storage / name).is_file()}
        mirror_of(self._storage).fetch(*sorted(missing))

    def _upload(self, cell: Cell, run_id: str, file: Path, folder: str) -> None:
        if file.is_file():
            self._tracker.upload(run_id, file, folder)
        else:
            logger.warning("artifact is gone path=%s cell=%s/seed%d", file, cell.arm, cell.seed)

    def _name_data(self, cell: Cell, cursor: Cursor) -> Cursor:
        data = self._inputs.get(cell.arm, Inputs()).data
        mark = f"data:{'+'.join(each.digest for each in data)}"
        if not data or mark in cursor.uploaded:
            return cursor
        self._tracker.log_data(cursor.run_id, data)
        return self._advance(cell, replace(cursor, uploaded=(*cursor.uploaded, mark)))

    def _register(self, cell: Cell, state: KeyState, cursor: Cursor) -> Cursor:
        """Checkpoints, once the training has ended: before, each is soon replaced."""
        models = models_of(cell, state, self._storage, self._inputs.get(cell.arm, Inputs()))
        mark = "models:" + "+".join(each.sha256[:16] for each in models)
        if not models or mark in cursor.uploaded:
            return cursor
        self._tracker.register(cursor.run_id, models)
        return self._advance(cell, replace(cursor, uploaded=(*cursor.uploaded, mark)))

    def _advance(self, cell: Cell, cursor: Cursor) -> Cursor:
        write_cursor(self._folder, cell.eval_key, cursor)
        self.acknowledged += 1
        return cursor


def _started(state: KeyState) -> int:
    return state.attempt.ts_ms if state.attempt else 0


def _end_of(status: RunStatus, state: KeyState) -> int | None:
    return None if status == "RUNNING" or state.ended is None else state.ended.ts_ms
