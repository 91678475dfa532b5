"""How many cells a cluster holds at a time, counted node by node: what is left over on two nodes makes no third one.

    nodes, with what each has --cells_at_once--> 3          a worker lies on one node, those of a cell on any
                              --room_problems--> Problems   none where one cell fits

Pure: who asks Ray is ray_nodes.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor

from rcflab.errors import Problem
from rcflab.execute.batch import Resources

Amounts = Mapping[str, float]
"""CPU, GPU -> how many."""
_SLACK = 1e-6
"""Of quotients of amounts, which Ray counts in ten-thousandths: three thirds of a GPU are one."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster that is alive."""

    name: str
    """For people: its address."""
    total: Amounts
    free: Amounts
    leaving: bool = False
    """It has been announced that it goes: nothing is put there any more."""


def worker_needs(resources: Resources) -> dict[str, float]:
    """What one worker of a cell asks for, on one node."""
    needs = {"CPU": float(resources.threads), "GPU": float(resources.gpus_per_worker)}
    return {kind: count for kind, count in needs.items() if count}


def places(there: Amounts, needs: Amounts) -> int:
    """How often `needs` fits into what one node has."""
    return min(_times(kind, there.get(kind, 0.0), count) for kind, count in needs.items())


def _times(kind: str, there: float, count: float) -> int:
    if kind == "GPU" and count < 1:  # a share lies on one GPU: two halves of two thirds are none
        return floor(there + _SLACK) * floor(1 / count + _SLACK)
    return floor(there / count + _SLACK)


def cells_at_once(nodes: Iterable[Node], resources: Resources) -> int:
    """How many cells fit on all of `nodes` together, where nothing else runs there."""
    needs = worker_needs(resources)
    return sum(places(node.total, needs) for node in nodes if not node.leaving) // resources.workers


def room_problems(nodes: Sequence[Node], resources: Resources) -> list[Problem]:
    """Why not even one cell fits: one problem, for the worker or for the cell; none where it does."""
    if cells_at_once(nodes, resources):
        return []
    needs = worker_needs(resources)
    staying = [node for node in nodes if not node.leaving]
    hint = "Lower them under resources; where an autoscaler brings nodes, set resources.grows"
    found = sum(places(node.total, needs) for node in staying)
    if found:
        what = f"workers of one cell, each of {told(needs)}"
        return [Problem("Ray", what, str(resources.workers), f"at most {found}, on {len(staying)} nodes", hint)]
    wanted = f"what one node has: {largest(staying, needs)}"
    return [Problem("Ray", "one worker of a cell", told(needs), wanted, hint)]


def largest(nodes: Sequence[Node], needs: Amounts) -> str:
    """What the nodes have that could hold most of `needs`, each kind by itself where no node has most of all."""
    if not nodes:
        return "there is none"
    rows = {tuple(node.total.get(kind, 0.0) for kind in needs) for node in nodes}
    best = [row for row in rows if not any(other != row and _covers(other, row) for other in rows)]
    return " or ".join(told(dict(zip(needs, row, strict=True))) for row in sorted(best, reverse=True))


def _covers(row: Sequence[float], other: Sequence[float]) -> bool:
    return all(mine >= its for mine, its in zip(row, other, strict=True))


def told(amounts: Amounts) -> str:
    """For people: 2 CPUs, 1 GPU."""
    return ", ".join(f"{count:g} {kind}{'' if count == 1 else 's'}" for kind, count in amounts.items())
