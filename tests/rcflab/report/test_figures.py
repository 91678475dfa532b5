"""Figures: what they are made of is right, everything is named, equal data give equal bytes, nothing overlaps."""

import dataclasses
import io
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rcflab.ablation import AblationTable
from rcflab.curves import Curve
from rcflab.report.arm_curves import MOST_POINTS, arm_curves
from rcflab.report.cost_plot import arm_costs, cost_metric
from rcflab.report.factor_plot import factor_lines
from rcflab.report.figures import FIGURES, FigureData, draw_figure, pictures
from rcflab.report.interaction_plot import interactions
from rcflab.report.style import apart, image, look

MakeTable = Callable[..., AblationTable]
_RATES = {"four": (40.0, 41.0), "one": (37.0, 38.0), "sixteen": (38.0, 38.5), "full": (36.0, 36.5)}
_KNOBS = {"four": {"slope": 4.0}, "one": {"slope": 1.0}, "sixteen": {"slope": 16.0}, "full": {"memory": 1}}


def curves(metric: str = "val/ap", arms: tuple[str, ...] = ("base", "<b>&$x$")) -> tuple[Curve, ...]:
    """Two seeds of each arm."""
    return tuple(
        Curve(arm, seed, metric, (10, 20, 30), (1.0 + place, 3.0 + seed, 5.0 + 2 * seed))
        for place, arm in enumerate(arms)
        for seed in (0, 1)
    )


@pytest.fixture
def crossed(table_of: MakeTable) -> FigureData:
    """A 2 x 2 design with all that figures can be drawn from; the last arm has a hostile name."""
    scores = {"base": (10.0, 10.0), "a": (12.0, 12.0), "b": (11.0, 11.0), "<b>&$x$": (14.5, 14.5)}
    levels = {
        arm: {"slope": slope, "offset": offset}
        for arm, (slope, offset) in zip(scores, ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)), strict=True)
    }
    costs = tuple(
        Curve(arm, seed, "cost/params_m", (30,), (5.0 + place,)) for place, arm in enumerate(scores) for seed in (0, 1)
    )
    lines = (*curves(arms=tuple(scores)), *curves("train/loss", tuple(scores)), *costs)
    return FigureData(table_of(scores, levels), lines, ("model.slope", "model.offset"))


def test_an_arms_curve_is_the_mean_of_its_seeds_at_the_steps_that_all_have() -> None:
    short = Curve("base", 2, "val/ap", (10, 30), (4.0, 9.0))
    (found,) = arm_curves([*curves(arms=("base",)), short], "val/ap")
    assert [(point.step, point.mean) for point in found.points] == [(10, 2.0), (30, 7.0)]
    assert found.points[1].sd == pytest.approx(2.0)
    assert found.seeds == 3


def test_a_long_curve_is_thinned_and_keeps_its_last_step() -> None:
    steps = tuple(range(10_001))
    (found,) = arm_curves([Curve("a", 0, "train/loss", steps, tuple(map(float, steps)))], "train/loss")
    assert len(found.points) <= MOST_POINTS
    assert found.points[-1].step == 10_000
    assert found.points[-1].sd is None


def test_a_line_over_a_field_has_the_arms_that_differ_in_it_alone(table_of: MakeTable) -> None:
    (line,) = factor_lines(table_of(_RATES, _KNOBS))
    assert [(point.value, point.arm) for point in line.points] == [(1.0, "one"), (4.0, "four"), (16.0, "sixteen")]
    assert line.points[1].summary.mean == 40.5


def test_two_values_of_a_field_are_no_line(table_of: MakeTable) -> None:
    arms = ("four", "one")
    assert factor_lines(table_of({arm: _RATES[arm] for arm in arms}, _KNOBS)) == ()


def test_an_interaction_has_the_means_of_its_cells(crossed: FigureData) -> None:
    (found,) = interactions(crossed.table, crossed.factors)
    assert (found.across, found.lines, found.levels) == ("slope", "offset", ("0", "1"))
    assert found.means == (("0", (10.0, 12.0)), ("1", (11.0, 14.5)))


def test_a_design_with_a_hole_has_no_interaction(crossed: FigureData) -> None:
    rows = crossed.table.rows[:-1]
    assert interactions(dataclasses.replace(crossed.table, rows=rows), crossed.factors) == ()


def test_a_cost_that_some_arm_lacks_or_all_share_says_nothing(crossed: FigureData) -> None:
    spec = cost_metric(crossed.curves, 4)
    assert spec is not None and spec.key == "cost/params_m"
    assert cost_metric(crossed.curves[:-2], 4) is None
    assert cost_metric([Curve(arm, 0, "cost/params_m", (1,), (5.0,)) for arm in "abcd"], 4) is None
    found = arm_costs(crossed.curves, "cost/params_m", "val/ap")
    assert [each.cost.mean for each in found] == [5.0, 6.0, 7.0, 8.0]


def test_every_figure_names_every_arm_as_it_is_called(crossed: FigureData) -> None:
    for name in ("curves", "loss", "cost"):
        text = image(draw_figure(name, crossed), "svg").decode()
        for arm in ("base", "a", "b", "&lt;b&gt;&amp;$x$"):
            assert f">{arm}</text>" in text, f"{arm} in {name}"


def test_an_experiment_shows_what_it_has(crossed: FigureData, table_of: MakeTable, table: AblationTable) -> None:
    assert [each.name for each in pictures(crossed)] == ["curves", "loss", "cost", "interaction-slope-offset"]
    assert [each.name for each in pictures(FigureData(table))] == ["forest"]
    assert [each.name for each in pictures(FigureData(table_of(_RATES, _KNOBS)))] == ["factor-slope"]


@pytest.mark.parametrize("form", ["png", "svg"])
def test_equal_data_give_equal_bytes(crossed: FigureData, form: str) -> None:
    for picture in pictures(crossed):
        one, two = (image(picture.draw(), form) for _ in range(2))  # type: ignore[arg-type]
        assert one == two, picture.name


def test_no_picture_has_ink_at_its_edge(crossed: FigureData, table: AblationTable) -> None:
    """What is cut off leaves a trace there."""
    for picture in (*pictures(crossed), *pictures(FigureData(table))):
        drawn = Image.open(io.BytesIO(image(picture.draw(), "png"))).convert("L")
        width, height = drawn.size
        for box in ((0, 0, width, 2), (0, height - 2, width, height), (0, 0, 2, height), (width - 2, 0, width, height)):
            assert drawn.crop(box).getextrema()[0] > 240, f"{picture.name} at {box}"


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 5))
def test_labels_are_kept_apart_in_their_order(heights: list[float], gap: float) -> None:
    found = apart(heights, gap)
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    steps = [found[later] - found[earlier] for earlier, later in pairwise(order)]
    assert all(step >= gap * (1 - 1e-6) for step in steps)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=10))
def test_labels_stay_within_the_axes_where_there_is_room(heights: list[float]) -> None:
    assert all(-1e-6 <= level <= 10 + 1e-6 for level in apart(heights, 1.0, 0.0, 10.0))


def test_labels_that_are_apart_stay_where_they_are() -> None:
    assert apart([1.0, 5.0, 3.0], 1.0) == [1.0, 5.0, 3.0]


def test_lines_can_be_told_apart_without_colour() -> None:
    ways = [look(index) for index in range(12)]
    assert len({(str(way.dash), way.marker) for way in ways[:8]}) == 8
    assert len({(way.colour, str(way.dash), way.marker) for way in ways}) == 12


def test_every_kind_says_what_it_is_and_what_it_needs() -> None:
    assert all(kind.about and kind.needs for kind in FIGURES.values())
