"""Videos drawn again: counts, one matrix a table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.stats.contrast import Scores, difference
from rcflab.stats.crossed import crossed
from rcflab.stats.percentile import percentile
from rcflab.stats.resamples import resample_matrix


@given(videos=st.integers(1, 50), resamples=st.integers(1, 30), seed=st.integers(0, 2**64))
def test_each_column_draws_as_many_videos_as_there_are(videos: int, resamples: int, seed: int) -> None:
    counts = resample_matrix(videos, resamples, seed)
    assert counts.shape == (videos, 1 + resamples)
    assert (counts >= 0).all() and (counts == counts.round()).all()
    assert (counts.sum(axis=0) == videos).all()


def test_the_first_column_counts_each_video_once() -> None:
    assert (resample_matrix(9, 5, 0)[:, 0] == 1).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert resample_matrix(30, 50, 1).tobytes() == resample_matrix(30, 50, 1).tobytes()
    assert resample_matrix(30, 50, 1).tobytes() != resample_matrix(30, 50, 2).tobytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((0, 5, 1), "videos: got 0"), ((5, 0, 1), "resamples: got 0"), ((5, 5, -1), "seed: got -1")],
)
def test_none_of_anything_is_refused(arguments: tuple[int, int, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        resample_matrix(*arguments)


def test_the_spread_of_a_mean_is_its_standard_error() -> None:
    """For a linear metric the bootstrap's is sd sqrt((V - 1) / V) / sqrt(V); 5 % is three times its error at 2,000."""
    videos = 120
    values = np.random.default_rng(3).gamma(2.0, 10.0, videos)
    replicas = values @ resample_matrix(videos, 2000, 5)[:, 1:] / videos
    wanted = values.std(ddof=1) * np.sqrt((videos - 1) / videos) / np.sqrt(videos)
    assert replicas.std(ddof=1) == pytest.approx(wanted, rel=0.05)


def test_all_arms_share_the_resamples() -> None:
    """An arm that is the baseline plus a constant differs from it by that constant on every resample."""
    counts = resample_matrix(40, 300, 2)
    per_video = np.random.default_rng(0).normal(40, 9, (2, 40))
    plain = Scores("plain", (0, 1), per_video @ counts / 40, 40)
    shifted = Scores("shifted", (0, 1), (per_video + np.array([[1.0], [1.5]])) @ counts / 40, 40)
    found = difference(shifted, plain)
    assert np.allclose(found.resampled, [[1.0], [1.5]], rtol=0, atol=1e-12)
    assert crossed(found).video_part == pytest.approx(0.0, abs=1e-20)
    assert np.cov(plain.values[0], plain.values[0])[0, 1] == pytest.approx(np.var(plain.values[0], ddof=1), rel=1e-12)
    assert percentile(found).interval() == pytest.approx((1.25, 1.25))
