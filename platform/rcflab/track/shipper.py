"""Replay the ledger of a plan to a tracking store, exactly once, never in the way of training.

    ledger/<train_key> --> Source --> CellShipper --> Tracker          one pass = ship()
                             `-- a fault: kept, told by pending(), tried again later with growing pauses

The store being down costs nothing but delay: the queue is the ledger itself. One shipper at a time for each store
address and storage root; another one waits its turn.
"""

import logging
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from rcflab.errors import RcfError, ServiceDownError
from rcflab.ledger.files import LockBusyError, file_lock, storage_errors
from rcflab.ledger.reader import ledger_bytes
from rcflab.records import Cell, RunPlan
from rcflab.track.cell_shipper import CellShipper
from rcflab.track.cursor import FORM, Cursor, read_cursor, ship_folder
from rcflab.track.describe import note
from rcflab.track.inputs import Inputs
from rcflab.track.source import Source
from rcflab.track.tracker import ParentRun, RunStatus, Tracker, TrackingAccessError

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 60.0
_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Pending:
    """What is not shipped yet."""

    events: int
    """Ledger events that the store has not acknowledged, as far as the last pass could see."""
    fault: str | None
    """Why, in one line; None when nothing went wrong."""
    refused: bool = False
    """The store lets this user not in: waiting will not help."""

    @property
    def clear(self) -> bool:
        """Everything is shipped."""
        return self.events == 0 and self.fault is None

    def __str__(self) -> str:
        """What waits, and why."""
        what = f"{self.events} events wait" if self.events else "not all is sent"
        return f"{what}: {self.fault or 'there was no time'}"


