"""How long something will still take, said only where somebody would wonder: after 5 seconds, or before them.

done, total --pace since the start--> more than 5 s in all? --every 5 s--> "scoring: 120 of 1200, ETA 3 min"
"""

import time
from collections.abc import Callable

from rich.console import Console

from rcflab.progress import duration

_PATIENCE_S = 5.0
"""What needs less says nothing; then it speaks as often."""
_SURE_S = 1.0
"""Before that a pace is a guess."""


def on_stderr(line: str) -> None:
    """One line for a person."""
    Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)


class Countdown:
    """Call it with what is done and what there is in all, after each thing that took time."""

    def __init__(
        self, what: str, say: Callable[[str], None] = on_stderr, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._say, self._clock = what, say, clock
        self._began = self._said = clock()
        self._timed = 0

    def __call__(self, done: int, total: int) -> None:
        """Say it, or wait."""
        self._timed += 1
        now = self._clock()
        elapsed = now - self._began
        left = (total - done) * elapsed / self._timed
        first = self._said == self._began
        if elapsed < _SURE_S or elapsed + left <= _PATIENCE_S or (not first and now - self._said < _PATIENCE_S):
            return
        self._said = now
        self._say(f"{self._what}: {done} of {total}, ETA {duration(left)}")
