"""A contact sheet of a data set, for a person to look at: one row a video, masks in the colours of their identities.

Annotations + frames --evenly spread frames--> pictures.tile --> rows under the video's name --> PIL image
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rcf.data.annotations import Annotations, Track, Video, load_annotations
from rcf.data.layout import find_split
from rcf.data.runs import mask_of_runs, parse_counts
from rcf.pictures import enlarged, side_by_side, spread, tile

TITLE = 16
"""Pixels above a row, for the name of the video."""
GAP = 4
"""Pixels between rows."""


def contact_sheets(root: Path, splits: Sequence[str], rows: int) -> Image.Image:
    """The contact sheets of several splits of a data set, one below the other; raises rcf.errors.InputError."""
    sheets: list[Image.Image] = []
    for split in splits:
        path, frames = find_split(root, split)
        annotations = load_annotations(path, frames)
        first = Annotations(path, annotations.videos[:rows], annotations.categories, annotations.tracks)
        sheets.append(contact_sheet(first, frames, split))
    return stacked(sheets)


def contact_sheet(annotations: Annotations, frames_root: Path, split: str = "") -> Image.Image:
    """All videos, up to 8 frames of each, evenly spread. Opens only the frames that it shows.

    An object has the number and colour of its place among those of its video. A frame that cannot be shown is crossed.
    """
    names = {category.id: category.name for category in annotations.categories}
    rows: list[Image.Image] = []
    for video in annotations.videos:
        tracks = [track for track in annotations.tracks if track.video_id == video.id]
        labels = [f"{number} {names[track.category_id]}" for number, track in enumerate(tracks)]
        tiles = [_tile(frames_root, video, t, tracks, labels) for t in spread(video.length)]
        name = str(Path(video.file_names[0]).parent)
        objects = f"{len(tracks)} object" + ("" if len(tracks) == 1 else "s")
        size = f"{video.width}x{video.height}, {video.length} frames, {objects}"
        rows.append(_titled(f"{split} video {video.id} ({name}): {size}".strip(), side_by_side(tiles)))
    return stacked(rows)


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """One below the other, on white."""
    height = sum(each.height + GAP for each in pictures) - GAP
    sheet = Image.new("RGB", (max(each.width for each in pictures), height), "white")
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height + GAP
    return sheet


def _titled(title: str, row: Image.Image) -> Image.Image:
    picture = Image.new("RGB", (row.width, row.height + TITLE), "white")
    picture.paste(row, (0, TITLE))
    ImageDraw.Draw(picture).text((2, TITLE // 2), title, fill="black", anchor="lm")
    return picture


def _tile(root: Path, video: Video, t: int, tracks: Sequence[Track], labels: Sequence[str]) -> Image.Image:
    frame = _frame(root / video.file_names[t], video)
    if frame is None:
        return _crossed(video)
    masks = {number: mask for number, track in enumerate(tracks) if (mask := _mask(track, t)) is not None}
    stacked_masks = np.array(list(masks.values()), dtype=np.bool_).reshape(-1, video.height, video.width)
    return tile(frame, stacked_masks, list(masks), [labels[number] for number in masks])


def _frame(path: Path, video: Video) -> NDArray[np.uint8] | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")) if image.size == (video.width, video.height) else None
    except (OSError, Image.DecompressionBombError):
        return None


def _crossed(video: Video) -> Image.Image:
    tile = enlarged(np.full((video.height, video.width, 3), 128, dtype=np.uint8))
    draw = ImageDraw.Draw(tile)
    for line in ((0, 0, tile.width, tile.height), (0, tile.height, tile.width, 0)):
        draw.line(line, fill="white", width=3)
    return tile


def _mask(track: Track, t: int) -> NDArray[np.bool_] | None:
    rle = track.segmentations[t]
    return None if rle is None else mask_of_runs(parse_counts(rle["counts"]), *rle["size"])
