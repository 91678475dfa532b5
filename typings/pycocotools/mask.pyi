"""The functions of pycocotools.mask that this project calls, typed as it calls them."""

from collections.abc import Sequence
from typing import TypedDict, overload

import numpy as np
from numpy.typing import NDArray

class _Rle(TypedDict):
    size: list[int]
    counts: bytes

class _RleIn(TypedDict):
    size: list[int]
    counts: str

class _RunLengths(TypedDict):
    size: list[int]
    counts: list[int]

@overload
def frPyObjects(pyobj: _RunLengths, h: int, w: int) -> _Rle: ...
@overload
def frPyObjects(pyobj: Sequence[Sequence[float]], h: int, w: int) -> list[_Rle]: ...
def encode(bimask: NDArray[np.uint8]) -> list[_Rle]: ...
def decode(rleObjs: Sequence[_Rle] | Sequence[_RleIn]) -> NDArray[np.uint8]: ...
def area(rleObjs: Sequence[_Rle] | Sequence[_RleIn]) -> NDArray[np.uint32]: ...
def iou(
    dt: Sequence[_Rle] | Sequence[_RleIn], gt: Sequence[_Rle] | Sequence[_RleIn], pyiscrowd: Sequence[int]
) -> NDArray[np.float64]: ...
@overload
def merge(rleObjs: Sequence[_Rle], intersect: bool | int = ...) -> _Rle: ...
@overload
def merge(rleObjs: Sequence[_RleIn], intersect: bool | int = ...) -> _Rle: ...
def toBbox(rleObjs: Sequence[_Rle] | Sequence[_RleIn]) -> NDArray[np.float64]: ...
