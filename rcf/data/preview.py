"""A contact sheet of a data set, for a person to look at: one row a video, outlines and category names on the frames.

Annotations + frames --evenly spread frames--> enlarged, outlined --> rows --> PIL image
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rcf.data.annotations import Annotations, Track, Video, load_annotations
from rcf.data.layout import find_split
from rcf.data.runs import mask_of_runs, parse_counts
from rcf.data.shapes import Flags

FRAME_HEIGHT = 128
"""Small frames are enlarged by a whole factor to about this height, pixels."""
GAP = 4
"""Pixels between frames."""

COLOURS = ((255, 64, 64), (64, 255, 64), (80, 160, 255), (255, 224, 32), (255, 64, 255), (32, 240, 240))
"""Outline colours, by the order of a video's objects."""


def contact_sheets(root: Path, splits: Sequence[str], rows: int) -> Image.Image:
    """The contact sheets of several splits of a data set, one below the other; raises rcf.errors.InputError."""
    sheets: list[Image.Image] = []
    for split in splits:
        path, frames = find_split(root, split)
        sheets.append(contact_sheet(load_annotations(path, frames), frames, rows=rows, columns=8))
    return _stack(sheets)


def contact_sheet(annotations: Annotations, frames_root: Path, *, rows: int, columns: int) -> Image.Image:
    """The first `rows` videos, `columns` frames of each, evenly spread. Opens only the frames that it shows."""
    names = {category.id: category.name for category in annotations.categories}
    pictures: list[Image.Image] = []
    for video in annotations.videos[:rows]:
        tracks = [track for track in annotations.tracks if track.video_id == video.id]
        scale = max(round(FRAME_HEIGHT / video.height), 1)
        strip = Image.new("RGB", (columns * (video.width * scale + GAP), video.height * scale + GAP))
        for column in range(columns):
            t = round(column * (video.length - 1) / max(columns - 1, 1))
            cell = _cell(frames_root / video.file_names[t], video, scale)
            for number, track in enumerate(tracks):
                _outline(cell, track, t, COLOURS[number % len(COLOURS)], names[track.category_id])
            strip.paste(cell, (column * (video.width * scale + GAP), 0))
        pictures.append(strip)
    return _stack(pictures)


def _stack(pictures: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(each.width for each in pictures), sum(each.height for each in pictures)))
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height
    return sheet


def _cell(path: Path, video: Video, scale: int) -> Image.Image:
    with Image.open(path) as frame:
        size = (video.width * scale, video.height * scale)
        return frame.convert("RGB").resize(size, Image.Resampling.NEAREST)


def _outline(cell: Image.Image, track: Track, t: int, colour: tuple[int, int, int], name: str) -> None:
    rle = track.segmentations[t]
    if rle is None:
        return
    mask = mask_of_runs(parse_counts(rle["counts"]), *rle["size"])
    enlarged = np.array(Image.fromarray(mask).resize(cell.size, Image.Resampling.NEAREST), dtype=bool)
    cell.paste(colour, mask=Image.fromarray(enlarged & ~_inner(enlarged)))
    rows, columns = np.flatnonzero(enlarged.any(axis=1)), np.flatnonzero(enlarged.any(axis=0))
    # Above the object, so that the label does not hide what it names.
    place = (float(columns.mean()), max(int(rows[0]) - 2, 11))
    ImageDraw.Draw(cell).text(place, name, fill=colour, anchor="mb", stroke_width=1, stroke_fill=(0, 0, 0))


def _inner(mask: Flags) -> Flags:
    """Pixels whose four neighbours belong to the mask too."""
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
