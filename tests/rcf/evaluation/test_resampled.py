"""Statistics of many weightings at once are those of `stats_from_records`, column by column."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rcf.data.annotations import Annotations
from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS
from rcf.evaluation.resampled import PRIMARY, resampled_stats
from rcf.evaluation.statistics import STAT_NAMES, stats_from_records
from rcf.evaluation.track_ap import evaluate
from rcf.structures import TrackPrediction

Case = tuple[Annotations, list[TrackPrediction]]
Records = dict[str, NDArray[np.generic]]


def made_records(rng: np.random.Generator, videos: int, categories: int, predictions: int) -> Records:
    """Records that no matching made: ties, ignored rows at single thresholds, categories and videos without tracks."""
    shape = (len(AREA_RANGES), len(IOU_THRESHOLDS), predictions)
    category = rng.integers(0, categories, predictions)
    score = np.round(rng.random(predictions), int(rng.integers(1, 8)))
    order = np.lexsort((-score, category))
    positives = rng.poisson(rng.choice([0.0, 0.3, 2.0]), (len(AREA_RANGES), videos, categories))
    video, category = rng.integers(0, videos, predictions)[order], category[order]
    true = (rng.random(shape) < 0.4) & (positives[:, video, category] > 0)[:, None]
    for a in range(len(AREA_RANGES)):  # no more tracks are found than there are
        np.add.at(positives[a], (video, category), true[a].any(axis=0))
    return {
        "video_ids": np.arange(videos),
        "category_ids": np.arange(categories),
        "video": video,
        "category": category,
        "score": score[order],
        "rank": rng.integers(0, 12, predictions),
        "true_positive": true,
        "ignored": ~true & (rng.random(shape) < rng.choice([0.0, 0.3])),
        "positives": positives,
    }


def assert_columns_are_stats(records: Records, weights: NDArray[np.float64], tolerance: float = 1e-10) -> None:
    found = resampled_stats(records, weights, STAT_NAMES)
    for b in range(weights.shape[1]):
        wanted = stats_from_records(records, weights[:, b])
        got = {name: None if np.isnan(values[b]) else float(values[b]) for name, values in found.items()}
        assert got == {name: v if v is None else pytest.approx(v, abs=tolerance) for name, v in wanted.items()}


@given(
    seed=st.integers(0, 2**32),
    videos=st.integers(1, 9),
    categories=st.integers(1, 4),
    predictions=st.integers(0, 60),
)
def test_each_column_is_what_a_single_weighting_gives(
    seed: int, videos: int, categories: int, predictions: int
) -> None:
    rng = np.random.default_rng(seed)
    records = made_records(rng, videos, categories, predictions)
    counts = rng.multinomial(videos, np.full(videos, 1 / videos), 4).T.astype(np.float64)
    assert_columns_are_stats(records, np.column_stack([np.ones(videos), counts, rng.integers(0, 9, videos)]))


@pytest.mark.parametrize("seed", [5, 17, *range(40, 46)])
def test_a_column_of_ones_gives_the_official_numbers(seed: int, make_case: Callable[[int], Case]) -> None:
    records = evaluate(*make_case(seed)).records
    assert_columns_are_stats(records, np.ones((records["video_ids"].size, 1)), tolerance=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_a_count_of_three_is_three_equal_rows_one_after_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    records = made_records(rng, videos=7, categories=3, predictions=80)
    counts = rng.integers(0, 4, 7)
    times = counts[records["video"].astype(np.int64)]
    repeated = {
        name: np.repeat(rows, times, axis=-1) if rows.shape[-1:] == times.shape else rows
        for name, rows in records.items()
    }
    repeated["positives"] = records["positives"] * counts[:, None]
    found = resampled_stats(records, counts[:, None].astype(np.float64), STAT_NAMES)
    got = {name: None if np.isnan(values[0]) else float(values[0]) for name, values in found.items()}
    wanted = stats_from_records(repeated).items()
    assert got == {name: v if v is None else pytest.approx(v, abs=1e-10) for name, v in wanted}


def test_many_columns_are_the_same_as_few() -> None:
    """More than one block of columns is computed."""
    rng = np.random.default_rng(1)
    records = made_records(rng, videos=6, categories=1, predictions=400)
    few = rng.integers(0, 3, (6, 10)).astype(np.float64)
    found = resampled_stats(records, few)
    many = resampled_stats(records, np.tile(few, 100))
    assert all(np.array_equal(np.tile(found[name], 100), many[name], equal_nan=True) for name in PRIMARY)


@pytest.mark.parametrize(("found", "levels"), [(35, 35), (36, 37)])
def test_a_recall_of_0_35_does_not_reach_the_level_0_35(found: int, levels: int) -> None:
    """linspace(0, 1, 101)[35] is greater than 0.35: 35 of 100 reach levels 0 to 34 only, 36 of 100 reach 0.36 too."""
    shape = (len(AREA_RANGES), len(IOU_THRESHOLDS), found)
    records: Records = {
        "video_ids": np.arange(1),
        "category_ids": np.arange(1),
        "video": np.zeros(found, np.int64),
        "category": np.zeros(found, np.int64),
        "rank": np.arange(found),
        "true_positive": np.ones(shape, np.bool_),
        "ignored": np.zeros(shape, np.bool_),
        "positives": np.full((len(AREA_RANGES), 1, 1), 100),
    }
    got = resampled_stats(records, np.ones((1, 1)))["AP"][0]
    assert got == pytest.approx(100 * levels / 101, abs=1e-12)
    assert got == pytest.approx(stats_from_records(records)["AP"], abs=1e-12)


def one_category_each(true: Sequence[bool]) -> Records:
    """Video v holds one track, of category v, and one prediction of it, which is right where `true` says so."""
    count = len(true)
    shape = (len(AREA_RANGES), len(IOU_THRESHOLDS), count)
    return {
        "video_ids": np.arange(count),
        "category_ids": np.arange(count),
        "video": np.arange(count),
        "category": np.arange(count),
        "rank": np.zeros(count, np.int64),
        "true_positive": np.broadcast_to(np.array(true), shape),
        "ignored": np.zeros(shape, np.bool_),
        "positives": np.broadcast_to(np.eye(count, dtype=np.int64), (len(AREA_RANGES), count, count)),
    }


def test_a_category_without_tracks_in_a_column_is_left_out_of_that_mean_only() -> None:
    weights = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    found = resampled_stats(one_category_each([True, False]), weights)
    assert found["AP"].tolist() == pytest.approx([50.0, 100.0, 0.0])
    assert found["AR1"].tolist() == pytest.approx([50.0, 100.0, 0.0])


def test_which_columns_have_no_category_left_does_not_depend_on_predictions() -> None:
    weights = np.array([[1.0, 0.0], [1.0, 0.0]])
    for true in ([True, True], [False, False]):
        found = resampled_stats(one_category_each(true), weights)
        assert [np.isnan(found[name]).tolist() for name in PRIMARY] == [[False, True]] * len(PRIMARY)


@pytest.mark.parametrize(
    "weights",
    [np.ones(2), np.ones((3, 1)), *(np.array([[1.0], [odd]]) for odd in (-1.0, 0.5, np.nan, np.inf))],
)
def test_weights_that_are_not_counts_of_each_video_are_refused(weights: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="weights must be 2 rows, one a video"):
        resampled_stats(one_category_each([True, True]), weights)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"names: got AP60, expected some of AP, AP50"):
        resampled_stats(one_category_each([True]), np.ones((1, 1)), ["AP", "AP60"])
