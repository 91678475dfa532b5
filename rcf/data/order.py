"""Which video each place of a step shows: random access, each video of a pool once in each of its epochs.

    place in the flat sequence --share of the pools, exact in each block--> pool, draw of that pool
    draw --permutation of the epoch--> video
    videos of unlike shape: the draws of some steps, sorted by shape, cut into batches --> little padding

No state: a resume at any step, and any number of workers, see the same sequence.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rcf.data.sizes import Size
from rcf.seeding import stream

BLOCK = 64
"""Places in which the share of the pools is kept exactly."""
BUCKET_STEPS = 16
"""Steps whose draws are sorted by shape together. More would pad less and mix less."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Videos that are drawn from together."""

    first: int
    """Index of its first video in the source."""
    count: int
    share: float = 1.0
    """Of the clips; the shares of all pools add up to 1."""
    still: bool = False
    """Its videos are single images, which become clips by a moving window."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One place in the sequence of one pool."""

    pool: int
    number: int


def video_of(pools: Sequence[Pool], draw: Draw, seed: int) -> int:
    """Index of the video that this draw shows."""
    pool = pools[draw.pool]
    epoch, place = divmod(draw.number, pool.count)
    return pool.first + int(_order(seed, draw.pool, epoch, pool.count)[place])


def draw_step(
    pools: Sequence[Pool], clips: int, seed: int, step: int, shape_of: Callable[[int], Size] | None = None
) -> list[Draw]:
    """The draws of a step of `clips` places.

    With `shape_of` (video index -> height, width) the draws of BUCKET_STEPS steps are handed out sorted by shape, a
    batch to a step, the steps in random order. No draw moves over the end of an epoch of its pool, and where all
    shapes are equal nothing moves.
    """
    if shape_of is None:
        return [_draw(pools, seed, place) for place in range(step * clips, (step + 1) * clips)]
    bucket, inside = divmod(step, BUCKET_STEPS)
    first = bucket * BUCKET_STEPS * clips
    draws = [_draw(pools, seed, first + place) for place in range(BUCKET_STEPS * clips)]
    rng = stream(seed, "data-buckets", bucket)
    ordered: list[Draw] = []
    for part in _epochs(pools, draws):
        shapes = [shape_of(video_of(pools, draw, seed)) for draw in part]
        ordered += _bucketed(part, shapes, len(ordered), clips, rng)
    return ordered[inside * clips : (inside + 1) * clips]


def _draw(pools: Sequence[Pool], seed: int, place: int) -> Draw:
    if len(pools) == 1:
        return Draw(0, place)
    block, inside = divmod(place, BLOCK)
    owners = _owners(tuple(pool.share for pool in pools), seed, block)
    owner = int(owners[inside])
    before = _before(pools[: owner + 1], block)
    return Draw(owner, before + int((owners[:inside] == owner).sum()))


def _before(pools: Sequence[Pool], block: int) -> int:
    """Places of the last of `pools` in all blocks before this one. Bounds are shared, so that the counts add up."""
    shares = [pool.share for pool in pools]
    return _bound(math.fsum(shares), block) - _bound(math.fsum(shares[:-1]), block)


def _bound(share: float, block: int) -> int:
    return round(share * BLOCK * block)


@lru_cache(maxsize=8)
def _owners(shares: tuple[float, ...], seed: int, block: int) -> NDArray[np.int64]:
    """The pool of each place of a block, in random order; each pool's count follows its share."""
    bounds = [_bound(math.fsum(shares[: index + 1]), block + 1) - _bound(math.fsum(shares[: index + 1]), block)
              for index in range(len(shares))]  # fmt: skip
    counts = np.diff([0, *bounds])
    return stream(seed, "data-mixture", block).permutation(np.repeat(np.arange(len(shares)), counts))


@lru_cache(maxsize=8)
def _order(seed: int, pool: int, epoch: int, count: int) -> NDArray[np.int64]:
    name = "data-order" if pool == 0 else f"data-order/{pool}"
    return stream(seed, name, epoch).permutation(count)


def _epochs(pools: Sequence[Pool], draws: Sequence[Draw]) -> list[list[Draw]]:
    """`draws` in parts within which no pool comes to the end of an epoch."""
    parts: list[list[Draw]] = [[]]
    seen: dict[int, int] = {}
    for draw in draws:
        epoch = draw.number // pools[draw.pool].count
        if seen.setdefault(draw.pool, epoch) != epoch:
            seen[draw.pool] = epoch
            parts.append([])
        parts[-1].append(draw)
    return parts


def _bucketed(draws: list[Draw], shapes: list[Size], offset: int, clips: int, rng: np.random.Generator) -> list[Draw]:
    """`draws`, which stand at `offset` in their bucket, sorted by shape; the batches in random order."""
    if len(set(shapes)) == 1:
        return draws
    ordered = [draws[index] for index in sorted(range(len(draws)), key=lambda index: _ratio(shapes[index]))]
    edges = [offset, *range((offset // clips + 1) * clips, offset + len(draws), clips), offset + len(draws)]
    places = [range(start - offset, end - offset) for start, end in itertools.pairwise(edges)]
    batches: list[int] = rng.permutation(len(places)).tolist()
    filled = itertools.chain.from_iterable(places[batch] for batch in batches)
    return [draw for _, draw in sorted(zip(filled, ordered, strict=True), key=lambda pair: pair[0])]


def _ratio(shape: Size) -> float:
    return shape[0] / shape[1]
