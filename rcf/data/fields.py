"""Typed fields of one JSON object; a fault is noted with its JSON pointer and gives None, so that reading goes on.

{"id": 3, ...} --> Row.integer("id") --> 3, or None and a Problem at /videos/0/id
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rcf.data.json_file import Json, describe, escape
from rcf.data.problems import Collector


@dataclass(frozen=True, slots=True)
class Row:
    """One object of the file, at `place`."""

    problems: Collector
    place: str
    values: dict[str, Json]

    def at(self, key: str) -> str:
        """JSON pointer of a field."""
        return f"{self.place}/{escape(key)}"

    def fault(self, key: str, wanted: str, hint: str = "", rule: str = "field-type") -> None:
        """Note that field `key` is not what was wanted."""
        got = describe(self.values[key]) if key in self.values else "nothing"
        self.problems.add(self.at(key), got, wanted, hint, rule)

    def number(self, key: str) -> int | None:
        """An id: a whole number of 64 bits, because arrays of ids are made of it."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
            return value
        self.fault(key, "a whole number of 64 bits", rule="id-type")
        return None

    def integer(
        self, key: str, least: int | None = None, most: int | None = None, rule: str = "field-type"
    ) -> int | None:
        """A whole number from `least` to `most`; true and false are not numbers."""
        value = self.values.get(key)
        whole = value if isinstance(value, int) and not isinstance(value, bool) else None
        if whole is not None and (least is None or whole >= least) and (most is None or whole <= most):
            return whole
        bounds = "" if least is None else f" of at least {least}" if most is None else f" from {least} to {most}"
        self.fault(key, f"a whole number{bounds}", rule=rule)
        return None

    def text(self, key: str) -> str | None:
        """A text."""
        value = self.values.get(key)
        if isinstance(value, str):
            return value
        self.fault(key, "a text")
        return None

    def array(self, key: str) -> list[Json] | None:
        """A list."""
        value = self.values.get(key)
        if isinstance(value, list):
            return value
        self.fault(key, "a list")
        return None

    def rows(self, key: str) -> Iterator["Row"]:
        """The objects of a list of objects; anything else in it is noted and left out."""
        for index, value in enumerate(self.array(key) or []):
            place = f"{self.at(key)}/{index}"
            if isinstance(value, dict):
                yield Row(self.problems, place, value)
            else:
                self.problems.add(place, describe(value), "an object", rule="row-object")

    def flag(self, key: str, rule: str = "field-type") -> bool:
        """0, 1, true or false; absent means false."""
        value = self.values.get(key, 0)
        if isinstance(value, bool | int) and value in (0, 1):
            return bool(value)
        self.fault(key, "0 or 1", rule=rule)
        return False

    def entries(self, key: str, length: int, rule: str) -> list[Json] | None:
        """A list of `length` entries, one a frame."""
        values = self.array(key)
        if values is not None and len(values) != length:
            self.fault(key, f"{length} entries, one a frame", rule=rule)
            return None
        return values

    def measures(self, key: str, length: int) -> tuple[float | None, ...] | None:
        """A list of `length` numbers of at least 0, null where there is none."""
        values = self.entries(key, length, "areas-length")
        if values is None:
            return None
        return tuple(self._measure(f"{self.at(key)}/{index}", value) for index, value in enumerate(values))

    def measure(self, key: str) -> float | None:
        """A number of at least 0; absent or null gives None."""
        return self._measure(self.at(key), self.values.get(key))

    def _measure(self, place: str, value: Json) -> float | None:
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            return float(value)
        self.problems.add(place, describe(value), "a number of at least 0, or null", rule="area-range")
        return None
