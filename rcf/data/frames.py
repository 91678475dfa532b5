"""One frame from disk, at another size.

file --header (size as declared?)--> decode (RGB, uint8) --antialiased bilinear--> (3, H, W)
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional
from torchvision.io import ImageReadMode, decode_image

from rcf.data.annotations import Video
from rcf.data.problems import refuse

_AGAIN = "Fetch the frame again"


def read_frame(path: Path, video: Video, place: str = "") -> UInt8[Tensor, "3 H W"]:
    """The frame at the video's own size; `place` says in errors which one it is.

    Raises rcf.errors.InputError when the file is missing, is no whole image, or has another size than the video. A JPEG
    that is whole but holds other bytes in its middle is decoded all the same: its format has no checksum.
    """
    # The header alone first: a wrong size is refused before its pixels take any memory.
    try:
        data = np.fromfile(path, dtype=np.uint8)
        with Image.open(BytesIO(data.data)) as image:
            width, height = image.size
    except FileNotFoundError:
        refuse(path, place, "no such file", "a frame on disk", rule="frame-missing")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        got = f"a file that is no image ({_short(error)})"
        refuse(path, place, got, "a JPEG or PNG image", _AGAIN, "frame-damaged")
    if (width, height) != (video.width, video.height):
        declared = f"{video.width}x{video.height} as video {video.id} declares"
        refuse(path, place, f"an image of {width}x{height}", declared, rule="frame-size")
    try:
        frame = decode_image(torch.as_tensor(data), ImageReadMode.RGB)
    except RuntimeError as error:
        refuse(path, place, f"a damaged image ({_short(error)})", "a JPEG or PNG image", _AGAIN, "frame-damaged")
    if frame.dtype != torch.uint8 or frame.ndim != 3:
        got = f"{frame.dtype} pixels in {frame.ndim} axes"
        refuse(path, place, got, "one image of 8 bits a channel", rule="frame-damaged")
    return frame


def stacked(frames: Sequence[UInt8[Tensor, "3 H W"]]) -> UInt8[Tensor, "N 3 H W"]:
    """Frames of one size, copied once. In memory the three colours of a pixel stay together, as decoders give them.

    `torch.stack` would part them, which takes half as long as decoding; a network that wants them apart does so itself
    while it normalises.
    """
    height, width = frames[0].shape[-2:]
    together = frames[0].new_empty(len(frames), height, width, 3).permute(0, 3, 1, 2)
    for frame, place in zip(frames, together, strict=True):
        place.copy_(frame)
    return together


def _short(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "of no known format"  # its message holds an address in memory
    # torchvision's messages open with the place in its own source.
    return str(error).splitlines()[0].rpartition(": ")[2].rpartition(", ")[2][:100]


def resize_frame(frame: UInt8[Tensor, "3 h w"], height: int, width: int) -> UInt8[Tensor, "3 H W"]:
    """The frame at another size, by antialiased bilinear interpolation (torchvision's resize calls the same)."""
    if frame.shape[1:] == (height, width):
        return frame
    # `frame[None]` would hide from torch that the colours of a pixel lie together, which it resizes much faster.
    batch = frame.permute(1, 2, 0)[None].permute(0, 3, 1, 2)
    return functional.interpolate(batch, size=(height, width), mode="bilinear", antialias=True)[0]
