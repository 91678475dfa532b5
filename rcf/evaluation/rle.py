"""Masks to run lengths and back, with types.

    bool masks N H W  --encode-->  N Rle  --decode-->  bool masks N H W
                                      `--areas-->  N pixel counts

A thin adapter over pycocotools.mask: our `Rle` holds `counts` as text, so that it goes into JSON as it is.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from rcf.data.runs import format_counts
from rcf.structures import Rle

_AREA_BATCH = 255
"""pycocotools.mask.area keeps the number of masks in eight bits: 256 or more fail (or wrap, with an old NumPy)."""


def encode(masks: NDArray[np.bool_]) -> list[Rle]:
    """Compress N masks of shape (N, H, W)."""
    if masks.ndim != 3:
        raise ValueError(f"masks must have the shape (N, H, W), got {masks.shape}")
    if not masks.shape[0]:
        return []
    columns = np.asfortranarray(masks.transpose(1, 2, 0), dtype=np.uint8)
    height, width = masks.shape[1:]
    return [{"size": [height, width], "counts": rle["counts"].decode("ascii")} for rle in coco_mask.encode(columns)]


def decode(rles: Sequence[Rle]) -> NDArray[np.bool_]:
    """The masks of at least one Rle, all of one size, as (N, H, W)."""
    return coco_mask.decode(list(rles)).transpose(2, 0, 1).astype(np.bool_)


def areas(rles: Sequence[Rle]) -> NDArray[np.int64]:
    """Pixels of each mask, (N,)."""
    batches = [coco_mask.area(list(rles[i : i + _AREA_BATCH])) for i in range(0, len(rles), _AREA_BATCH)]
    return np.concatenate([np.zeros(0, np.int64), *batches]).astype(np.int64)


def empty(height: int, width: int) -> Rle:
    """The mask without a single pixel."""
    return {"size": [height, width], "counts": format_counts(np.array([height * width]))}
