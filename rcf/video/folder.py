"""A folder of images as a video: one frame a file, in the order of their names, numbers by value.

folder --names--> JPEG, PNG, WebP --decode_image--> RGB of 8 bits, upright --> SourceFrame
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from rcf.data.problems import refuse
from rcf.video.source import SizeGuard, SourceFrame, no_frames

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_DIGITS = re.compile(r"(\d+)")


class ImageFolder:
    """Frames at a steady pace."""

    live = False
    sound_rate = 0

    def __init__(self, folder: Path, fps: float) -> None:
        """Raises rcf.errors.InputError where there is no image in it."""
        self.name, self.notes = str(folder), list[str]()
        self.fps: float | None = fps
        self._pace = fps
        images = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not _hidden(path)]
        self._paths = sorted(images, key=_natural)
        self.length: int | None = len(self._paths)
        if not self._paths:
            no_frames(self.name, f"Images end with {', '.join(SUFFIXES)}")

    def close(self) -> None:
        """Nothing is held."""

    def frames(self, first: int = 0, ahead_s: float = 0.0) -> Iterator[SourceFrame]:
        """See `FrameSource`."""
        guard = SizeGuard(self.name)
        for number, path in enumerate(self._paths):
            if number and number < first:
                continue
            pixels = read_image(path, f"frame {number}")
            guard.check(number, *pixels.shape[1:])
            if number >= first:
                yield SourceFrame(number, number / self._pace, pixels)


def read_image(path: Path, place: str) -> UInt8[Tensor, "3 H W"]:
    """An image as three channels of 8 bits, turned as its camera says (EXIF).

    Grey is repeated, alpha left out, 16 bits scaled to 8. Raises rcf.errors.InputError where it is no whole image.
    """
    try:
        content = torch.as_tensor(np.fromfile(path, dtype=np.uint8))
        image = decode_image(content, ImageReadMode.RGB, apply_exif_orientation=True)
    except (OSError, RuntimeError) as error:
        got = f"a damaged image ({str(error).splitlines()[0].rpartition(': ')[2][:100]})"
        refuse(path, place, got, "a JPEG, PNG or WebP image", "Make it again, or take it out of the folder")
    if image.ndim != 3:
        refuse(path, place, f"{image.shape[0]} images in one file", "one image a file")
    if image.dtype == torch.uint16:
        # 65535 / 257 = 255: white stays white, and nothing is clipped.
        return ((image.to(torch.int32) + 128) // 257).to(torch.uint8)
    return image.contiguous()


def _natural(path: Path) -> list[tuple[int, str]]:
    """`frame2` before `frame10`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in _DIGITS.split(path.name)]


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")
