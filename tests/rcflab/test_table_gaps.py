"""Tables of complete cells of which some have, by nature, no value of some metric."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.errors import IncompleteError
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, RunPlan
from rcflab.report.files import FORMATS, Format, file_name, render
from rcflab.stats.summary import Summary
from rcflab.toy_config import ToyConfig

Make = Callable[..., KeyState]
Scores = Mapping[str, tuple[float | None, ...]]

CODE = "c0de" * 16
TOY = ToyConfig().model_dump(mode="json")
LARGE = "val/ap_large"
_BY_ARM: Scores = {
    "base": (40.0, 44.0, 42.0),
    "single": (41.0, None, None),
    "twice": (41.0, None, 44.0),
    "never": (None, None, None),
    "full": (42.0, 45.0, 45.0),
}


def _table(make: Make, by_arm: Scores = _BY_ARM, extra: tuple[str, ...] = ()) -> AblationTable:
    """AP 50 in each cell, AP of large objects as `by_arm` says, a seed each."""
    cells = tuple(
        Cell(arm, seed, TOY, f"{index}{seed}" * 8, f"{index + 5}{seed}" * 8)
        for index, (arm, scores) in enumerate(by_arm.items())
        for seed in range(len(scores))
    )
    plan = RunPlan("sizes", "toy", "base", cells, ("val/ap", LARGE, *extra))
    keys: dict[str, KeyState] = {}
    for cell in cells:
        large = by_arm[cell.arm][cell.seed]
        values = {"val/ap": 50.0} | ({} if large is None else {LARGE: large})
        keys[cell.train_key] = make({cell.eval_key: values})
    return tabulate(collect(plan, keys, CODE))


def _cells(text: str, arm: str) -> list[str]:
    """Value and difference of AP large on the Markdown line of `arm`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {arm}"))
    return [part.strip() for part in line.split("|")][5:7]


def test_mean_and_difference_use_the_seeds_that_have_a_value(ledger_state: Make) -> None:
    measure = _table(ledger_state).rows[1].measures[1]
    assert measure.values == (41.0, None, None)
    assert (measure.summary, measure.difference) == (Summary(41.0, None, 1), Summary(1.0, None, 1))


def test_a_gap_of_the_baseline_takes_its_seed_from_the_differences_only(ledger_state: Make) -> None:
    by_arm = {"base": (None, 44.0), "full": (42.0, 45.0)}
    measure = _table(ledger_state, by_arm).rows[1].measures[1]
    assert measure.summary is not None
    assert (measure.summary.mean, measure.summary.n) == (43.5, 2)
    assert measure.difference == Summary(1.0, None, 1)


def test_arms_that_share_no_seed_with_a_value_have_no_difference(ledger_state: Make) -> None:
    table = _table(ledger_state, {"base": (40.0, None), "other": (None, 41.0)})
    assert table.rows[1].measures[1].difference is None
    assert _cells(render(table, "md"), "other") == ["41.0 (n=1)", "–"]


def test_a_gap_of_one_metric_leaves_the_others_as_they_are(ledger_state: Make) -> None:
    full = dict.fromkeys(_BY_ARM, (40.0, 44.0, 42.0))
    with_gaps, without = _table(ledger_state), _table(ledger_state, full)
    assert [row.measures[0] for row in with_gaps.rows] == [row.measures[0] for row in without.rows]


def test_only_an_entry_of_fewer_seeds_than_its_arm_shows_its_own_number(ledger_state: Make) -> None:
    text = render(_table(ledger_state), "md")
    assert _cells(text, "single") == ["41.0 (n=1)", "+1.0 (n=1)"]
    assert _cells(text, "twice") == ["42.5 ± 2.1 (n=2)", "+1.5 ± 0.7 (n=2)"]
    assert _cells(text, "full") == ["44.0 ± 1.7", "+2.0 ± 1.0"]


def test_latex_shows_the_number_of_seeds_beside_the_spread(ledger_state: Make) -> None:
    text = render(_table(ledger_state), "tex")
    assert r"\num{41.0} &  ($n=1$) & \num{+1.0} &  ($n=1$) \\" in text
    assert r"\num{42.5} & ${}\pm{}$\num{2.1} ($n=2$) & \num{+1.5} & ${}\pm{}$\num{0.7} ($n=2$) \\" in text
    assert r"\num{44.0} & ${}\pm{}$\num{1.7} & \num{+2.0} & ${}\pm{}$\num{1.0} \\" in text


def test_an_arm_without_any_value_shows_a_dash(ledger_state: Make) -> None:
    table = _table(ledger_state)
    assert _cells(render(table, "md"), "never") == ["–", "–"]
    zero = r"${}\pm{}$\num{0.0}"
    assert rf"never & 3 & \num{{50.0}} & {zero} & \num{{0.0}} & {zero} & -- &  & -- &  \\" in render(table, "tex")


def test_csv_leaves_no_value_empty_and_counts_the_seeds_of_the_metric_with_gaps(ledger_state: Make) -> None:
    rows = list(csv.DictReader(io.StringIO(render(_table(ledger_state), "csv"))))
    columns = (LARGE, f"{LARGE} n", f"{LARGE} difference", f"{LARGE} difference n")
    assert [rows[1][name] for name in columns] == ["41.0", "1", "1.0", "1"]
    assert [rows[3][name] for name in columns] == ["", "0", "", ""]
    assert [rows[4][name] for name in columns] == ["44.0", "3", "2.0", "3"]
    assert "val/ap n" not in rows[0]


def test_json_has_null_for_no_value_beside_the_seed_that_lacks_it(ledger_state: Make) -> None:
    arms = json.loads(render(_table(ledger_state), "json"))["arms"]
    twice, never = (arms[index]["metrics"][LARGE] for index in (2, 3))
    assert (twice["values"], twice["mean"]) == ([41.0, None, 44.0], 42.5)
    assert never["values"] == [None, None, None]
    assert {never[name] for name in ("mean", "sd", "difference", "difference_sd")} == {None}


def test_json_counts_the_seeds_where_they_are_not_those_of_the_arm(ledger_state: Make) -> None:
    arms = json.loads(render(_table(ledger_state), "json"))["arms"]
    _, single, _, never, full = (arm["metrics"][LARGE] for arm in arms)
    assert (single["n"], single["difference_n"], never["n"]) == (1, 1, 0)
    assert not {"n", "difference_n"} & full.keys()


@pytest.mark.parametrize("form", ["md", "tex"])
def test_a_note_names_each_cell_and_the_metric_it_has_no_value_of(ledger_state: Make, form: Format) -> None:
    text = render(_table(ledger_state), form)
    assert (
        "No value of AP large: single seed 1, single seed 2, twice seed 1, never seed 0, never seed 1, never seed 2."
        in text
    )


def test_a_table_without_gaps_has_no_note_of_them(ledger_state: Make) -> None:
    assert "No value" not in render(_table(ledger_state, {"base": (40.0, 44.0)}), "md")


def test_a_metric_that_no_cell_reports_is_refused_naming_those_reported(ledger_state: Make) -> None:
    with pytest.raises(IncompleteError, match=r"no cell of sizes has a value of val/ap50;.*: val/ap, val/ap_large$"):
        _table(ledger_state, extra=("val/ap50",))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "html"])
def test_a_table_with_gaps_has_the_golden_bytes(ledger_state: Make, form: Format, repository: Path) -> None:
    golden = repository / "tests" / "golden" / "tables" / file_name(form, "gaps")
    assert render(_table(ledger_state), form) == golden.read_text(encoding="utf-8")
