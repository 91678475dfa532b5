"""One frame from disk at the network's size.

file --header (size as declared?)--> decode (RGB, uint8) --antialiased bilinear--> (3, H, W)
"""

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


def read_frame(path: Path, video: Video) -> UInt8[Tensor, "3 H W"]:
    """The frame at the video's own size.

    Raises rcf.errors.InputError when the file is missing, is no whole image, or has another size than the video.
    """
    # The header alone first: a wrong size is refused before its pixels take any memory.
    try:
        with Image.open(path) as image:
            width, height = image.size
    except FileNotFoundError:
        refuse(path, "", "no such file", "a frame on disk")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        refuse(path, "", f"a file that is no image ({_short(error)})", "a JPEG or PNG image", "Fetch the frame again")
    if (width, height) != (video.width, video.height):
        refuse(path, "", f"an image of {width}x{height}", f"{video.width}x{video.height} as video {video.id} declares")
    try:
        frame = decode_image(torch.as_tensor(np.fromfile(path, dtype=np.uint8)), ImageReadMode.RGB)
    except RuntimeError as error:
        refuse(path, "", f"a damaged image ({_short(error)})", "a JPEG or PNG image", "Fetch the frame again")
    if frame.dtype != torch.uint8 or frame.ndim != 3:
        refuse(path, "", f"{frame.dtype} pixels in {frame.ndim} axes", "one image of 8 bits a channel")
    return frame


def _short(error: Exception) -> str:
    # torchvision's messages open with the place in its own source.
    return str(error).splitlines()[0].rpartition(": ")[2].rpartition(", ")[2][:100]


def resize_frame(frame: UInt8[Tensor, "3 h w"], height: int, width: int) -> UInt8[Tensor, "3 H W"]:
    """The frame at another size, by antialiased bilinear interpolation (torchvision's resize calls the same)."""
    if frame.shape[1:] == (height, width):
        return frame
    return functional.interpolate(frame[None], size=(height, width), mode="bilinear", antialias=True)[0]
