"""A contact sheet of a data set, for a person to look at: one row a video, outlines and category names on the frames.

Annotations + frames --evenly spread frames--> enlarged, outlined --> rows --> PIL image
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rcf.data.annotations import Annotations, Track, Video
from rcf.data.runs import mask_of_runs, parse_counts
from rcf.data.shapes import Flags

COLOURS = ((255, 64, 64), (64, 255, 64), (80, 160, 255), (255, 224, 32), (255, 64, 255), (32, 240, 240))
"""Outline colours, by the order of a video's objects."""


def contact_sheet(annotations: Annotations, frames_root: Path, *, rows: int, columns: int, scale: int) -> Image.Image:
    """The first `rows` videos with `columns` frames each, enlarged `scale` times. Opens the frames it shows."""
    names = {category.id: category.name for category in annotations.categories}
    videos = annotations.videos[:rows]
    width, height = max(video.width for video in videos) * scale, max(video.height for video in videos) * scale
    sheet = Image.new("RGB", (columns * (width + 4), len(videos) * (height + 4)))
    for row, video in enumerate(videos):
        tracks = [track for track in annotations.tracks if track.video_id == video.id]
        for column in range(columns):
            t = round(column * (video.length - 1) / max(columns - 1, 1))
            cell = _cell(frames_root / video.file_names[t], video, scale)
            for number, track in enumerate(tracks):
                _outline(cell, track, t, COLOURS[number % len(COLOURS)], names[track.category_id])
            sheet.paste(cell, (column * (width + 4), row * (height + 4)))
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
    y, x = (int(values.mean()) for values in np.nonzero(enlarged))
    ImageDraw.Draw(cell).text((x, y), name, fill=colour, anchor="mm", stroke_width=1, stroke_fill=(0, 0, 0))


def _inner(mask: Flags) -> Flags:
    """Pixels whose four neighbours belong to the mask too."""
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
