"""The area under the curve against its definition, and what is said where it cannot be had."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from rcf.diagnostics.prediction import Judged, roc_auc, smooth_score

pairs = st.lists(
    st.builds(Judged, st.integers(0, 4), st.sampled_from([0.0, 0.5, 1.0, 2.0, math.inf]), st.booleans()), max_size=30
)


@given(pairs)
def test_the_area_is_the_share_of_won_comparisons(judged: list[Judged]) -> None:
    found = roc_auc(judged)
    changed, kept = [p.score for p in judged if p.changed], [p.score for p in judged if not p.changed]
    if not changed or not kept:
        assert found is None
        return
    won = sum((c > k) + (c == k) / 2 for c in changed for k in kept) / len(changed) / len(kept)
    assert found is not None
    assert found.value == pytest.approx(won, abs=1e-12)
    assert (found.changed, found.kept) == (len(changed), len(kept))
    assert found.low is None or found.high is None or 0 <= found.low <= found.high <= 1


def test_it_is_the_statistic_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    judged = [
        Judged(number % 7, float(rng.normal(changed)), changed) for number in range(60) for changed in (False, True)
    ]
    changed, kept = [p.score for p in judged if p.changed], [p.score for p in judged if not p.changed]
    found = roc_auc(judged)
    assert found is not None and found.low is not None and found.high is not None
    assert found.value == pytest.approx(mannwhitneyu(changed, kept).statistic / len(changed) / len(kept))
    assert found.low < found.value < found.high


def test_videos_are_drawn_again_and_not_pairs() -> None:
    # Six videos with two pairs each, told twenty times: twenty times the pairs, and not a bit more known.
    once = [Judged(video, float(changed == (video < 3)), changed) for video in range(6) for changed in (True, False)]
    one, many = roc_auc(once), roc_auc(once * 20)
    assert one is not None and many is not None and one.low is not None and one.high is not None
    assert (one.value, one.low, one.high) == (many.value, many.low, many.high)
    assert one.value == 0.5 and one.high - one.low > 0.5


@pytest.mark.parametrize("videos", [1, 2, 4])
def test_few_videos_have_no_interval_however_many_pairs_they_have(videos: int) -> None:
    found = roc_auc([Judged(number // 2 % videos, float(number % 2), bool(number % 2)) for number in range(80)])
    assert found is not None
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_changes_in_one_video_of_many_have_no_interval() -> None:
    found = roc_auc([Judged(0, 1.0, True), *(Judged(video, 0.0, False) for video in range(10))])
    assert found is not None
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_the_smooth_score_is_one_where_the_theorem_ends() -> None:
    assert smooth_score(2.0, 0.25, 1.0) == 1.0
    assert smooth_score(2.0, 0.25, None) is None
    assert smooth_score(2.0, 0.25, 0.0) == math.inf
