"""What the benchmarks share: parts that take turns, medians of wall and CPU time, and the time inside named calls.

    parts {name: function} --one of each in turn--> Times of each        Clock.on(object, method) --> time spent inside

Ratios come from one run, because seconds of a busy machine are worth nothing beside those of another hour.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Times:
    """Medians of one part, milliseconds."""

    wall: float
    cpu: float


def interleaved(parts: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 2) -> dict[str, Times]:
    """Medians over `repeats` turns, after some that do not count."""
    found: dict[str, list[Times]] = {name: [] for name in parts}
    for turn in range(warm_up + repeats):
        for name, part in parts.items():
            wall, cpu = time.perf_counter(), time.process_time()
            part()
            times = Times(1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu))
            if turn >= warm_up:
                found[name].append(times)
    return {
        name: Times(statistics.median(each.wall for each in values), statistics.median(each.cpu for each in values))
        for name, values in found.items()
    }


class Clock:
    """CPU milliseconds inside named calls, as seen from outside: nothing in the measured code knows of it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Add the time of the block to `name`."""
        began = time.process_time()
        try:
            yield
        finally:
            self.spent[name] += 1e3 * (time.process_time() - began)

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, with its time added to `name`."""

        def wrapped(*arguments: Any, **named: Any) -> Any:
            with self.inside(name):
                return call(*arguments, **named)

        return wrapped

    def on(self, owner: object, method: str, name: str) -> None:
        """Watch a method of one object."""
        setattr(owner, method, self.timed(name, getattr(owner, method)))


def options(description: str | None, **more: Any) -> argparse.Namespace:
    """Command line: --threads, and one for each of `more` with its default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, default in more.items():
        if isinstance(default, bool):
            parser.add_argument(f"--{name}", action="store_true", default=default)
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default)
    found = parser.parse_args()
    torch.set_num_threads(found.threads)
    return found


def versus(one: Times, other: Times) -> str:
    """`one` against `other`, both ways of counting."""
    return f"{one.wall / other.wall:.2f} wall, {one.cpu / other.cpu:.2f} CPU"
