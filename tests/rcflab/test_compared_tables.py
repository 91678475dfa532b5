"""A table with comparisons: a second part in every format, bold where a test shows it, pictures beside it."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.comparison import Comparison, Comparisons
from rcflab.ledger.fold import KeyState
from rcflab.metrics import METRICS
from rcflab.records import Cell, RunPlan
from rcflab.report.files import render, write_tables
from rcflab.stats.interval import Interval
from rcflab.stats.verdict import Kind, Verdict, untested
from rcflab.toy_config import ToyConfig

CODE = "c0de" * 16
HOSTILE = r"=1|\a_b & 50% $x^2$ #{~}<i>*"
_SCORES = {"base": (40.0, 41.0), "up": (43.0, 44.5), HOSTILE: (40.0, 41.5)}


def _comparisons() -> Comparisons:
    up = Verdict(Kind.BETTER, 3.25, Interval(1.0, 5.5))
    same = Verdict(Kind.NOT_SHOWN, 0.25, Interval(-2.0, 2.5))
    arms = (
        Comparison("up", 2, 3.25, Interval(1.0, 5.5), 0.0004, 0.0008, up),
        Comparison(HOSTILE, 2, 0.25, Interval(-2.0, 2.5), 0.71, 0.71, same),
        Comparison("effect: frames 1 for 0", 1, -0.04, None, None, None, untested(1)),
    )
    return Comparisons(METRICS["val/ap"], "base", arms, 60, 2000, 3, 0, 1.5, 4, ("gone",))


@pytest.fixture
def table(ledger_state: Callable[..., KeyState]) -> AblationTable:
    """Two metrics, of which the first was compared."""
    config = ToyConfig().model_dump(mode="json")
    cells = [
        Cell(arm, seed, config, f"{number}{seed}" * 8, f"{number + 3}{seed}" * 8)
        for number, arm in enumerate(_SCORES)
        for seed in range(2)
    ]
    plan = RunPlan("t", "toy", "base", tuple(cells), ("val/ap", "val/ap50"))
    values = {cell.eval_key: _SCORES[cell.arm][cell.seed] for cell in cells}
    states = {
        cell.train_key: ledger_state({cell.eval_key: {key: values[cell.eval_key] for key in plan.metrics}})
        for cell in cells
    }
    return dataclasses.replace(tabulate(collect(plan, states, CODE)), comparisons=_comparisons())


def test_markdown_has_a_line_for_each_comparison(table: AblationTable) -> None:
    lines = render(table, "md").splitlines()
    assert r"| up | 2 | +3.2 | \[+1.0, +5.5\] | \< 0.001 | \< 0.001 | better by 3.2 \[1.0, 5.5\] |" in lines
    assert "| effect: frames 1 for 0 | 1 | 0.0 | – | – | – | not testable (n=1) |" in lines
    hostile = next(line for line in lines if "0.71" in line)
    assert hostile.count(" | ") == 6, "no cell ends early"


@pytest.mark.parametrize(("form", "bold"), [("md", "**+3.2 ± 0.4**"), ("tex", r"{\bfseries\num{+3.2}}")])
def test_only_what_a_test_shows_to_be_better_is_bold(table: AblationTable, form: str, bold: str) -> None:
    text = render(table, "md" if form == "md" else "tex")
    assert text.count(bold) == 1, "the second metric has the same numbers and was not tested"
    assert text.count("**" if form == "md" else r"\bfseries") == (2 if form == "md" else 1)


def test_latex_escapes_the_second_part_too(table: AblationTable) -> None:
    text = render(table, "tex")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert "no difference shown" in text
    assert r"\textbackslash{}a\_b \& 50\%" in text.split(r"\begin{tabular}")[2]


def test_a_latex_line_never_begins_with_what_belongs_to_the_line_above(table: AblationTable) -> None:
    row = dataclasses.replace(table.rows[0], arm="[x]")
    text = render(dataclasses.replace(table, rows=(row, *table.rows[1:])), "tex")
    assert "\n{}[x] (baseline) & 2" in text


def test_notes_say_what_the_comparisons_rest_on(table: AblationTable) -> None:
    text = render(table, "md")
    for words in (
        "new seeds and new videos (crossed interval)",
        "over the 4 comparisons of this experiment",
        "Each interval holds with 95 % alone",
        "since an arm or a shared seed is missing: gone.",
        "60 videos, 2,000 times drawn again (random seed 0); 3 samples left nothing to score",
        "Differences of less than 1.5 do not matter",
    ):
        assert words in text


def test_json_has_them_in_full_precision(table: AblationTable) -> None:
    found = json.loads(render(table, "json"))["comparisons"]
    assert (found["metric"], found["family"], found["equivalence_margin"]) == ("val/ap", 4, 1.5)
    assert found["arms"][0] == {
        "arm": "up",
        "n": 2,
        "difference": 3.25,
        "interval": [1.0, 5.5],
        "p": 0.0004,
        "p_holm": 0.0008,
        "seed_variance": None,
        "video_variance": None,
        "rare_categories_dominate": False,
        "correlation": None,
        "over_seeds": None,
        "verdict": "better by 3.2 [1.0, 5.5]",
    }


def test_pictures_stand_beside_the_tables_and_go_with_the_comparisons(table: AblationTable, tmp_path: Path) -> None:
    write_tables(tmp_path, table, {})
    assert {path.name for path in tmp_path.glob("forest.*")} == {"forest.png", "forest.svg"}
    before = (tmp_path / "forest.svg").read_bytes()
    write_tables(tmp_path, table, {})
    assert (tmp_path / "forest.svg").read_bytes() == before
    write_tables(tmp_path, dataclasses.replace(table, comparisons=None), {})
    assert list(tmp_path.glob("forest.*")) == []
