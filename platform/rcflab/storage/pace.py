"""Not more often than every few seconds: for what costs a request each time that somebody asks."""

import time
from collections.abc import Callable


class Pace:
    """Says when the next turn has come. For several threads: two of them may both be told so at once."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = every_s, clock
        self._next_s = float("-inf")

    def is_due(self) -> bool:
        """True at the first call, and once `every_s` seconds have passed since the last True."""
        now_s = self._clock()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._every_s
        return True
