"""Arms with planted effects, for tests of the statistics."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rcflab.stats.contrast import Differences, Scores
from rcflab.stats.resamples import resample_matrix

Floats = NDArray[np.float64]


def linear_scores(arm: str, per_video: Floats, weights: Floats, seeds: tuple[int, ...] | None = None) -> Scores:
    """Of a metric that is the mean over videos: per_video (n, V) under the columns of weights (V, 1 + B)."""
    count, videos = per_video.shape
    return Scores(arm, seeds or tuple(range(count)), per_video @ weights / videos, videos)


def made_differences(measured: list[float], resampled: Floats | None = None, videos: int = 300) -> Differences:
    """Differences over seeds 0, 1, ...; without `resampled` the resamples repeat what was measured."""
    values = np.array(measured)
    replicas = np.repeat(values[:, None], 4, axis=1) if resampled is None else resampled
    return Differences(tuple(range(len(values))), values, replicas, videos, 0, 2.0)


@pytest.fixture(scope="session")
def make_linear() -> Callable[..., Scores]:
    """(arm, per_video (n, V), weights (V, 1 + B), seeds) -> Scores of the mean over videos."""
    return linear_scores


@pytest.fixture(scope="session")
def make_differences() -> Callable[..., Differences]:
    """(measured, resampled, videos) -> Differences."""
    return made_differences


@pytest.fixture(scope="session")
def weights() -> Floats:
    """Resamples of 40 videos, 400 times."""
    return resample_matrix(40, 400, seed=7)
