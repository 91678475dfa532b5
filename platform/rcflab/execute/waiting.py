"""Why cells wait: one line for people, from what the cluster is at one moment.

    Snapshot --explanation--> "waiting for room: 1 cell asks for 2 x 1 CPU. Free: 0 of 2 CPUs on 2 nodes. Held: ..."
    a line a moment --Patience--> the same once it has been so for a while; "" as soon as nothing waits

Ray itself is silent about it: a group of workers that no node can hold looks like one that starts in a moment.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rcflab.execute.room import Amounts, Node, largest, places, told

PATIENCE_S = 30.0
"""A group of workers starts within it where there is room: what waits longer is worth a line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Room that was asked for: all of its parts at once, each on one node."""

    parts: tuple[Amounts, ...]
    job: str | None
    """Whose it is; None where it is ours."""
    given: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A cluster at one moment."""

    nodes: tuple[Node, ...]
    """Those that are alive."""
    gone: tuple[str, ...]
    """Names of those that are not any more."""
    asked: tuple[Asked, ...]


def explanation(now: Snapshot) -> str:
    """What waits and why, in one line; empty where nothing of ours waits for room."""
    waiting = [each for each in now.asked if each.job is None and not each.given and any(each.parts)]
    if not waiting:
        return ""
    kinds = sorted({kind for each in waiting for part in each.parts for kind in part})
    sentences = [
        f"waiting for room: {_asking(waiting)}",
        _obstacle(now, waiting),
        f"free: {_free(now.nodes, kinds)}",
        _held(now, kinds),
        _changes(now),
    ]
    return "; ".join(sentence for sentence in sentences if sentence)


def _asking(waiting: Sequence[Asked]) -> str:
    """1 cell asks for 2 x 1 CPU."""
    shapes = Counter(tuple(sorted(Counter(told(part) for part in each.parts).items())) for each in waiting)
    return ", ".join(
        f"{count} cell{' asks' if count == 1 else 's ask'} for {' and '.join(f'{n} x {part}' for part, n in shape)}"
        for shape, count in shapes.items()
    )


def _obstacle(now: Snapshot, waiting: Sequence[Asked]) -> str:
    """What no patience helps against: it says so first."""
    staying = [node for node in now.nodes if not node.leaving]
    for part in (part for each in waiting for part in each.parts):
        if not staying:
            return "there is no node"
        if not any(places(node.total, part) for node in staying):
            return f"no node is large enough, the largest has {largest(staying, part)}"
    for each in waiting:
        part = max(each.parts, key=lambda needs: sum(needs.values()))
        held = sum(places(node.total, part) for node in staying)
        if held < len(each.parts):
            return f"the nodes that are there hold {held} of the {len(each.parts)} workers of a cell"
    return ""


def _free(nodes: Sequence[Node], kinds: Sequence[str]) -> str:
    """0 of 2 CPUs on node 10.0.0.1, or over how many nodes."""
    staying = [node for node in nodes if not node.leaving and any(node.total.get(kind) for kind in kinds)]
    if not staying:
        return "nothing, no node has any"
    where = f"node {staying[0].name}" if len(staying) == 1 else f"{len(staying)} nodes"
    found = [f"{_sum(staying, kind, free=True):g} of {told({kind: _sum(staying, kind)})}" for kind in kinds]
    most = max(len(staying) > 1 and node.free.get(kinds[0], 0.0) for node in staying)
    spread = f" (at most {most:g} on one of them)" if most else ""
    return f"{', '.join(found)} on {where}{spread}"


def _held(now: Snapshot, kinds: Sequence[str]) -> str:
    """Whose the rest is: placement groups name their job, single tasks and actors do not."""
    by_job: dict[str | None, Counter[str]] = {}
    for each in now.asked:
        if each.given:
            held = by_job.setdefault(each.job, Counter())
            for part in each.parts:
                held.update({kind: part[kind] for kind in kinds if kind in part})  # pyright: ignore  fractions add up
    rest = {kind: _sum(now.nodes, kind) - _sum(now.nodes, kind, free=True) for kind in kinds}
    for held in by_job.values():
        rest = {kind: rest[kind] - held[kind] for kind in kinds}
    holders: dict[str, Mapping[str, float]] = {
        "cells of this run" if job is None else f"job {job}": held for job, held in by_job.items()
    }
    holders["others"] = {kind: count for kind, count in rest.items() if count > 0.01}
    shown = [f"{told(held)} by {name}" for name, held in holders.items() if any(held.values())]
    return f"held: {', '.join(shown)}" if shown else ""


def _changes(now: Snapshot) -> str:
    leaving = sum(node.leaving for node in now.nodes)
    found = [f"{count} node{'' if count == 1 else 's'} {what}" for count, what in
             ((len(now.gone), "died since the cluster began"), (leaving, "about to leave")) if count]  # fmt: skip
    return ", ".join(found)


def _sum(nodes: Sequence[Node], kind: str, free: bool = False) -> float:
    return sum((node.free if free else node.total).get(kind, 0.0) for node in nodes)


class Patience:
    """Tells a line only once there has been one for a while: room is given in a second, as a rule."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` in seconds."""
        self._clock = clock
        self._since: float | None = None

    def __call__(self, line: str) -> str:
        """`line`, or nothing as long as it is too early to worry."""
        if not line:
            self._since = None
            return ""
        now = self._clock()
        if self._since is None:
            self._since = now
        return line if now - self._since >= PATIENCE_S else ""
