"""A folder of PNG files, one a frame, by frame number: overlays, or masks whose pixels are identities.

Shown --overlay_picture | mask_picture--> FOLDER/000123.png, each written beside its name and renamed when whole
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from rcf.errors import InputError, Problem
from rcf.overlay import identity_colour, labelled, painted
from rcf.video.session import Shown
from rcf.video.sink import temporary

Draw = Callable[[Shown], Image.Image]


def overlay_picture(shown: Shown) -> Image.Image:
    """The frame with its objects, each in the colour of its identity, with number, category and score in percent."""
    frame, masks = shown.frame.pixels.permute(1, 2, 0).numpy(), shown.masks.numpy()
    identities = [each.identity for each in shown.objects]
    picture = Image.fromarray(painted(frame, masks, identities))
    size = max(10, frame.shape[0] // 32)
    return labelled(picture, masks, identities, [each.label for each in shown.objects], size=size)


def mask_picture(shown: Shown) -> Image.Image:
    """Each pixel the identity of the object with the highest score there; 0 is background.

    8 bits with the identities' colours as palette, as DAVIS has them; 16 bits without where an identity is above 255.
    """
    numbers = np.zeros(shown.masks.shape[1:], np.uint16)
    masks = shown.masks.numpy()
    for index in sorted(range(len(shown.objects)), key=lambda place: shown.objects[place].score):
        numbers[masks[index]] = shown.objects[index].identity
    if numbers.max(initial=0) > 255:
        return Image.fromarray(numbers)
    picture = Image.fromarray(numbers.astype(np.uint8), mode="L").convert("P")
    picture.putdata(numbers.astype(np.uint8).ravel())
    picture.putpalette([0, 0, 0, *(part for identity in range(1, 256) for part in identity_colour(identity))])
    return picture


class PictureFrames:
    """The sink. On interruption every file in the folder is whole."""

    def __init__(self, folder: Path, draw: Draw, first: int = 0) -> None:
        """`first` above 0 adds to what is there. Raises rcf.errors.InputError where a new stream would mix with it."""
        self.path, self._draw = folder, draw
        if not first and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError([Problem(str(folder), "", "something that is there already", "a new or empty folder")])

    def write(self, shown: Shown) -> None:
        """One file."""
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / f"{shown.frame.number:06d}.png"
        told = PngImagePlugin.PngInfo()
        told.add_text("rcflab-mode", shown.mode)
        neighbour = temporary(path)
        try:
            self._draw(shown).save(neighbour, format="PNG", pnginfo=told, compress_level=3)
            neighbour.replace(path)
        finally:
            neighbour.unlink(missing_ok=True)

    def close(self) -> None:
        """Every file is whole already."""
