"""Weights of videos: what they mean, without matching again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rcf.data.annotations import Annotations
from rcf.evaluation.resampled import resampled_stats
from rcf.evaluation.statistics import STAT_NAMES, stats_from_records
from rcf.evaluation.track_ap import evaluate
from rcf.structures import TrackPrediction

Case = tuple[Annotations, list[TrackPrediction]]


def distinct_scores(predictions: list[TrackPrediction]) -> list[TrackPrediction]:
    """Without ties, for which "copied" and "weighted" order a video's predictions differently."""
    return [replace(prediction, score=1 / (2 + i)) for i, prediction in enumerate(predictions)]


def copied(truth: Annotations, predictions: list[TrackPrediction], times: dict[int, int]) -> Case:
    """Videos as often as `times` says, the copies with ids of their own."""
    copies = [(video, 1000 * n + video) for video, count in times.items() for n in range(count)]
    videos = tuple(replace(v, id=new) for old, new in copies for v in truth.videos if v.id == old)
    tracks = tuple(replace(t, video_id=new) for old, new in copies for t in truth.tracks if t.video_id == old)
    guesses = [replace(p, video_id=new) for old, new in copies for p in predictions if p.video_id == old]
    return Annotations(truth.path, videos, truth.categories, tracks), guesses


@pytest.mark.parametrize("seed", range(40, 48))
def test_a_weight_counts_a_video_that_many_times(seed: int, make_case: Callable[[int], Case]) -> None:
    truth, predictions = make_case(seed)
    predictions = distinct_scores(predictions)
    rng = np.random.default_rng(seed)
    found = evaluate(truth, predictions)
    weights = rng.integers(0, 4, len(truth.videos))
    times = dict(zip(found.records["video_ids"].astype(int).tolist(), weights.tolist(), strict=True))
    wanted = evaluate(*copied(truth, predictions, times)).stats
    got = stats_from_records(found.records, weights.astype(np.float64))
    approximately = {name: v if v is None else pytest.approx(v, abs=1e-9) for name, v in wanted.items()}
    assert got == approximately
    several = resampled_stats(found.records, weights[:, None].astype(np.float64), STAT_NAMES)
    assert {name: None if np.isnan(v[0]) else float(v[0]) for name, v in several.items()} == approximately


def test_equal_weights_change_nothing(make_case: Callable[[int], Case]) -> None:
    found = evaluate(*make_case(2))
    weights = np.full(found.records["video_ids"].size, 3.0)
    assert stats_from_records(found.records, weights) == {
        name: value if value is None else pytest.approx(value, abs=1e-9) for name, value in found.stats.items()
    }


def test_records_survive_an_npz_file(make_case: Callable[[int], Case], tmp_path: Any) -> None:
    found = evaluate(*make_case(3))
    np.savez_compressed(tmp_path / "records.npz", **found.records)
    with np.load(tmp_path / "records.npz") as saved:
        assert stats_from_records({name: saved[name] for name in saved.files}) == found.stats


@pytest.mark.parametrize("weights", [[1.0], [-1.0], [0.5], [float("nan")]])
def test_weights_that_make_no_sense_are_refused(weights: list[float], make_case: Callable[[int], Case]) -> None:
    records = evaluate(*make_case(5)).records
    bad = np.array(weights * (records["video_ids"].size + (weights == [1.0])))
    with pytest.raises(ValueError, match="weights must be"):
        stats_from_records(records, bad)
