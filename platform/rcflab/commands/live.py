"""The progress view of a run, on stderr: a live panel in a terminal, plain lines elsewhere.

Watch --poll, snapshot--> rich.Live | lines, from a thread of its own while the block runs
"""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rcflab.errors import LabError
from rcflab.progress import Running, Snapshot, Watch, duration

logger = logging.getLogger(__name__)

_EVERY_S = 0.5
_REST = 20
"""Times what a look has cost: with ten thousand trainings to look at, the view may not take the driver's time."""
_LINE_EVERY = 60
"""Polls between two summary lines outside a terminal."""
_WAITING_EVERY = 1200
"""Polls between two lines there that say why cells wait: it is told once, and now and then as long as it lasts."""


@contextmanager
def shown(watch: Watch, console: Console) -> Generator[None]:
    """Show the progress of a run while the block runs, and the last news after it."""
    done = threading.Event()
    thread = threading.Thread(target=_follow, args=(watch, console, done), name="rcflab-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _follow(watch: Watch, console: Console, done: threading.Event) -> None:
    show = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else nullcontext()
    try:
        with show as live:
            _repeat(watch, console, done, live)
        _tell(watch, console)
    except LabError as error:  # a view must never end the run; the driver meets the same fault where it matters
        logger.warning("progress view ends reason=%s", error)


def _repeat(watch: Watch, console: Console, done: threading.Event, live: Live | None) -> None:
    polls, told, pause_s = 0, -_WAITING_EVERY, 0.0
    while not done.wait(pause_s):
        polls, began = polls + 1, time.thread_time()
        _tell(watch, console)
        pause_s = max(_EVERY_S, _REST * (time.thread_time() - began))
        snapshot = watch.snapshot()
        if live is not None:
            live.update(panel(snapshot), refresh=True)
            continue
        if snapshot.waiting and polls - told >= _WAITING_EVERY:
            _say(console, snapshot.waiting)
            told = polls
        elif not snapshot.waiting:
            told = -_WAITING_EVERY
        if polls % _LINE_EVERY == 0:
            _say(console, summary(snapshot))


def _tell(watch: Watch, console: Console) -> None:
    for line in watch.poll():
        _say(console, line)


def _say(console: Console, line: str) -> None:
    console.print(Text(line, style="red" if ": failed" in line else ""), soft_wrap=True)


def summary(snapshot: Snapshot) -> str:
    """One line: 3 done, 2 running, 7 left, ETA 12 min; then each running cell."""
    cells = [f"{each.label} {each.step}/{each.steps}{_values(each)}" for each in snapshot.running]
    return "; ".join([_counts(snapshot), *cells])


def panel(snapshot: Snapshot) -> Group:
    """The live view: one row for each training in progress, the counts, and why others wait."""
    table = Table.grid(padding=(0, 2))
    for each in snapshot.running:
        bar = ProgressBar(total=each.steps, completed=each.step, width=24)
        table.add_row(Text(each.label), bar, f"{each.step}/{each.steps}", Text(_values(each).strip()))
    waiting = [Text(snapshot.waiting, style="yellow")] if snapshot.waiting else []
    return Group(table, Text(_counts(snapshot)), *waiting)


def _counts(snapshot: Snapshot) -> str:
    parts = [f"{snapshot.done} done", f"{len(snapshot.running)} running", f"{snapshot.left} left"]
    if snapshot.failed:
        parts.insert(1, f"{snapshot.failed} failed")
    if snapshot.pruned:
        parts.insert(1, f"{snapshot.pruned} pruned")
    if snapshot.eta_s is not None and (snapshot.running or snapshot.left):
        parts.append(f"ETA {duration(snapshot.eta_s)}")
    return ", ".join(parts)


def _values(running: Running) -> str:
    loss = "" if running.loss is None else f" loss {running.loss:.3f}"
    score = "" if running.score is None else f" {running.score_label} {running.score:.1f}"
    return loss + score
