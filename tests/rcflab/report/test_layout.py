"""The paper's layout: what arms differ in stands in the place of their names, ✓ and ✗ for what is on or off."""

import dataclasses
from collections.abc import Callable

import pytest

from rcflab.ablation import AblationTable
from rcflab.knobs import Knob, Switch
from rcflab.report.files import render

MakeTable = Callable[..., AblationTable]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"a": False, "b": True}, (Switch.OFF, Switch.ON)),
        ({"a": "none", "b": "predicted"}, (Switch.OFF, Switch.ON)),
        ({"a": None, "b": "clip.safetensors"}, (Switch.OFF, Switch.ON)),
        ({"a": 0, "b": 1}, ("0", "1")),
        ({"a": 0.0, "b": -2.5}, ("0", "−2.5")),
        ({"a": 4, "b": "full"}, ("4", "full")),
        ({"a": None, "b": 30}, ("none", "30")),
        ({"a": "mean", "b": "video"}, ("mean", "video")),
        ({"a": [1, 2], "b": {"height": 64}}, ("1, 2", "height 64")),
        ({"a": "/home/one/set", "b": "/home/two/other"}, ("set", "other")),
        ({"a": True}, ("yes", None)),
    ],
)
def test_a_value_is_shown_as_people_would_write_it(values: dict[str, object], shown: tuple[object, ...]) -> None:
    knob = Knob("x", "x", values)
    assert tuple(knob.shown(arm) for arm in ("a", "b")) == shown


def test_a_choice_of_three_is_words_since_a_tick_would_not_say_which() -> None:
    knob = Knob("x", "x", {"a": "none", "b": "static", "c": "predicted"})
    assert [knob.shown(arm) for arm in "abc"] == ["none", "static", "predicted"]


def test_rows_are_called_by_what_arms_differ_in(table_of: MakeTable) -> None:
    knobs = {"tokens-1": {"memory": 3}}
    table = dataclasses.replace(table_of({"tokens-4": (1.0,), "tokens-1": (2.0,)}, knobs), layout="knobs")
    lines = render(table, "md").splitlines()
    assert lines[0] == "| memory | decay | n | AP ↑ | Δ AP | AP50 ↑ | Δ AP50 |"
    assert lines[2].startswith("| 0 | – | 1 |"), "decay has no effect where memory is 0"
    assert "- Rows from above: tokens-4 (baseline), tokens-1." in lines
    assert "- A knob without an entry has no effect in that row." in lines


def test_both_has_names_and_knobs(table_of: MakeTable) -> None:
    table = dataclasses.replace(
        table_of({"tokens-4": (1.0,), "tokens-1": (2.0,)}, {"tokens-1": {"slope": 2.0}}), layout="both"
    )
    assert render(table, "md").splitlines()[3].startswith("| tokens-1 | 2 | 1 | 2.0 | +1.0 |")
    assert r"tokens-1 & 2 & 1 & \num{2.0}" in render(table, "tex")


def test_arms_that_differ_in_nothing_that_has_an_effect_keep_their_names(table_of: MakeTable) -> None:
    table = dataclasses.replace(table_of({"a": (1.0,), "b": (2.0,)}), layout="knobs")
    assert render(table, "md").splitlines()[2].startswith("| a (baseline) |")


@pytest.mark.parametrize("layout", ["arms", "knobs", "both"])
def test_csv_has_the_exact_values_whatever_the_layout(table: AblationTable, layout: str) -> None:
    text = render(dataclasses.replace(table, layout=layout), "csv")  # type: ignore[arg-type]
    assert text.splitlines()[0].startswith("arm,baseline,n,model.slope,model.memory,model.decay,val/ap,")
    assert ",no,2,1.0,3,0.5,43.75," in text.splitlines()[2]
