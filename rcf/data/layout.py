"""Where a video data set keeps what: the releases and the tools around them use several names.

root, split --look_for_split, find_split--> annotation file, frames folder
            --find_audio--> folder of the sounds --sound_file--> the sound of one video

    YouTube-VIS 2019         train.json                         train/JPEGImages
    YouTube-VIS 2021, 2022   train/instances.json               train/JPEGImages      validation is called valid
    OVIS                     annotations_train.json             train, or Images/train
    AVISeg                   train.json                         train/JPEGImages      sound: train/WAVAudios/<video>.wav
    MaskTrack R-CNN          annotations/instances_train_sub.json
    CMaskTrack R-CNN         annotations/annotations_train.json  train_images
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rcf.data.problems import refuse
from rcf.errors import InputError, Problem

_SAME_SPLIT = {"val": "valid", "valid": "val"}


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """What was found of one split, and what was looked for."""

    split: str
    annotations: Path | None
    frames: Path | None
    audio: Path | None
    tried_annotations: tuple[str, ...]
    """Below the root."""
    tried_frames: tuple[str, ...]


def look_for_split(root: Path, split: str) -> SplitFiles:
    """What there is of a split, under any of the names that are in use (see `find_split`).

    Raises rcf.errors.InputError when there is no folder `root`.
    """
    if not root.is_dir():
        wanted = "the folder of a YouTube-VIS data set"
        refuse(root, "", "no such folder", wanted, "Set data.root", "root-missing")
    names = [split, *([_SAME_SPLIT[split]] if split in _SAME_SPLIT else [])]
    files = [root / name / file for name in names for file in ("instances.json", f"{name}.json")]
    flat = [f.format(name) for name in names for f in ("{}.json", "annotations_{}.json", "instances_{}_sub.json")]
    files += [root / folder / file for folder in (".", "annotations") for file in flat]
    frames = [root / name / "JPEGImages" for name in names] + [root / "JPEGImages"]
    # A folder named after the split comes last: it also holds JPEGImages where that is the frames folder.
    frames += [root / f.format(name) for f in ("Images/{}", "{}_images", "{}") for name in names]
    return SplitFiles(
        split,
        next((file for file in files if file.is_file()), None),
        next((path for path in frames if path.is_dir()), None),
        find_audio(root, split),
        tuple(str(file.relative_to(root)) for file in files),
        tuple(str(path.relative_to(root)) for path in frames),
    )


def find_split(root: Path, split: str) -> tuple[Path, Path]:
    """The annotation file and the frames folder of a split, under any of the names that are in use.

    Annotations: `<split>/instances.json` or `<split>/<split>.json`; `<split>.json`, `annotations_<split>.json` or
    `instances_<split>_sub.json`, at the root or below `annotations/`. Frames: `<split>/JPEGImages`, `JPEGImages`,
    `Images/<split>`, `<split>_images`, or `<split>` itself. `val` and `valid` mean the same.
    Raises rcf.errors.InputError naming what is missing.
    """
    found = look_for_split(root, split)
    if found.annotations is None or found.frames is None:
        raise InputError([missing_part(root, found)])
    return found.annotations, found.frames


def missing_part(root: Path, found: SplitFiles) -> Problem:
    """What a split lacks that is not whole, the annotations first."""
    if found.annotations is None:
        got, tried, rule = "annotation file", found.tried_annotations, "split-missing"
    else:
        got, tried, rule = "frames folder", found.tried_frames, "frames-folder-missing"
    return Problem(str(root), "", f"no {got} of split {found.split!r}", f"one of {', '.join(tried)}", rule=rule)


SOUND_SUFFIXES = (".flac", ".wav")
_AUDIO_FOLDERS = ("Audio", "WAVAudios", "Audios", "audio", "audios")


def find_audio(root: Path, split: str) -> Path | None:
    """The folder of the sounds of a split, `<split>/Audio`, `<split>/WAVAudios` (AVISeg) or the like; None without.

    Folders at the root serve all splits; `val` and `valid` mean the same.
    """
    names = [split, *([_SAME_SPLIT[split]] if split in _SAME_SPLIT else []), "."]
    places = [root / name / folder for name in names for folder in _AUDIO_FOLDERS]
    return next((place for place in places if place.is_dir()), None)


def sound_file(folder: Path, audio_file: str | None, first_frame: str) -> Path | None:
    """The sound of a video: `audio_file` of its annotations, or a file with the name of its frames' folder (AVISeg).

    A named file is not looked for; None where no name is given and none is found.
    """
    if audio_file is not None:
        return folder / audio_file
    video = PurePosixPath(first_frame).parent.name
    named = [folder / f"{video}{suffix}" for suffix in SOUND_SUFFIXES] if video else []
    return next((path for path in named if path.is_file()), None)
