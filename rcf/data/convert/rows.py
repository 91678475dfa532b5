"""From values to rows of the one schema, with what is left out on the way counted.

Video, Track --RowWriter--> frames looked at (header alone) --> SplitWriter
                               `-> an object that is never visible is left out: no detector can find it
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from rcf.data.frame_files import Fault, FramesFolder
from rcf.data.layout import SOUND_SUFFIXES
from rcf.data.problems import Collector
from rcf.data.runs import box_of_runs, parse_counts
from rcf.data.set_writer import SplitWriter
from rcf.data.sounds import found_sound
from rcf.data.videos import Category, Track, Video

_DEPTH, _COLOUR = 24, 25
"""Bytes of a PNG that hold bits a channel and the kind of colour."""
_AGAIN = "Convert it, say by: ffmpeg -i IN.png -pix_fmt rgb24 OUT.png"


def frame_size(path: Path) -> tuple[int, int] | Fault:
    """Height and width of a frame by its header, or why training would not take it; no pixel is decoded."""
    wanted = "a JPEG or PNG image of 8 bits a channel, without alpha"
    try:
        with path.open("rb") as file, Image.open(file) as image:
            kind, size, transparent = image.format, (image.height, image.width), "transparency" in image.info
            file.seek(0)
            head = file.read(_COLOUR + 1)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return Fault("frame-damaged", f"{path.name!r}, which is no image", wanted, "Fetch the frame again")
    if kind not in ("JPEG", "PNG"):
        return Fault("frame-damaged", f"{path.name!r}, a {kind} image", wanted, _AGAIN)
    if kind == "PNG" and head[_DEPTH] == 16:
        return Fault("frame-damaged", f"{path.name!r}, of 16 bits a channel", wanted, _AGAIN)
    if kind == "PNG" and (head[_COLOUR] in (4, 6) or transparent):
        return Fault("frame-damaged", f"{path.name!r}, with an alpha channel", wanted, _AGAIN)
    return size


@dataclass(slots=True)
class RowWriter:
    """Writes one split; what is wrong with the source goes to `problems`."""

    problems: Collector
    out: SplitWriter
    frames: Path
    """Folder of the source's frames."""
    sounds: Path | None
    """Folder of the source's sounds."""
    fps: float | None
    """Frames a second of videos of which the source does not say."""
    sizes: dict[int, tuple[int, int, int]] = field(default_factory=dict[int, tuple[int, int, int]])
    left_out: int = 0
    """Objects that are visible in no frame."""

    def video(self, video: Video, place: str) -> None:
        """A video with its frames, and the sound that lies where a sound of it would."""
        self._look_at_frames(video, place)
        video = self._with_sound(video, place)
        self.sizes[video.id] = video.height, video.width, video.length
        if self.problems.count:  # the set is refused: nothing more needs to be written
            return
        self.out.video(_video_row(video, self.fps), ((name, self.frames / name) for name in video.file_names))

    def track(self, track: Track) -> None:
        """An object of a video that was written before."""
        height, width, length = self.sizes[track.video_id]
        masks = [None if mask is None else parse_counts(mask["counts"]) for mask in track.segmentations]
        boxes = [None if runs is None else box_of_runs(runs, height) for runs in masks]
        if not any(boxes):
            self.left_out += 1
            return
        shown = zip(track.segmentations, track.areas, boxes, strict=True)
        entries = [(None, None, None) if box is None else (mask, area, box) for mask, area, box in shown]
        self.out.track({
            "id": track.id, "video_id": track.video_id, "category_id": track.category_id,
            "iscrowd": int(track.iscrowd), "height": height, "width": width, "length": length,
            "segmentations": [mask for mask, _, _ in entries],
            "areas": [_whole(area) for _, area, _ in entries],
            "bboxes": [box for _, _, box in entries],
        })  # fmt: skip

    def _look_at_frames(self, video: Video, place: str) -> None:
        for name in video.file_names:
            found = frame_size(self.frames / name)
            if isinstance(found, Fault):
                self.problems.add(place, found.got, found.wanted, found.hint, found.rule)
            elif found != (video.height, video.width):
                got = f"{name!r} of {found[1]}x{found[0]}"
                self.problems.add(place, got, f"{video.width}x{video.height}, as the video", rule="frame-size")

    def _with_sound(self, video: Video, place: str) -> Video:
        found = found_sound(video, None if self.sounds is None else FramesFolder(self.sounds, "sound"))
        if isinstance(found, Path) and found.suffix.lower() not in SOUND_SUFFIXES:
            hint = "Convert it, say by: ffmpeg -i IN OUT.flac"
            found = Fault("sound-damaged", f"{found.name!r}", "a FLAC or WAV file", hint)
        if isinstance(found, Fault):
            self.problems.add(place, found.got, found.wanted, found.hint, found.rule)
        if self.sounds is None or not isinstance(found, Path):
            return video
        name = found.relative_to(self.sounds).as_posix()
        if not self.problems.count:
            self.out.sound(name, found)
        return replace(video, audio_file=name)


def category_rows(categories: tuple[Category, ...]) -> list[dict[str, object]]:
    """Rows of `categories`."""
    return [{"id": category.id, "name": category.name} for category in categories]


def _video_row(video: Video, fps: float | None) -> dict[str, object]:
    row: dict[str, object] = {
        "id": video.id, "width": video.width, "height": video.height, "length": video.length,
        "file_names": list(video.file_names),
    }  # fmt: skip
    if video.fps is not None or fps is not None:
        row["fps"] = video.fps or fps
    if video.audio_file is not None or video.silent:
        row["audio_file"] = video.audio_file
    if video.hard_frames is not None:
        row["hard_frames"] = list(video.hard_frames)
    return row


def _whole(area: float | None) -> float | int | None:
    return int(area) if area is not None and area.is_integer() else area
