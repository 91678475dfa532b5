"""Arrays in memory within a byte budget.

key --> kept? --yes--> value, now the most recently used
          |--no--> make() --> keep; the least recently used leave until the budget holds
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Values by key, the least recently used leave first; safe to use from several threads."""

    def __init__(self, budget: int, size_of: Callable[[Value], int]) -> None:
        self.budget, self.used = budget, 0
        self._size_of = size_of
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made when it is not kept. Two threads may both make it; one of the results is kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = value
                self.used += self._size_of(value)
            self._shrink()
        return value

    def _shrink(self) -> None:
        while self.used > self.budget:
            _, oldest = self._kept.popitem(last=False)
            self.used -= self._size_of(oldest)
