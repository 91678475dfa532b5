"""Signs of life while a step or an evaluation takes long.

beating(lease.heartbeat)   a thread touches the lease every few seconds: a driver on another host sees the owner live
beating(batch.beat)        the same of the driver, for its workers: see DriverWatch in orphans.py
"""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rcflab.errors import FencedError, LabError

logger = logging.getLogger(__name__)

_EVERY_S = 10.0


@contextmanager
def beating(beat: Callable[[], None]) -> Generator[None]:
    """Beat in the background for the block. A lost lease only ends the thread: the next write of the owner raises."""
    done = threading.Event()
    thread = threading.Thread(target=_repeat, args=(beat, done), name="rcflab-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _repeat(beat: Callable[[], None], done: threading.Event) -> None:
    while not done.wait(_EVERY_S):
        try:
            beat()
        except FencedError as error:
            logger.warning("heartbeat ends reason=%s", error)
            return
        except LabError as error:  # a disk that is away for a moment must not make a living process look dead for good
            logger.warning("heartbeat missed reason=%s", error)
