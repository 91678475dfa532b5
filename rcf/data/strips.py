"""The masks of one frame as upright strips of pixels: little to keep, quick to draw.

    counts (texts) --bulk_runs--> runs down the columns --cut where a column ends--> Strips --draw--> (M, H, W)
                                         (M, H, W), say after a change of size --cut--^

COCO's runs go down the columns and tensors lie in rows. Turning decoded columns into rows is what a decoder spends
its time on; here the two ends of each strip are put in their places, and what lies between is filled row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from rcf.data.sizes import Size
from rcf.evaluation.bulk_runs import Ints, cut_at_columns, decode_runs

_TOGETHER = 8
"""Pixels of a row that are filled at once, as one 64-bit number."""


@dataclass(frozen=True, slots=True, eq=False)
class Strips:
    """S strips that together are M masks of H x W pixels."""

    count: int
    """M."""
    size: Size
    """H, W."""
    columns: Ints
    """(S,) sorted: strip s lies in column columns[s] % W of mask columns[s] // W."""
    tops: Ints
    """(S,) first row."""
    bottoms: Ints
    """(S,) row after the last one."""

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.columns.nbytes + self.tops.nbytes + self.bottoms.nbytes

    def without_empty(self) -> tuple["Strips", list[int]]:
        """The masks that have a pixel, and which ones they are."""
        numbers, columns = np.divmod(self.columns, self.size[1])
        seen, places = np.unique(numbers, return_inverse=True)
        columns += (places * self.size[1]).astype(np.int32)
        return Strips(seen.size, self.size, columns, self.tops, self.bottoms), seen.tolist()

    def draw(self) -> Bool[Tensor, "M H W"]:
        """The masks, new in memory."""
        height, width = self.size
        across = -(-width // _TOGETHER) * _TOGETHER
        masks = np.zeros((self.count, height, across), dtype=np.uint8)
        if self.columns.size:
            self._fill(masks)
        drawn = torch.as_tensor(masks).view(torch.bool)
        return drawn if across == width else drawn[..., :width].contiguous()

    def _fill(self, masks: NDArray[np.uint8]) -> None:
        height, across = masks.shape[1:]
        numbers, columns = np.divmod(self.columns.astype(np.int64), self.size[1])
        first_row, pixels = numbers * (height * across) + columns, masks.reshape(-1)
        pixels[first_row + self.tops * across] = 1
        inside = np.flatnonzero(self.bottoms < height)
        # Exclusive or, because a strip may end where the next one of its column begins.
        pixels[first_row[inside] + self.bottoms[inside] * across] ^= 1
        rows = slice(self.tops.min(), self.bottoms.max() + 1)
        eights = slice(columns.min() // _TOGETHER, columns.max() // _TOGETHER + 1)
        part = masks.view(np.uint64)[:, rows, eights]
        np.bitwise_xor.accumulate(part, axis=1, out=part)


def strips_of_counts(counts: Sequence[str], size: Size) -> Strips:
    """The masks of compressed COCO texts. Raises ValueError when one of them is not of `size` (height, width)."""
    if not counts:
        nothing = np.zeros(0, np.int32)
        return Strips(0, size, nothing, nothing, nothing)
    runs = decode_runs(counts, size[0] * size[1])
    if runs is None:
        raise ValueError(f"one of {len(counts)} texts holds no run lengths of a mask of {size[0]}x{size[1]} pixels")
    filled = np.flatnonzero(runs.lengths)
    return Strips(len(counts), size, *cut_at_columns(runs.starts[filled], runs.lengths[filled], size[0])[:3])


def strips_of_masks(masks: Bool[Tensor, "M H W"]) -> Strips:
    """The same masks as strips."""
    count, height, width = masks.shape
    flat = np.zeros(count * height * width + 2, dtype=np.bool_)  # nothing is set before the first pixel or after
    flat[1:-1].reshape(count, width, height)[...] = masks.permute(0, 2, 1).numpy()
    edges = np.flatnonzero(flat[1:] != flat[:-1]).astype(np.int32)
    starts = edges[0::2]
    return Strips(count, (height, width), *cut_at_columns(starts, edges[1::2] - starts, height)[:3])
