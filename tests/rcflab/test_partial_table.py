"""Tables of the cells that are there: only when asked for, and never without saying what is left out and why."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcflab.ablation import AblationTable, tabulate
from rcflab.cli import app
from rcflab.collect import ResultSet, collect
from rcflab.errors import IncompleteError
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, LeftOut, RunPlan
from rcflab.report.files import FORMATS, Format, render
from rcflab.stats.summary import Summary
from rcflab.toy_config import ToyConfig

Make = Callable[..., KeyState]
CODE = "c0de" * 16
TOY = ToyConfig().model_dump(mode="json")
STATES = {
    "base": ("done", "done", "done"),
    "some": ("done", "failed", "missing"),
    "none": ("failed", "missing", "stale"),
}


def _results(make: Make, partial: bool = True, lost: tuple[str, ...] = ()) -> ResultSet:
    """A score of 10 times the arm's number plus the seed in each cell that is done."""
    cells = tuple(
        Cell(arm, seed, TOY, f"{index}{seed}" * 8, f"{index + 5}{seed}" * 8)
        for index, (arm, states) in enumerate(STATES.items())
        for seed in range(len(states))
    )
    keys: dict[str, KeyState] = {}
    for cell in cells:
        state = STATES[cell.arm][cell.seed]
        values = {cell.eval_key: {"toy/score": 10.0 * int(cell.train_key[0]) + cell.seed}}
        kinds = {"failed": {"state": "failed"}, "missing": {"state": "empty"}, "stale": {"code": "0ld" * 20}}
        keys[cell.train_key] = make(values, **kinds.get(state, {}))
    plan = RunPlan("part", "toy", "base", cells, ("toy/score",))
    return collect(plan, keys, CODE, partial=partial, lost=lost)


def _table(make: Make) -> AblationTable:
    return tabulate(_results(make))


def test_a_table_is_refused_unless_a_partial_one_is_asked_for(ledger_state: Make) -> None:
    with pytest.raises(IncompleteError) as refused:
        _results(ledger_state, partial=False)
    assert len(str(refused.value).splitlines()) == 6


def test_what_is_left_out_is_kept_with_its_reason(ledger_state: Make) -> None:
    assert _results(ledger_state).left_out == (
        LeftOut("some", 1, "failed (error)"),
        LeftOut("some", 2, "missing"),
        LeftOut("none", 0, "failed (error)"),
        LeftOut("none", 1, "missing"),
        LeftOut("none", 2, "stale"),
    )


def test_only_complete_seeds_count(ledger_state: Make) -> None:
    base, some, none = _table(ledger_state).rows
    assert [row.seeds for row in (base, some, none)] == [(0, 1, 2), (0,), ()]
    assert some.measures[0].summary == Summary(10.0, None, 1)
    assert some.measures[0].difference == Summary(10.0, None, 1)
    assert (none.measures[0].summary, none.measures[0].difference) == (None, None)


def test_markdown_has_n_a_row_of_dashes_and_a_footnote(ledger_state: Make) -> None:
    text = render(_table(ledger_state), "md")
    assert "| some | 1 | 10.00 | +10.00 |" in text
    assert "| none | 0 | – | – |" in text
    assert (
        "Partial: without some seed 1 (failed (error)), some seed 2 (missing), none seed 0 (failed (error)), "
        "none seed 1 (missing), none seed 2 (stale)." in text
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_partial(ledger_state: Make, form: Format) -> None:
    assert render(_table(ledger_state), form)


def test_programs_get_the_number_of_seeds_and_what_is_left_out(ledger_state: Make) -> None:
    table = _table(ledger_state)
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert [(row["n"], row["toy/score"]) for row in rows] == [("3", "1.0"), ("1", "10.0"), ("0", "")]
    found = json.loads(render(table, "json"))
    assert found["left_out"][0] == {"arm": "some", "seed": 1, "why": "failed (error)"}
    assert [arm["n"] for arm in found["arms"]] == [3, 1, 0]


def test_without_any_cell_there_is_no_table(ledger_state: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STATES, "base", ("missing",) * 3)
    monkeypatch.setitem(STATES, "some", ("failed",) * 3)
    with pytest.raises(IncompleteError, match="base, seed 0: missing"):
        _results(ledger_state)


def test_lost_match_records_are_told_with_what_to_do(ledger_state: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for arm in STATES:
        monkeypatch.setitem(STATES, arm, ("done",) * 3)
    with pytest.raises(IncompleteError, match="rcflab run` evaluates it again and trains nothing"):
        _results(ledger_state, partial=False, lost=("50" * 8,))
    assert _results(ledger_state, lost=("50" * 8,)).left_out == (LeftOut("base", 0, "match records lost"),)


def test_a_partial_table_of_nothing_is_refused_by_the_command(experiment: Callable[..., Path]) -> None:
    done = CliRunner().invoke(app, ["table", str(experiment()), "--partial"])
    assert (done.exit_code, done.stdout) == (3, "")
