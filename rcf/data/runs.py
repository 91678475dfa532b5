"""COCO run lengths without C code, so that a corrupt string is an error and never a crash.

    counts (text) <--format_counts / parse_counts--> runs (alternately 0 and 1, column by column) <--> mask

The text packs each run, as the difference to the run two before it, into groups of five bits.
"""

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

Runs: TypeAlias = NDArray[np.int64]
"""Lengths of the runs, of zeros and ones in turn."""
MOST_GROUPS = 7
"""35 bits: more than any run of a frame up to 32768 x 32768 needs."""


def parse_counts(counts: str) -> Runs:
    """Run lengths of a compressed string, starting with a run of zeros.

    Raises ValueError, worded for a person, when no encoder can have written `counts`.
    """
    if not counts.isascii():
        raise ValueError("a character outside the alphabet of run lengths")
    codes = np.frombuffer(counts.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        return codes
    if codes.min() < 0 or codes.max() > 63:
        raise ValueError("a character outside the alphabet of run lengths")
    ends = np.flatnonzero(codes < 32)
    if ends.size == 0 or ends[-1] != codes.size - 1:
        raise ValueError("a string that ends in the middle of a run")
    starts = np.concatenate(([0], ends[:-1] + 1))
    groups = ends - starts + 1
    if groups.max() > MOST_GROUPS:
        raise ValueError("a run longer than any frame")
    within = np.arange(codes.size) - np.repeat(starts, groups)
    values = np.add.reduceat((codes & 31) << (5 * within), starts)
    values -= np.where(codes[ends] & 16, np.int64(1) << (5 * groups), 0)
    # Runs from the fourth on are differences to the run two before.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    if values.min() < 0:
        raise ValueError("a run of negative length")
    return values


def format_counts(runs: Runs) -> str:
    """The compressed string of `runs`; equal to pycocotools' own."""
    values = runs.astype(np.int64).tolist()
    return "".join(_format_run(run - values[index - 2] if index > 2 else run) for index, run in enumerate(values))


def _format_run(value: int) -> str:
    text = ""
    while True:
        group, value = value & 31, value >> 5
        # The last group's top bit is the sign of the whole.
        if value == (-1 if group & 16 else 0):
            return text + chr(group + 48)
        text += chr(group + 32 + 48)


def runs_of_mask(mask: Bool[np.ndarray, "H W"]) -> Runs:
    """Run lengths of a mask, read column by column, starting with a (perhaps empty) run of zeros."""
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs = np.diff(edges).astype(np.int64)
    return np.concatenate(([0], runs)).astype(np.int64) if flat[0] else runs


def mask_of_runs(runs: Runs, height: int, width: int) -> NDArray[np.bool_]:
    """The mask, shape (height, width), row by row in memory; `runs` must sum to height * width."""
    ones = np.arange(runs.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(ones, runs).reshape(width, height).T)


def box_of_runs(runs: Runs, height: int) -> list[int] | None:
    """[x, y, width, height] in pixels of the smallest box around a mask; None around an empty one."""
    ends = np.cumsum(runs)
    first, last = ends[: 2 * (runs.size // 2) : 2], ends[1::2] - 1
    filled = last >= first
    first, last = first[filled], last[filled]
    if not first.size:
        return None
    left, right = int(first[0]) // height, int(last[-1]) // height
    one_column = first // height == last // height
    if one_column.all():
        top, bottom = int((first % height).min()), int((last % height).max())
    else:  # a run that goes on in the next column reaches the lowest row and the highest
        top, bottom = 0, height - 1
    return [left, top, right - left + 1, bottom - top + 1]
