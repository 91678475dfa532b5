"""Ctrl-C and SIGTERM end a stream after a whole frame.

signal --while the source is waited for--> KeyboardInterrupt at once
       --in the middle of a frame--------> asked() is true, the frame is finished first; a second one interrupts
"""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Catches both signals while the block runs; only in the main thread, as Python wants it."""

    def __init__(self, waiting: Callable[[], bool]) -> None:
        """`waiting`: whether nothing is lost by an interruption at this moment."""
        self._waiting, self._asked = waiting, False
        self._before: dict[signal.Signals, Any] = {}

    def asked(self) -> bool:
        """Whether somebody wants it to stop."""
        return self._asked

    def __enter__(self) -> "Stopping":
        self._before = {each: signal.signal(each, self._hear) for each in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again, self._asked = self._asked, True
        if again or self._waiting():
            raise KeyboardInterrupt
