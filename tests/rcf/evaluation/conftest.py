"""Small annotated videos for the tests of the evaluator."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rcf.data.annotations import Annotations, Category, Track, Video
from rcf.evaluation import rle
from rcf.structures import Rle, TrackPrediction

Masks = tuple[Rle | None, ...]
Case = tuple[Annotations, list[TrackPrediction]]
HEIGHT, WIDTH = 300, 320
"""Large enough for tracks beyond 256 x 256 pixels."""


def rectangles(corners: Sequence[tuple[int, int, int, int] | None], height: int = HEIGHT, width: int = WIDTH) -> Masks:
    """One filled rectangle (top, left, bottom, right) a frame; None where the track is absent."""
    masks: list[Rle | None] = []
    for corner in corners:
        if corner is None:
            masks.append(None)
            continue
        mask = np.zeros((1, height, width), np.bool_)
        mask[0, corner[0] : corner[2], corner[1] : corner[3]] = True
        masks += rle.encode(mask)
    return tuple(masks)


def track(number: int, video: int, category: int, masks: Masks, crowd: bool = False) -> Track:
    """A true track whose stated areas are those of its masks."""
    areas = tuple(None if mask is None else float(rle.areas([mask])[0]) for mask in masks)
    return Track(number, video, category, crowd, masks, areas)


def annotations(
    tracks: Sequence[Track],
    lengths: dict[int, int],
    categories: Sequence[int],
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Annotations:
    """Videos by id and length, all of one size."""
    videos = tuple(Video(v, size[1], size[0], n, tuple(f"{v}/{i}.jpg" for i in range(n))) for v, n in lengths.items())
    return Annotations(Path("truth.json"), videos, tuple(Category(k, f"kind {k}") for k in categories), tuple(tracks))


def _near(rng: np.random.Generator, corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same rectangles, most of them moved or resized a little."""
    moved = corners + rng.integers(-14, 15, corners.shape) * (rng.random(corners.shape) < 0.6)
    return np.clip(moved, 0, [HEIGHT - 1, WIDTH - 1, HEIGHT, WIDTH])


def _masks(rng: np.random.Generator, corners: NDArray[np.int64]) -> Masks:
    """Rectangles of which some frames are absent or, as some tools write it, present without a pixel."""
    chosen: list[tuple[int, int, int, int] | None] = []
    for top, left, bottom, right in corners.tolist():
        what = rng.random()
        chosen.append(None if what < 0.12 else (0, 0, 0, 0) if what < 0.2 else (top, left, bottom, right))
    return rectangles(chosen)


def random_case(seed: int) -> Case:
    """Videos with up to 4 true tracks; ties of scores and of IoU, crowds, id 0, empty tracks, some with 130 guesses."""
    rng = np.random.default_rng(seed)
    categories = [3 * k + 1 for k in range(int(rng.integers(1, 4)))]
    lengths = {int(10 * v + rng.integers(0, 9)): int(rng.integers(1, 4)) for v in range(int(rng.integers(1, 4)))}
    tracks: list[Track] = []
    predictions: list[TrackPrediction] = []
    for video, length in lengths.items():
        known: list[tuple[int, NDArray[np.int64]]] = []
        for _ in range(int(rng.integers(0, 5))):
            top_left = rng.integers(0, 100, (length, 2))
            corners = np.concatenate((top_left, top_left + rng.integers(40, 201, 2)), axis=1)
            category = int(rng.choice(categories[: 2 if rng.random() < 0.7 else 3]))
            known.append((category, corners))
            tracks.append(track(len(tracks) + 1, video, category, _masks(rng, corners), bool(rng.random() < 0.15)))
        for _ in range(130 if seed % 12 == 5 else int(rng.integers(0, 10))):
            chosen = 0 if seed % 12 == 5 else int(rng.integers(max(1, len(known))))
            category, corners = known[chosen] if known else (categories[0], None)
            guess = rectangles([None] * length) if corners is None else _masks(rng, _near(rng, corners))
            score = float(np.round(rng.random(), 1 if rng.random() < 0.5 else 6))
            predictions.append(TrackPrediction(video, category, score, guess))
    order = rng.permutation(len(predictions))
    return annotations(tracks, lengths, categories), [predictions[i] for i in order]


@pytest.fixture
def make_case() -> Callable[[int], Case]:
    """seed -> annotations and predictions."""
    return random_case


@pytest.fixture
def make_rectangles() -> Callable[..., Masks]:
    """(corners, height, width) -> masks of a track."""
    return rectangles


@pytest.fixture
def make_track() -> Callable[..., Track]:
    """(id, video, category, masks, crowd) -> a true track."""
    return track


@pytest.fixture
def make_annotations() -> Callable[..., Annotations]:
    """(tracks, {video: length}, categories, size) -> annotations."""
    return annotations


@pytest.fixture(scope="session")
def reference() -> Callable[[Annotations, list[TrackPrediction]], dict[str, float | None]]:
    """(truth, predictions) -> the twelve numbers, by the slow reading of the official evaluator beside this file."""
    path = Path(__file__).with_name("official_reference.py")  # tests are no package
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.reference
