"""A small sound data set on disk, as a document that a test may spoil before it is read."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rcf.data.annotations import Annotations, load_annotations
from rcf.data.runs import format_counts, runs_of_mask
from rcf.errors import InputError, Problem

# A module of this folder, which is no package: tests import it by name.
sys.path.insert(0, str(Path(__file__).parent))

HEIGHT, WIDTH = 6, 8


def encoded(mask: np.ndarray) -> dict[str, Any]:
    return {"size": list(mask.shape), "counts": format_counts(runs_of_mask(mask))}


def square(top: int, left: int, side: int = 3) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


@dataclass
class SmallSet:
    """Two videos of 3 and 2 frames, categories 7 and 3, three tracks of which one is a crowd."""

    root: Path
    document: dict[str, Any]

    @property
    def path(self) -> Path:
        return self.root / "train" / "instances.json"

    @property
    def frames(self) -> Path:
        return self.root / "train" / "JPEGImages"

    def load(self, **options: bool) -> Annotations:
        self.path.write_text(json.dumps(self.document))
        return load_annotations(self.path, self.frames, **options)

    def problems(self, **options: bool) -> tuple[Problem, ...]:
        with pytest.raises(InputError) as caught:
            self.load(**options)
        return caught.value.problems

    def problem(self, **options: bool) -> Problem:
        """The only problem."""
        (only,) = self.problems(**options)
        return only


def _video(number: int, name: str, length: int) -> dict[str, Any]:
    names = [f"{name}/{t:05d}.jpg" for t in range(length)]
    return {"id": number, "width": WIDTH, "height": HEIGHT, "length": length, "file_names": names}


def _track(number: int, video: int, category: int, masks: list[np.ndarray | None]) -> dict[str, Any]:
    return {
        "id": number, "video_id": video, "category_id": category, "iscrowd": 0,
        "segmentations": [None if mask is None else encoded(mask) for mask in masks],
        "areas": [None if mask is None else int(mask.sum()) for mask in masks],
    }  # fmt: skip


@pytest.fixture
def small_set(tmp_path: Path) -> SmallSet:
    videos = [_video(11, "a", 3), _video(12, "b", 2)]
    tracks = [
        _track(1, 11, 7, [square(0, 0), square(1, 2), None]),
        _track(2, 11, 3, [None, square(2, 5), square(3, 5)]),
        _track(3, 12, 7, [square(0, 0), square(0, 1)]) | {"iscrowd": 1},
    ]
    categories = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]
    made = SmallSet(tmp_path / "set", {"videos": videos, "categories": categories, "annotations": tracks})
    rng = np.random.default_rng(0)
    for video in videos:
        (made.frames / video["file_names"][0]).parent.mkdir(parents=True)
        for name in video["file_names"]:
            pixels = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(made.frames / name, quality=95)
    made.path.write_text(json.dumps(made.document))
    return made
