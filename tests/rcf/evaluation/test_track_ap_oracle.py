"""The evaluator against an oracle: the official rules once more, written plainly, with loops over bitmaps."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rcf.data.annotations import Annotations, Track
from rcf.evaluation import rle
from rcf.evaluation.statistics import STAT_NAMES
from rcf.evaluation.track_ap import evaluate
from rcf.structures import Rle, TrackPrediction

Case = tuple[Annotations, list[TrackPrediction]]
THRESHOLDS: list[float] = np.linspace(0.5, 0.95, 10).tolist()
RANGES = {"": (0.0, 1e10), "_small": (0.0, 16384.0), "_medium": (16384.0, 65536.0), "_large": (65536.0, 1e10)}


def pixels(mask: Rle | None, size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.zeros(size, np.bool_) if mask is None else rle.decode([mask])[0]


def iou(a: list[NDArray[np.bool_]], b: list[NDArray[np.bool_]]) -> float:
    shared = sum(int((x & y).sum()) for x, y in zip(a, b, strict=True))
    union = sum(int((x | y).sum()) for x, y in zip(a, b, strict=True))
    return shared / union if union else 0.0


def mean_of_present(areas: list[float]) -> float:
    present = [area for area in areas if area]
    return sum(present) / len(present) if present else 0.0


class Oracle:
    """All numbers of one case."""

    def __init__(self, truth: Annotations, predictions: list[TrackPrediction]) -> None:
        self.truth, self.predictions = truth, predictions
        sizes = {video.id: (video.height, video.width) for video in truth.videos}
        self.true = [[pixels(m, sizes[t.video_id]) for m in t.segmentations] for t in truth.tracks]
        self.guessed = [[pixels(m, sizes[p.video_id]) for m in p.segmentations] for p in predictions]
        self.guessed_areas = [mean_of_present([float(m.sum()) for m in masks]) for masks in self.guessed]

    def stats(self) -> dict[str, float | None]:
        stats: dict[str, float | None] = {}
        for name, limits in RANGES.items():
            stats[f"AP{name}"] = self.mean(100, limits, THRESHOLDS, recall=False)
            stats[f"AR{name or 100}"] = self.mean(100, limits, THRESHOLDS, recall=True)
        everything = RANGES[""]
        stats["AP50"] = self.mean(100, everything, THRESHOLDS[:1], recall=False)
        stats["AP75"] = self.mean(100, everything, THRESHOLDS[5:6], recall=False)
        stats["AR1"] = self.mean(1, everything, THRESHOLDS, recall=True)
        stats["AR10"] = self.mean(10, everything, THRESHOLDS, recall=True)
        return stats

    def mean(self, most: int, limits: tuple[float, float], thresholds: list[float], recall: bool) -> float | None:
        values: list[float] = []
        for category in (category.id for category in self.truth.categories):
            for threshold in thresholds:
                value = self.value(category, most, limits, threshold, recall)
                if value is not None:
                    values.append(value)
        return 100 * sum(values) / len(values) if values else None

    def value(
        self, category: int, most: int, limits: tuple[float, float], threshold: float, recall: bool
    ) -> float | None:
        scored: list[tuple[float, bool]] = []
        wanted = 0
        for video in sorted(video.id for video in self.truth.videos):
            found, count = self.video(video, category, limits, threshold)
            scored += [(score, hit) for score, hit in found[:most] if hit is not None]
            wanted += count
        if not wanted:
            return None
        scored.sort(key=lambda pair: -pair[0])
        hits = np.cumsum([hit for _, hit in scored]) if scored else np.zeros(0)
        if recall:
            return float(hits[-1]) / wanted if scored else 0.0
        points = [(hit / wanted, hit / (k + 1 + 2.0**-52)) for k, hit in enumerate(hits.tolist())]
        levels = np.linspace(0, 1, 101)
        return sum(max((p for r, p in points if r >= level), default=0.0) for level in levels.tolist()) / 101

    def video(
        self, video: int, category: int, limits: tuple[float, float], threshold: float
    ) -> tuple[list[tuple[float, bool | None]], int]:
        """(score, hit) of the best 100, None where ignored; and how many true tracks count."""

        def here(item: Track | TrackPrediction) -> bool:
            return item.video_id == video and item.category_id == category

        def outside(area: float) -> bool:
            return area < limits[0] or area > limits[1]

        tracks = [i for i, t in enumerate(self.truth.tracks) if here(t)]
        skip = {
            i: self.truth.tracks[i].iscrowd
            or outside(mean_of_present([area or 0.0 for area in self.truth.tracks[i].areas]))
            for i in tracks
        }
        guesses = sorted(
            (j for j, p in enumerate(self.predictions) if here(p)), key=lambda j: -self.predictions[j].score
        )
        free = set(tracks)
        found: list[tuple[float, bool | None]] = []
        for j in guesses[:100]:
            overlap = {i: iou(self.guessed[j], self.true[i]) for i in free}
            near = [i for i in overlap if overlap[i] >= min(threshold, 1 - 1e-10)]
            regular = [i for i in near if not skip[i]]
            best = max(regular or near, key=lambda i: (overlap[i], i), default=None)
            if best is not None and not self.truth.tracks[best].iscrowd:
                free.discard(best)
            ignored = outside(self.guessed_areas[j]) if best is None else skip[best]
            found.append((self.predictions[j].score, None if ignored else best is not None))
        return found, sum(not ignored for ignored in skip.values())


@pytest.mark.parametrize("seed", range(24))
def test_all_numbers_equal_those_of_the_plain_oracle(seed: int, make_case: Callable[[int], Case]) -> None:
    truth, predictions = make_case(seed)
    wanted = Oracle(truth, predictions).stats()
    found = evaluate(truth, predictions).stats
    assert set(found) == set(STAT_NAMES) == set(wanted)
    for name in STAT_NAMES:
        assert found[name] == pytest.approx(wanted[name], abs=1e-9), name


def test_the_random_cases_hold_what_they_promise(make_case: Callable[[int], Case]) -> None:
    cases = [make_case(seed) for seed in range(24)]
    tracks = [track for truth, _ in cases for track in truth.tracks]
    values = [value for truth, predictions in cases for value in evaluate(truth, predictions).stats.values()]
    assert any(track.iscrowd for track in tracks)
    assert any(mask is None for track in tracks for mask in track.segmentations)
    assert any(area == 0 for track in tracks for area in track.areas)
    assert max(len(predictions) for _, predictions in cases) > 100
    assert any(len({p.score for p in predictions}) < len(predictions) for _, predictions in cases)
    assert any(value is None for value in values)
    assert sum(value is not None and 0 < value < 100 for value in values) > 100
