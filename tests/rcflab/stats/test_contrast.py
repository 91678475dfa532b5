"""Arms become differences: paired by seed, refused where pairs are not whole."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rcflab.stats.contrast import Scores, contrast, difference

Floats = NDArray[np.float64]


def scores(arm: str = "a", seeds: tuple[int, ...] = (0, 1), rows: object = None, videos: int = 10) -> Scores:
    values = np.ones((len(seeds), 4)) if rows is None else np.array(rows, np.float64)
    return Scores(arm, seeds, values, videos)


def test_seeds_are_paired_by_number_not_by_place() -> None:
    arm = scores("arm", (5, 3), [[50.0, 51.0], [30.0, 31.0]])
    baseline = scores("plain", (3, 5), [[1.0, 1.0], [2.0, 2.0]])
    found = difference(arm, baseline)
    assert found.seeds == (3, 5)
    assert found.measured.tolist() == [29.0, 48.0]
    assert found.resampled.tolist() == [[30.0], [49.0]]


def test_a_resample_that_left_nothing_is_dropped_and_counted() -> None:
    arm = scores("arm", (0, 1), [[2.0, np.nan, 3.0], [2.0, np.nan, 4.0]])
    found = difference(arm, scores("plain", (0, 1), [[1.0, np.nan, 1.0], [1.0, np.nan, 1.0]]))
    assert found.dropped == 1
    assert found.resampled.tolist() == [[2.0], [3.0]]


def test_a_seed_that_the_other_arm_lacks_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="arm arm: got no score of seed 2, which plain has"):
        difference(scores("arm", (0, 1)), scores("plain", (0, 1, 2)))
    with pytest.raises(ValueError, match="arm plain: got no score of seed 1, 2, which arm has"):
        difference(scores("arm", (0, 1, 2)), scores("plain", (0,)))


def test_a_seed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="arm a: got seed 1 more than once"):
        scores("a", (1, 0, 1))


def test_an_arm_without_a_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="arm a: got 0 seeds and 10 videos"):
        Scores("a", (), np.ones((0, 4)), 10)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused_with_its_seed(value: float) -> None:
    with pytest.raises(ValueError, match="arm a: the score of seed 1 is NaN or infinite"):
        scores("a", (0, 1), [[1.0, 1.0], [value, 1.0]])


def test_seeds_scored_on_different_videos_are_refused() -> None:
    with pytest.raises(ValueError, match="one seed has a score and another has none"):
        scores("a", (0, 1), [[1.0, np.nan], [1.0, 1.0]])


def test_arms_scored_on_different_videos_are_refused() -> None:
    gone = scores("arm", (0,), [[1.0, np.nan]])
    with pytest.raises(ValueError, match="arms arm, plain: on some resamples one arm has a score"):
        difference(gone, scores("plain", (0,), [[1.0, 1.0]]))
    with pytest.raises(ValueError, match="arms arm and plain: got 10 videos and 3 resamples against 11 videos"):
        difference(scores("arm"), scores("plain", videos=11))
    with pytest.raises(ValueError, match="3 resamples against 10 videos and 1 resamples"):
        difference(scores("arm"), scores("plain", rows=[[1.0, 1.0]] * 2))


def test_a_row_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match=r"arm a: got scores of shape \(1, 4\), expected \(2, 1 \+ resamples\)"):
        Scores("a", (0, 1), np.ones((1, 4)), 10)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.5], [1.0, float("nan")]])
def test_weights_that_do_not_add_up_to_0_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights of a contrast"):
        contrast([(weight, scores()) for weight in weights])


def test_main_effects_and_interaction_of_a_factorial_are_contrasts(make_linear: Callable[..., Scores]) -> None:
    """y = 10 + 2 A + 1 B + 0 C + 1.5 A B: means over the other factors, one factor alone, all but one, and A B."""

    def value(a: int, b: int) -> Scores:
        return make_linear(f"{a}{b}", np.full((2, 5), 10 + 2.0 * a + b + 1.5 * a * b), np.ones((5, 3)))

    def effect(*terms: tuple[float, Scores]) -> float:
        return float(contrast(terms).measured.mean())

    cells = {(a, b): value(a, b) for a in (0, 1) for b in (0, 1)}
    half = 0.5
    main = effect((half, cells[1, 1]), (half, cells[1, 0]), (-half, cells[0, 1]), (-half, cells[0, 0]))
    assert main == pytest.approx(2.75, abs=1e-12)
    assert effect((1, cells[1, 0]), (-1, cells[0, 0])) == pytest.approx(2.0, abs=1e-12)
    assert effect((1, cells[1, 1]), (-1, cells[0, 1])) == pytest.approx(3.5, abs=1e-12)
    interaction = contrast([(1, cells[1, 1]), (-1, cells[1, 0]), (-1, cells[0, 1]), (1, cells[0, 0])])
    assert interaction.measured.tolist() == pytest.approx([1.5, 1.5], abs=1e-12)
    assert interaction.squared_weights == 4.0


def test_a_fractional_design_returns_what_is_aliased(make_linear: Callable[..., Scores]) -> None:
    """2^(3-1) with C = A B: the column of C, which does nothing, holds half of the interaction, 0.75."""
    runs = [(-1, -1, 1), (1, -1, -1), (-1, 1, -1), (1, 1, 1)]
    arms: list[Scores] = []
    for a, b, _ in runs:
        high_a, high_b = (a + 1) / 2, (b + 1) / 2
        y = 10 + 2 * high_a + high_b + 1.5 * high_a * high_b
        arms.append(make_linear(f"{a}{b}", np.full((1, 4), y), np.ones((4, 2))))
    columns = [contrast([(run[i] / 2, arm) for run, arm in zip(runs, arms, strict=True)]) for i in (0, 2)]
    assert [float(column.measured[0]) for column in columns] == pytest.approx([2.75, 0.75], abs=1e-12)
