"""Clips of moving textured shapes as arrays, their sound and their annotations; nothing is written here.

    SyntheticConfig --cast (who plays in which clip, exact shares)--> scene --render--> Clip: frames, masks, hard frames
                                                                                        Clip --> AnnotationFile

Each clip, and each split, has random streams of its own: the number of validation clips does not change training.

With looks: same all objects of a clip are of one category, drawn as discs, and no pixel depends on which it is: a sound
could not say which of several objects it belongs to.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rcf.config import SYNTHETIC_VERSION, SyntheticConfig
from rcf.data.render import render_frame, render_masks, spoil, to_bytes
from rcf.data.runs import format_counts, runs_of_mask
from rcf.data.scenes import Scene, Stage, sample_scene
from rcf.data.shapes import CATEGORIES, Flags
from rcf.data.textures import FAMILIES
from rcf.data.timbres import Choice, clip_sound, drawn_timbres, own_timbres
from rcf.seeding import stream

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")

TWINS_SHARE = 0.3
"""Share of the clips with two objects of one category."""
HARD_SHARE = 0.18
"""Share of the frames after the first that are blurred, noisy or dark."""
MOST_ACTORS = 4

_CHOICES: dict[str, Choice] = {"category": own_timbres, "random": drawn_timbres}
_SHAPES = {"category": CATEGORIES, "same": (CATEGORIES[0],) * len(CATEGORIES)}


@dataclass(frozen=True, slots=True)
class Clip:
    """One rendered clip."""

    name: str
    frames: tuple[NDArray[np.uint8], ...]
    """Each (height, width, 3)."""
    categories: tuple[int, ...]
    """Index into CATEGORIES of each object."""
    masks: Flags
    """(objects, frames, height, width); objects do not overlap."""
    hard_frames: tuple[int, ...]
    sound: NDArray[np.int16] | None = None
    """Mono, 16 kHz, as long as the frames at the fps of the set; None in a set without sound."""


def described(config: SyntheticConfig) -> dict[str, object]:
    """The settings that the content depends on; sound, looks and fps only where they are not as they always were."""
    later = {"sound", "looks", "fps"}
    changed = config.model_dump(include=later, exclude_defaults=True)
    return config.model_dump(exclude={"root", *later}) | changed


def clip_count(config: SyntheticConfig, split: Split) -> int:
    """Number of clips of a split."""
    return config.train_clips if split == "train" else config.val_clips


def render_split(config: SyntheticConfig, split: Split) -> Iterator[Clip]:
    """The clips of a split, one at a time."""
    count = clip_count(config, split)
    stage = Stage(config.height, config.width, config.frames, FAMILIES[split], _SHAPES[config.looks])
    casts = _casts(stream(config.seed, f"synthetic/{split}/cast"), count)
    if config.looks == "same":
        casts = [[cast[0]] * len(cast) for cast in casts]
    hard = _hard_frames(stream(config.seed, f"synthetic/{split}/hard"), count, config.frames)
    for number in range(count):
        scene, masks = _staged(config.seed, split, number, stage, casts[number])
        rng = stream(config.seed, f"synthetic/{split}/pixels", number)
        frames = tuple(_frame(scene, t, t in hard[number], rng) for t in range(config.frames))
        categories = tuple(CATEGORIES.index(actor.category) for actor in scene.actors)
        sound: NDArray[np.int16] | None = None
        if config.sound != "none":
            rng = stream(config.seed, f"synthetic/{split}/sound", number)
            sound = clip_sound(rng, _CHOICES[config.sound], categories, masks, config.fps)
        yield Clip(f"{split}-{number:04d}", frames, categories, masks, tuple(hard[number]), sound)


class AnnotationFile:
    """Gathers the annotations of clips, so that their pixels need not stay in memory."""

    def __init__(self, config: SyntheticConfig) -> None:
        self._config = config
        self._videos: list[dict[str, object]] = []
        self._tracks: list[dict[str, object]] = []

    def add(self, clip: Clip) -> None:
        """Append one video and its objects; ids count from 1."""
        count, height, width = clip.masks.shape[1:]
        size = {"height": height, "width": width, "length": count}
        names = [f"{clip.name}/{t:05d}.jpg" for t in range(count)]
        video_id = len(self._videos) + 1
        heard = {} if clip.sound is None else {"audio_file": f"{clip.name}.flac"}
        timed = {"fps": _number(self._config.fps)} if heard or "fps" in described(self._config) else {}
        hard = list(clip.hard_frames)
        self._videos.append({"id": video_id, **size, "file_names": names, "hard_frames": hard, **heard, **timed})
        for category, masks in zip(clip.categories, clip.masks, strict=True):
            identity = {"id": len(self._tracks) + 1, "video_id": video_id, "category_id": category + 1, "iscrowd": 0}
            self._tracks.append({**identity, **size, **_track(masks)})

    def document(self) -> dict[str, object]:
        """The whole file, in YouTube-VIS format with `hard_frames` added to each video."""
        info = {"description": "synthetic moving shapes", "generator": SYNTHETIC_VERSION}
        return {
            "info": {**info, "config": described(self._config)},
            "videos": self._videos,
            "categories": [{"id": number, "name": name} for number, name in enumerate(CATEGORIES, start=1)],
            "annotations": self._tracks,
        }


def _number(value: float) -> float | int:
    """5 rather than 5.0: files of older sets stay the same, byte for byte."""
    return int(value) if value.is_integer() else value


def _track(masks: Flags) -> dict[str, object]:
    seen = [bool(mask.any()) for mask in masks]
    runs = [runs_of_mask(mask) if there else None for mask, there in zip(masks, seen, strict=True)]
    size = list(masks.shape[1:])
    return {
        "segmentations": [None if each is None else {"size": size, "counts": format_counts(each)} for each in runs],
        "areas": [None if each is None else int(each[1::2].sum()) for each in runs],
        "bboxes": [_bounding_box(mask) if there else None for mask, there in zip(masks, seen, strict=True)],
    }


def _bounding_box(mask: Flags) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def _casts(rng: np.random.Generator, count: int) -> list[list[int]]:
    """Categories of each clip: all different, but for one pair in exactly the share of twins (rounded)."""
    twins = set(rng.permutation(count)[: round(TWINS_SHARE * count)].tolist())
    casts: list[list[int]] = []
    for number in range(count):
        different = rng.permutation(len(CATEGORIES)).tolist()
        if number in twins:
            casts.append([different[0], *different[: int(rng.integers(1, MOST_ACTORS))]])
        else:
            casts.append(different[: int(rng.integers(1, MOST_ACTORS + 1))])
    return casts


def _hard_frames(rng: np.random.Generator, count: int, frames: int) -> list[list[int]]:
    """Hard frames of each clip; never the first, so that a clip begins with something to see."""
    after_first = count * (frames - 1)
    places: list[int] = rng.permutation(after_first)[: round(HARD_SHARE * after_first)].tolist()
    hard: list[list[int]] = [[] for _ in range(count)]
    for place in sorted(places):
        hard[place // (frames - 1)].append(place % (frames - 1) + 1)
    return hard


def _staged(seed: int, split: str, number: int, stage: Stage, cast: list[int]) -> tuple[Scene, Flags]:
    """The first random scene in which every object can be seen well for a third of the clip."""
    for attempt in itertools.count():
        scene = sample_scene(stream(seed, f"synthetic/{split}/scene", number, attempt), stage, cast)
        visible, whole = render_masks(scene)
        areas = visible.sum(axis=(2, 3))
        well_seen = (areas > 0) & (areas >= 0.6 * whole.sum(axis=(2, 3)).max(axis=1, keepdims=True))
        if (well_seen.sum(axis=1) >= max(stage.frames // 3, 1)).all():
            return scene, visible
    raise AssertionError("itertools.count ended")


def _frame(scene: Scene, t: int, hard: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    image = render_frame(scene, t)
    if hard:
        image = spoil(image, ("blur", "noise", "dark")[int(rng.integers(3))], rng)
    return to_bytes(image)
