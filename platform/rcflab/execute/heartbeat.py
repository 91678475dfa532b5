"""Signs of life while a step or an evaluation takes long.

beating(lease): a thread touches the lease every few seconds --> a driver on another host sees that the owner lives
"""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

from rcflab.errors import LabError
from rcflab.ledger.lease import Lease

logger = logging.getLogger(__name__)

_EVERY_S = 10.0


@contextmanager
def beating(lease: Lease) -> Generator[None]:
    """Beat in the background for the block. A lost lease only ends the thread: the next write of the owner raises."""
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, done), name=f"heartbeat-{lease.key}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(lease: Lease, done: threading.Event) -> None:
    while not done.wait(_EVERY_S):
        try:
            lease.heartbeat()
        except LabError as error:
            logger.warning("heartbeat ends key=%s reason=%s", lease.key, error)
            return
