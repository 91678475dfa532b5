"""A training set split in two, because the labels of the public validation sets do not exist.

root --read_contents--> videos with their categories --stratified, or a stored list--> Holdout
     --rows of the file, as they are--> OUT/train, OUT/val (frames linked) + OUT/holdout.json   whole or not at all
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rcf.data.check import ProgressOf
from rcf.data.contents import Contents, read_contents
from rcf.data.holdout_list import LIST, Holdout, read_list
from rcf.data.json_file import Elements, Json, read_parts
from rcf.data.layout import find_audio, find_split
from rcf.data.problems import Collector, refuse
from rcf.data.set_writer import Placer, SplitWriter
from rcf.data.sounds import sound_path
from rcf.data.stratify import lone_categories, stratified
from rcf.data.videos import Video
from rcf.data.whole_folder import new_folder, write_json

PARTS = ("train", "val")
_MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class HoldoutReport:
    """What a split came to."""

    holdout: Holdout
    contents: Contents
    lone: tuple[str, ...]
    """Categories with a single video, which stays in training."""
    linked: int
    copied: int


def hold_out(  # noqa: PLR0913  a choice each
    root: Path, split: str, out: Path, share: float, seed: int, stored: Path | None, *, copy: bool, progress: ProgressOf
) -> HoldoutReport:
    """Write `out`/train and `out`/val from a labelled split of the set at `root`.

    `stored`: a list to follow, instead of `share` and `seed`.
    Raises rcf.errors.InputError with all problems of the set or the list, and nothing is left of `out`.
    """
    path, frames = find_split(root, split)
    tell = progress(f"reading {path.name}, MB")
    contents = read_contents(path, frames, lambda done, total: tell(done // _MEGABYTE, total // _MEGABYTE))
    holdout = read_list(stored, contents) if stored is not None else _new(contents, share, seed)
    if not holdout.val or not holdout.train:
        got = f"{len(holdout.train)} training and {len(holdout.val)} validation videos"
        refuse(stored or path, "", got, "at least one of each", "A category with one video keeps it in training")
    placer, sounds = Placer(copy=copy), find_audio(root, split)
    source = _Source(path, frames, sounds, contents)

    def fill(folder: Path) -> None:
        _write(folder, source, holdout, placer, progress)
        write_json(folder / LIST, holdout.as_json())

    new_folder(out, fill)
    return HoldoutReport(holdout, contents, lone_categories(contents.labels), placer.linked, placer.copied)


def _new(contents: Contents, share: float, seed: int) -> Holdout:
    held = stratified(contents.labels, share, seed)
    kept = contents.objects.keys() - held
    return Holdout(contents.digest, share, seed, tuple(sorted(kept)), tuple(sorted(held)))


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    frames: Path
    sounds: Path | None
    contents: Contents


def _write(folder: Path, source: _Source, holdout: Holdout, placer: Placer, progress: ProgressOf) -> None:
    """Both parts in one pass over the videos, and one over the annotations."""
    side = dict.fromkeys(holdout.train, 0) | dict.fromkeys(holdout.val, 1)
    with SplitWriter(folder / PARTS[0], placer) as train, SplitWriter(folder / PARTS[1], placer) as val:
        writers, categories, info = (train, val), list[Mapping[str, object]](), dict[str, object]()
        tell, done = progress("linking videos"), 0
        for key, row in _rows(source.path, info, ("videos", "categories")):
            if key == "categories":
                categories.append(row)
                continue
            video = source.contents.videos[cast("int", row["id"])]
            writer = writers[side[source.contents.names[video.id]]]
            writer.video(row, ((name, source.frames / name) for name in video.file_names))
            _sound(writer, source.sounds, video)
            done += 1
            tell(done, len(side))
        for _, row in _rows(source.path, {}, ("annotations",)):
            writers[side[source.contents.names[cast("int", row["video_id"])]]].track(row)
        for writer, part in zip(writers, PARTS, strict=True):
            writer.close({**info, "holdout": {"part": part, "source": holdout.source}}, categories)


def _sound(writer: SplitWriter, sounds: Path | None, video: Video) -> None:
    path = sound_path(sounds, video)
    if sounds is not None and path is not None and path.is_file():
        writer.sound(path.relative_to(sounds).as_posix(), path)


def _rows(path: Path, info: dict[str, object], keys: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Json]]]:
    """The rows of these lists, as they are in the file, which was checked before; its `info` goes to `info`."""
    for key, value in read_parts(path, Collector(str(path))):
        if key == "info" and isinstance(value, dict):
            info.update(value)
        if key in keys and isinstance(value, Elements):
            for _, row, _ in value:
                assert isinstance(row, dict), "the file was checked"
                yield key, row