class Shipper:
    """Ships one plan. All methods may be called from any thread; none raises for a fault of the store."""

    def __init__(
        self, storage: Path, plan: RunPlan, tracker: Tracker, inputs: Mapping[str, Inputs] = MappingProxyType({})
    ) -> None:
        self._storage, self._plan, self._tracker = storage, plan, tracker
        self._folder = ship_folder(storage, tracker.uri)
        self._cells: dict[str, dict[str, Cell]] = {}
        for cell in plan.cells:
            self._cells.setdefault(cell.train_key, {}).setdefault(cell.eval_key, cell)
        self._shipper = CellShipper(storage, self._folder, plan, tracker, inputs)
        self._sources: dict[str, Source] = {}
        self._parent: ParentRun | None = None
        self._parent_status = ""
        self._reached: dict[str, Cursor] = {}
        self._fault: RcfError | None = None
        """Of the last whole pass."""
        self._found: RcfError | None = None
        """Of the pass at hand, the first."""
        self._sent = 0
        self._passes = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, cells: Iterable[Cell]) -> None:
        """Ship these cells too, from the next pass on."""
        for cell in cells:
            self._cells.setdefault(cell.train_key, {}).setdefault(cell.eval_key, cell)

    def ship(self) -> int:
        """Make one pass over the plan and return how many ledger events were acknowledged; `pending` has the fault."""
        with self._passes:
            self._found, self._sent = None, 0
            with self._keeping_faults(), self._only_shipper():
                self._pass()
            self._fault = self._found
            return self._sent

    def pending(self) -> Pending:
        """What the last pass left undone. Call `ship` first for the present state."""
        waiting = 0
        for train_key, source in list(self._sources.items()):
            reached = [self._reached.get(eval_key) for eval_key in self._cells[train_key]]
            waiting += sum(source.count - (cursor.events if cursor else 0) for cursor in reached)
        fault = self._fault
        return Pending(waiting, None if fault is None else str(fault), isinstance(fault, TrackingAccessError))

    def run_in_background(self, interval_s: float = 2.0) -> None:
        """Start a thread that ships every `interval_s` seconds, less often while the store is down."""
        assert self._thread is None, "the shipper runs already"
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(interval_s,), name="rcflab-shipper", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the background thread; one that hangs in a call to the store is left to end by itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def finish(self, timeout_s: float, *, to_the_end: bool = False) -> Pending:
        """Ship what is left, trying for at most `timeout_s` seconds, and give the parent run its status.

        With `to_the_end` a store that goes on taking things is given more time, however much there is.
        """
        deadline = time.monotonic() + timeout_s
        self.stop(timeout_s)
        last = threading.Thread(target=self._drain, args=(deadline,), name="rcflab-shipper-end", daemon=True)
        last.start()
        seen, taken = -1, 0
        last.join(max(deadline - time.monotonic(), 0.1))
        while to_the_end and last.is_alive() and seen != (taken := self._shipper.acknowledged):
            seen = taken
            last.join(timeout_s)
        pending = self.pending()
        if last.is_alive() and pending.fault is None:
            return replace(pending, fault=f"{self._tracker.uri} did not answer within {timeout_s:.0f} s")
        return pending

    def _run(self, interval_s: float) -> None:
        pause = interval_s
        while not self._stop.wait(pause):
            self.ship()
            pause = interval_s if self._fault is None else min(2 * pause, max(_LONGEST_PAUSE_S, interval_s))

    def _drain(self, deadline: float) -> None:
        while True:
            self.ship()
            pending = self.pending()
            if pending.clear or pending.refused or time.monotonic() + _RETRY_S >= deadline:
                break
            time.sleep(_RETRY_S)
        if pending.clear and self._parent is not None:
            with self._passes:
                with self._keeping_faults():
                    self._set_parent_status(self._parent, self._final_status())
                self._fault = self._found

    @contextmanager
    def _keeping_faults(self) -> Generator[None]:
        try:
            yield
        except RcfError as error:
            self._keep(error)
        except Exception as error:  # a defect of ours or of the store's client must not end a training
            logger.exception("shipping failed uri=%s", self._tracker.uri)
            self._keep(RcfError(f"{type(error).__name__}: {error}"))

    def _keep(self, error: RcfError) -> None:
        if self._found is None:
            logger.info("shipping waits uri=%s reason=%s", self._tracker.uri, error)
            self._found = error

    @contextmanager
    def _only_shipper(self) -> Generator[None]:
        with storage_errors(self._folder, "create"):
            self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with file_lock(self._folder / "ship.lock", 0):
                yield
        except LockBusyError as error:
            raise LockBusyError(f"another process ships to {self._tracker.uri} just now") from error

    def _pass(self) -> None:
        known = {train_key: dict(cells) for train_key, cells in list(self._cells.items())}  # others may be added now
        self._shipper.try_files()
        for train_key in known:
            with self._keeping_faults():  # a damaged ledger must not hold up the others
                self._poll(train_key)
        if self._parent is None:
            self._parent = self._tracker.open_experiment(self._plan, note(self._plan))
            self._parent_status = self._parent.status
        for train_key, cells in known.items():
            for cell in cells.values():
                self._ship_cell(cell, self._parent)
            if train_key in self._sources:
                self._sources[train_key].forget(min(self._events_of(eval_key) for eval_key in cells))
        for cell in [*self._plan.cells, *(cell for cells in known.values() for cell in cells.values())]:
            self._shipper.link(cell, self._parent)
        if self._shipper.files_wait is not None:
            self._keep(self._shipper.files_wait)
        self._set_parent_status(self._parent, "FINISHED" if self._all_finished() else "RUNNING")

    def _poll(self, train_key: str) -> None:
        """Read what is new; a ledger that an earlier process shipped to its last byte is not even opened."""
        if train_key in self._sources:
            self._sources[train_key].poll()
            return
        size = ledger_bytes(self._storage, train_key)
        known = {key: read_cursor(self._folder, key) for key in self._cells[train_key]}
        self._reached |= {key: cursor for key, cursor in known.items() if cursor is not None}
        if size and any(cursor is None or not _has_all(cursor, size) for cursor in known.values()):
            self._open_source(train_key)

    def _open_source(self, train_key: str) -> Source:
        source = Source(self._storage, train_key)
        source.poll()
        self._sources[train_key] = source
        return source

    def _ship_cell(self, cell: Cell, parent: ParentRun) -> None:
        """Bring one cell up to date. After a refusal the other cells go on; a store that is down ends the pass."""
        try:
            source = self._source_of(cell)
            if source is None:
                return
            before = self._reached.get(cell.eval_key)
            reached = self._shipper.ship(cell, source, parent)
            known = before.events if before is not None and before.run_id == reached.run_id else 0
            self._sent += max(reached.events - known, 0)
            self._reached[cell.eval_key] = reached
        except ServiceDownError:
            raise
        except Exception:
            # The run may be gone from the store: look it up again, with the whole ledger at hand.
            self._shipper.forget(cell.eval_key)
            self._sources.pop(cell.train_key, None)
            self._reached.pop(cell.eval_key, None)
            with self._keeping_faults():
                raise

    def _source_of(self, cell: Cell) -> Source | None:
        """What there is to ship from; None when the store has it all, or when there is nothing yet."""
        reached, source = self._reached.get(cell.eval_key), self._sources.get(cell.train_key)
        if source is not None:
            return source if reached is None or not _has_all(reached, source.read_bytes) else None
        if reached is None:
            return None
        # Only the cursor says that all is shipped; believe it if the store still has that run.
        run = self._shipper.find(cell)
        if run is not None and run.run_id == reached.run_id:
            return None
        return self._open_source(cell.train_key)

    def _events_of(self, eval_key: str) -> int:
        cursor = self._reached.get(eval_key)
        return cursor.events if cursor else 0

    def _statuses(self) -> list[str]:
        reached = [self._reached.get(eval_key) for cells in self._cells.values() for eval_key in cells]
        return [cursor.status if cursor else "" for cursor in reached]

    def _all_finished(self) -> bool:
        return all(status in ("FINISHED", "PRUNED") for status in self._statuses())

    def _final_status(self) -> RunStatus:
        if self._all_finished():
            return "FINISHED"
        return "FAILED" if "FAILED" in self._statuses() else "KILLED"

    def _set_parent_status(self, parent: ParentRun, status: RunStatus) -> None:
        if status != self._parent_status:
            ended_ms = None if status == "RUNNING" else time.time_ns() // 1_000_000
            self._tracker.set_status(parent.run_id, status, ended_ms)
            self._parent_status = status


def _has_all(cursor: Cursor, ledger_bytes: int) -> bool:
    """Whether nothing is left to send of a ledger of this size."""
    return cursor.ledger_bytes == ledger_bytes and cursor.form == FORM
