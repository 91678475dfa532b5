"""The driver's look at its cluster while the jobs run.

    every few seconds   why cells wait --Patience--> note(line), and note("") once they do not
                        the head answers? not for a while --> lost(ServiceDownError)

Ray itself would end the driver a minute after its head has died, in the middle of whatever it does and without a word
of what to do next.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

import ray

from rcflab.errors import ServiceDownError
from rcflab.execute.ray_nodes import snapshot
from rcflab.execute.waiting import Patience, explanation

logger = logging.getLogger(__name__)

_EVERY_S = 3.0
_REACH_S = 5.0
HEAD_LOST_S = 40.0
"""Ray ends the process after 60 s (gcs_rpc_server_reconnect_timeout_s), and a head that keeps its state elsewhere may
be back before."""

Note = Callable[[str], None]


@contextmanager
def cluster_watched(note: Note, lost: Callable[[ServiceDownError], None]) -> Generator[None]:
    """Look at the connected cluster for the block, from two threads: a question to a dead head is never answered."""
    done = threading.Event()
    address = ray.get_runtime_context().gcs_address
    threads = [
        threading.Thread(target=_watch_head, args=(address, lost, done), name="rcflab-head", daemon=True),
        threading.Thread(target=_watch_room, args=(note, done), name="rcflab-room", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join(_REACH_S)
        note("")


def _watch_head(address: str, lost: Callable[[ServiceDownError], None], done: threading.Event) -> None:
    seen = time.monotonic()
    while not done.wait(_EVERY_S):
        if answers(address):
            seen = time.monotonic()
        elif time.monotonic() - seen > HEAD_LOST_S:
            lost(_lost(address))
            return


def _watch_room(note: Note, done: threading.Event) -> None:
    patience = Patience(time.monotonic)
    while not done.wait(_EVERY_S):
        try:
            note(patience(explanation(snapshot())))
        except Exception as error:  # a view must never end the run
            logger.info("no look at the cluster reason=%s", error)


def answers(address: str) -> bool:
    """Whether somebody listens at host:port."""
    parts = urlsplit(f"//{address}")
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_REACH_S).close()
    except OSError:
        return False
    return True


def _lost(address: str) -> ServiceDownError:
    where = f"the cluster's head at {address}" if os.environ.get("RAY_ADDRESS") else "Ray on this machine"
    return ServiceDownError(
        f"{where} does not answer any more: it died, or the network to it is cut. Checkpoints are in the storage; "
        "run the same command again once it is up"
    )
