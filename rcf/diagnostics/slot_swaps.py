"""What it would cost to exchange slots between two frames (section III-D): is the order kept because it is cheapest?

    outputs of t-1, outputs of t --slot_costs--> N N: distance of each slot before to each slot after
                 d_out    the identity: every slot goes to itself
                 d_swap   the cheapest permutation but the identity          over all slots, or over some of them
    outputs of t-1 alone:     d_self   the same permutation against itself: two slots that are most alike

    p = 2     costs add up: N assignments, each of which forbids one slot to go to itself
    p = inf   the largest cost counts: a bottleneck assignment other than the identity

d_swap > d_out says that the identity is the cheapest assignment, and no more: it says nothing of why.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching
from scipy.spatial.distance import cdist

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Norm = Literal["2", "inf"]


def slot_costs(before: Float[Matrix, "N F"], after: Float[Matrix, "N F"], norm: Norm) -> Float[Matrix, "N N"]:
    """How far slot i of one frame is from slot j of another: the square of the 2-norm, or the inf-norm."""
    # Differences first: the squares of nearly equal slots would cancel.
    return cdist(before, after, "sqeuclidean" if norm == "2" else "chebyshev")


def identity_gap(costs: Float[Matrix, "N N"], norm: Norm) -> float:
    """d_out: the norm of the difference of the stacked outputs."""
    return _total(costs.diagonal(), norm)


def swap_gap(costs: Float[Matrix, "N N"], norm: Norm, slots: Sequence[int] | None = None) -> float | None:
    """d_swap: the least norm of the difference over all permutations of `slots` (all by default) but the identity.

    The other slots go to themselves and count. None for fewer than two slots, of which there is no other permutation.
    """
    chosen = list(range(len(costs))) if slots is None else list(slots)
    if len(chosen) < 2:
        return None
    inner = costs[np.ix_(chosen, chosen)]
    fixed = np.delete(costs.diagonal(), chosen)
    found = _cheapest_sum(inner) if norm == "2" else _cheapest_bottleneck(inner)
    return _total(np.append(fixed, found), norm)


def self_gap(apart: Float[Matrix, "N N"], norm: Norm, slots: Sequence[int] | None = None) -> float | None:
    """d_self: how far the output of one frame is from its own permutations; known before the next frame is seen.

    `apart` are the `slot_costs` of the frame with itself. The cheapest permutation exchanges two of `slots`. None for
    fewer than two.
    """
    chosen = range(len(apart)) if slots is None else slots
    if len(chosen) < 2:
        return None
    inner = apart[np.ix_(chosen, chosen)]
    least = float(inner[np.triu_indices(len(inner), 1)].min())
    return math.sqrt(2 * least) if norm == "2" else least


def _total(costs: Float[np.ndarray, " N"], norm: Norm) -> float:
    if norm == "2":
        return math.sqrt(math.fsum(costs))
    return float(costs.max(initial=0.0))


def _cheapest_sum(costs: Matrix) -> float:
    """Whatever is not the identity moves some slot, so the best of those that move slot i, over all i, is the best."""
    totals: list[float] = []
    for slot in range(len(costs)):
        forbidden = costs.copy()
        forbidden[slot, slot] = np.inf
        rows, columns = linear_sum_assignment(forbidden)
        totals.append(math.fsum(costs[rows, columns]))
    return min(totals)


def _cheapest_bottleneck(costs: Matrix) -> float:
    """The least c such that slots can be paired at costs of at most c without all going to themselves."""
    levels = np.unique(costs)
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if _has_other_pairing(costs <= levels[middle]):
            high = middle
        else:
            low = middle + 1
    return float(levels[low])


def _has_other_pairing(allowed: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> bool:
    """Whether slots can be paired by `allowed` otherwise than by the identity."""
    if not allowed.diagonal().all():
        return bool((maximum_bipartite_matching(csr_array(allowed)) >= 0).all())
    # Where each may stay, others may move exactly along a cycle of moves that are allowed.
    moves = allowed & ~np.eye(len(allowed), dtype=np.bool_)
    count, _ = connected_components(csr_array(moves.astype(np.float64)), directed=True, connection="strong")
    return int(count) < len(allowed)
