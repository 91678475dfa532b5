"""What may be said: better, equivalent, not shown, not testable, identical."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.stats.crossed import Crossed
from rcflab.stats.effect_size import effect_size
from rcflab.stats.equivalence import tost
from rcflab.stats.interval import NoSpreadError
from rcflab.stats.verdict import Kind, untested, verdict


def found(centre: float, variance: float = 0.01, estimate: float | None = None) -> Crossed:
    return Crossed(centre if estimate is None else estimate, centre, variance, variance, 9.0, 299.0)


@given(centre=st.floats(-5, 5), variance=st.floats(1e-4, 4), margin=st.floats(0.1, 5))
def test_equivalence_holds_where_the_90_percent_interval_is_inside_the_margin(
    centre: float, variance: float, margin: float
) -> None:
    low, high = found(centre, variance).interval(0.10)
    assert tost(found(centre, variance), margin).holds == (-margin < low and high < margin)


@pytest.mark.parametrize("margin", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_margin_that_was_not_written_down_is_refused(margin: float | None) -> None:
    with pytest.raises(ValueError, match=f"equivalence margin: got {margin}, expected a number above 0"):
        tost(found(0.0), margin)


def test_a_better_arm_is_better_by_its_interval() -> None:
    said = verdict(found(2.0), 0.01, "higher", margin=1.0)
    assert said.kind is Kind.BETTER
    assert said.words() == "better by 2.0 [1.7, 2.3]"
    assert said.words(digits=2) == "better by 2.00 [1.70, 2.30]"


def test_a_worse_arm_is_worse_by_a_positive_amount() -> None:
    assert verdict(found(-2.0), 0.01, "higher").words() == "worse by 2.0 [1.7, 2.3]"


def test_less_of_what_should_be_low_is_better() -> None:
    assert verdict(found(-2.0), 0.01, "lower").words() == "better by 2.0 [1.7, 2.3]"
    assert verdict(found(2.0), 0.01, "lower").words() == "worse by 2.0 [1.7, 2.3]"


def test_a_metric_without_a_direction_only_differs() -> None:
    assert verdict(found(-2.0), 0.01, "neither").words() == "different by −2.0 [−2.3, −1.7]"


def test_the_estimate_is_said_even_where_the_centre_is_elsewhere() -> None:
    assert verdict(found(2.0, estimate=1.8), 0.01, "higher").words() == "better by 1.8 [1.7, 2.3]"


def test_p_after_correction_decides_not_the_interval() -> None:
    said = verdict(found(2.0), 0.06, "higher", margin=1.0)
    assert said.words() == "no difference shown (an effect up to 2.3 is not excluded)"


def test_no_difference_is_said_only_within_a_margin() -> None:
    assert verdict(found(0.1), 0.6, "higher", margin=1.0).words() == "no difference within ±1"
    said = verdict(found(-0.1), 0.6, "higher")
    assert said.words() == "no difference shown (an effect up to 0.4 is not excluded)"


def test_too_wide_an_interval_shows_no_equivalence() -> None:
    assert verdict(found(0.1, 4.0), 0.9, "higher", margin=1.0).kind is Kind.NOT_SHOWN


def test_the_same_records_are_named_so() -> None:
    same = Crossed(0.0, 0.0, 0.0, 0.0, 2.0, 299.0, identical=True)
    assert verdict(same, same.p, "higher", margin=1.0).words() == "identical records"


def test_a_single_seed_is_not_testable() -> None:
    assert untested(1).words() == "not testable (n=1)"


def test_effect_size_is_hedges_for_five_seeds_or_more() -> None:
    """(0.9, 1.4, -0.2, 0.7, 1.1): mean 0.78, sd 0.6058; factor 1 - 3/15."""
    assert effect_size([0.9, 1.4, -0.2, 0.7, 1.1]) == pytest.approx(0.78 / 0.6058 * 0.8, abs=1e-4)
    assert effect_size([0.9, 1.4, -0.2, 0.7]) is None


def test_effect_size_without_spread_is_0_or_refused() -> None:
    assert effect_size([0.0] * 5) == 0.0
    with pytest.raises(NoSpreadError, match=r"all 5 seeds differ by 1\.0 exactly"):
        effect_size([1.0] * 5)
