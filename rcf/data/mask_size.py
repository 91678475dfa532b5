"""Masks at another size: true where more than half of the area is, so that masks that do not overlap stay so.

(M, h, w) --each mask: its box alone--> sums over rows --> sums over columns --more than half?--> (M, H, W)

A pixel of the result looks at every pixel of the mask that it touches, as torch's "area" interpolation does; that one
takes ten times as long, because it turns whole masks into floating-point numbers.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class _Axis:
    """Which pixels of one side each pixel of the resized side looks at: starts[i] .. stops[i] - 1."""

    starts: Int[np.ndarray, " N"]
    stops: Int[np.ndarray, " N"]

    @classmethod
    def of(cls, own: int, wanted: int) -> "_Axis":
        """From `own` pixels to `wanted`."""
        edges = np.arange(wanted + 1) * own
        return cls(edges[:-1] // wanted, -(-edges[1:] // wanted))

    @property
    def lengths(self) -> Int[np.ndarray, " N"]:
        """Pixels that each one looks at; one or more."""
        return self.stops - self.starts

    def touching(self, first: int, last: int) -> slice:
        """The pixels of the resized side that look at one of first .. last."""
        return slice(int(np.searchsorted(self.stops, first, "right")), int(np.searchsorted(self.starts, last, "right")))

    def cut(self, part: slice) -> tuple[slice, "_Axis"]:
        """All that the pixels in `part` look at, and this axis with nothing else."""
        first, stop = int(self.starts[part][0]), int(self.stops[part][-1])
        return slice(first, stop), _Axis(self.starts[part] - first, self.stops[part] - first)


def resize_masks(masks: Bool[Tensor, "M h w"], height: int, width: int) -> Bool[Tensor, "M H W"]:
    """True where more than half of the area is. What it returns may be `masks` itself, if that has the size already."""
    own = masks.shape[1:]
    if own == (height, width):
        return masks
    rows, columns = _Axis.of(own[0], height), _Axis.of(own[1], width)
    resized = np.zeros((masks.shape[0], height, width), dtype=np.bool_)
    for mask, place in zip(masks.numpy(), resized, strict=True):
        _resize(mask, place, rows, columns)
    return torch.as_tensor(resized)


def _resize(mask: NDArray[np.bool_], place: NDArray[np.bool_], rows: _Axis, columns: _Axis) -> None:
    filled = np.flatnonzero(mask.any(axis=1))
    if not filled.size:
        return
    top, bottom = int(filled[0]), int(filled[-1])
    filled = np.flatnonzero(mask[top : bottom + 1].any(axis=0))
    down, across = rows.touching(top, bottom), columns.touching(int(filled[0]), int(filled[-1]))
    (y, rows), (x, columns) = rows.cut(down), columns.cut(across)
    areas = columns.lengths[:, None] * rows.lengths
    number = np.min_scalar_type(areas.max())  # bytes as a rule: many of them are added at once
    summed = _sums(mask[y, x].astype(number), rows)
    summed = _sums(np.ascontiguousarray(summed.T), columns)
    place[down, across] = (summed > (areas // 2).astype(number)).T


def _sums(values: NDArray[np.unsignedinteger], axis: _Axis) -> NDArray[np.unsignedinteger]:
    """Sums over the rows that each pixel of the axis looks at."""
    total = values[axis.starts]
    for further in range(1, int(axis.lengths.max())):
        more = np.flatnonzero(axis.lengths > further)
        if more.size == total.shape[0]:
            total += values[axis.starts + further]
        else:
            total[more] += values[axis.starts[more] + further]
    return total
