"""Workers whose driver is gone, and what drivers leave behind.

worker --DriverWatch--> the driver's process, where it is on this host; its beats, where it is on another one
                        gone --> the job saves a checkpoint and ends: Ray ends it too, unless the machine is cut off
driver --sweep--> batches of drivers that died are deleted
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from rcflab.execute.batch import FILE, Batch
from rcflab.ledger.lease import HEARTBEAT_TTL_S, ProcessId, is_alive, this_process
from rcflab.storage.opening import mirror_of

SILENCE_S = 2 * HEARTBEAT_TTL_S
"""A driver on another host that gave no sign for so long counts as dead: twice what a network file system may keep to
itself."""
_EVERY_S = 5.0
_FORGOTTEN_S = 24 * 3600.0


class DriverWatch:
    """The driver of a batch as one of its workers sees it."""

    def __init__(self, batch: Batch, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds; two clocks are never compared, only whether beats come."""
        self._batch, self._clock = batch, clock
        self._is_near = batch.driver.host == this_process().host
        self._looked = self._changed = clock()
        self._beat = 0.0

    def is_gone(self) -> bool:
        """Whether nobody waits for this worker any more. Looks every few seconds only."""
        now = self._clock()
        if now - self._looked < _EVERY_S:
            return False
        self._looked = now
        if self._is_near:
            return not is_alive(self._batch.driver)
        try:
            beat = self._batch.last_beat()
        except OSError:  # what a missing folder means is asked elsewhere
            return False
        if beat != self._beat:
            self._beat, self._changed = beat, now
        return now - self._changed > SILENCE_S


def sweep(storage: Path) -> None:
    """Delete the batches of drivers that died; an actor that outlived its driver sees it and ends."""
    mirror = mirror_of(storage)
    mirror.fetch("ray")
    for folder in (storage / "ray").glob("run-*"):
        try:
            driver = ProcessId(**json.loads((folder / FILE).read_text())["driver"])
            left = not is_alive(driver) or _is_silent(folder, driver)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if left:
            mirror.drop(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _is_silent(folder: Path, driver: ProcessId) -> bool:
    """Whether a driver on another host shows no sign of life, by the clock of the file system."""
    if driver.host == this_process().host:
        return False
    if (folder / "beat").exists():  # in a store: clocks of machines differ, and a batch may lie there for a while
        return time.time() - int((folder / "beat").read_text()) / 1e9 > _FORGOTTEN_S
    mark = folder.with_name(f".clock-{os.getpid()}")
    try:
        mark.touch()
        return mark.stat().st_mtime - (folder / FILE).stat().st_mtime > SILENCE_S
    finally:
        mark.unlink(missing_ok=True)
