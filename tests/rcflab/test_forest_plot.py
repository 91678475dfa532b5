"""The forest plot: every arm and verdict is in it, whatever it is called; equal comparisons give equal bytes."""

import io
from collections.abc import Sequence

import pytest
from PIL import Image

from rcflab.comparison import Comparison, Comparisons
from rcflab.metrics import METRICS
from rcflab.report.forest import forest_plot, image
from rcflab.stats.interval import Interval
from rcflab.stats.verdict import Kind, Verdict, untested

HOSTILE = r"$x^2_{ & <b> \\frac #%"


def _comparisons(arms: Sequence[str] = ("tokens-1", HOSTILE), margin: float | None = 1.0) -> Comparisons:
    interval = Interval(0.5, 2.5)
    better = Verdict(Kind.BETTER, 1.5, interval)
    tested = [Comparison(arm, 3, 1.5, interval, 0.01, 0.02, better) for arm in arms]
    single = Comparison("single", 1, 0.2, None, None, None, untested(1))
    return Comparisons(METRICS["val/ap"], "tokens-4", (*tested, single), 60, 2000, 0, 0, margin, len(arms))


def test_every_arm_and_verdict_is_written() -> None:
    text = image(forest_plot(_comparisons()), "svg").decode()
    for words in ("tokens-1", "better by 1.5 [0.5, 2.5], n=3", "not testable (n=1)", "arms: to tokens-4"):
        assert words in text


def test_a_name_of_signs_is_a_name() -> None:
    assert "$x^2_{ &amp; &lt;b&gt;" in image(forest_plot(_comparisons()), "svg").decode()


@pytest.mark.parametrize("form", ["svg", "png"])
def test_equal_comparisons_give_equal_bytes(form: str) -> None:
    one, two = (image(forest_plot(_comparisons()), form) for _ in range(2))
    assert one == two


def test_long_names_are_cut_and_very_many_lines_are_counted() -> None:
    text = image(forest_plot(_comparisons(["x" * 200, *map(str, range(150))])), "svg").decode()
    assert "x" * 49 + "…" in text
    assert "x" * 50 not in text
    assert "the first 100 of 152 lines" in text


def test_a_line_more_makes_the_picture_higher() -> None:
    few, many = (
        Image.open(io.BytesIO(image(forest_plot(_comparisons(arms, margin=None)), "png")))
        for arms in (("a",), ("a", "b", "c"))
    )
    assert few.size[0] == many.size[0] > 900
    assert few.size[1] < many.size[1]
