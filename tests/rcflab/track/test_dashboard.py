"""The prepared view: JSON that MLflow's page reads. What it looks like there is shown in test_ui_command.py."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.records import Cell, RunPlan
from rcflab.track.dashboard import ARMS_KEY, MOST_BYTES, arm_tag, arm_tags, arms_view, cells_view, page_url, views

VAL = ("val/ap", "val/ap50", "val/ap75", "val/ar1", "val/ar10")


def plan(arms=("plain", "fast"), metrics=VAL, seeds=3):
    cells = tuple(Cell(arm, seed, {}, f"t{arm}{seed}", f"e{arm}{seed}") for arm in arms for seed in range(seeds))
    return RunPlan("x", "rcf", arms[0], cells, metrics)


def cards(state, section):
    (found,) = [each["uuid"] for each in state["compareRunSections"] if each["name"].startswith(section)]
    return [each for each in state["compareRunCharts"] if each["metricSectionId"] == found]


def test_sections_open_in_the_order_of_a_first_look():
    state = cells_view(plan())
    shown = [each["name"] for each in state["compareRunSections"] if each["display"]]
    assert shown == [
        "Final metrics (mean of the seeds)", "Curves", "Difference to plain", "Order and Lipschitz",
    ]  # fmt: skip
    assert [each["metricKey"] for each in cards(state, "Final")] == list(VAL)
    assert {each["type"] for each in cards(state, "Curves")} == {"LINE"}
    assert next(each["metricKey"] for each in cards(state, "Order")) == "order/consistency_pct"


def test_the_toy_has_no_section_of_the_order():
    state = cells_view(plan(metrics=("toy/score",)))
    assert not [each for each in state["compareRunSections"] if each["name"].startswith("Order")]


def test_no_chart_shows_a_cell_and_its_mean_together():
    keys = [each.get("metricKey", "") for each in cells_view(plan())["compareRunCharts"]]
    assert [key for key in keys if key.startswith("difference/")] == [f"difference/{key}" for key in VAL]
    assert len(set(map(str, keys))) > len(VAL)


def test_an_experiment_that_does_not_fit_on_the_page_shows_the_means_of_its_table():
    arms = tuple(f"arm-{number}" for number in range(50))
    assert cards(cells_view(plan(arms)), "Final")[0]["metricKey"] == "mean/val/ap"


@given(st.integers(2, 400), st.integers(1, 200))
def test_the_view_always_fits_into_its_tag(arms, length):
    names = tuple(f"{number:03d}" + "x" * (length - 1) for number in range(arms))
    assert max(len(view.encode()) for view in views(plan(names, seeds=1)).values()) <= MOST_BYTES


# As MLflow's page of 3.17.2 showed them: groups that had one colour, and one that had another.
def test_groups_are_told_apart_by_colour_where_the_first_tag_would_give_two_the_same():
    assert arm_tag(["plain", "fast", "slow"]) != "rcflab.arm"
    assert arm_tag(["tokens-64", "no-reference", "tokens-1"]) != "rcflab.arm"
    assert arm_tag(["plain"]) == arm_tag([]) == "rcflab.arm"


# The page of the same version showed the five arms under rcflab.arm as peach, green, orange, dark and light green.
def test_colours_that_are_only_alike_are_better_than_two_that_are_the_same():
    assert arm_tag(["one-reference", "no-reference", "two-references", "one-token", "no-pixel-weight"]) == "rcflab.arm"
    assert arm_tag(["one-token", "no-pixel-weight"]) == "rcflab.arm.e"


def test_each_tag_shows_the_name_of_the_arm():
    assert {value.rstrip() for value in arm_tags("fast").values()} == {"fast"}
    assert arm_tags("fast")["rcflab.arm"] == "fast"


def test_views_are_saved_under_names_as_the_page_saves_them():
    for saved in map(json.loads, views(plan()).values()):
        assert isinstance(saved["createdAt"], int) and saved["name"]
        assert json.loads(saved["state"])["compareRunCharts"]


def test_the_arms_own_runs_are_listed_beside_the_baseline_which_comes_first():
    state = arms_view(plan())
    assert (state["searchFilter"], state["groupBy"]) == ("tags.`rcflab.role` = 'arm'", None)
    assert (state["orderByKey"], state["orderByAsc"]) == ("tags.`rcflab.is_baseline`", False)
    assert cards(state, "Beside plain")[0]["type"] == "DIFFERENCE"
    assert page_url("http://h:1", "7", ARMS_KEY).endswith("viewStateShareKey=rcflab-arms&compareRunsMode=CHART")


@pytest.mark.parametrize("server", ["http://127.0.0.1:5000", "http://127.0.0.1:5000/"])
def test_the_address_has_no_field_of_a_search_since_the_view_would_not_be_applied(server):
    assert page_url(server, "7") == (
        "http://127.0.0.1:5000/#/experiments/7/runs?viewStateShareKey=rcflab&compareRunsMode=CHART"
    )
