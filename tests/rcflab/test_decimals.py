"""How many decimals a table prints: a second one only where it says something (facts on statistics, section 10)."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.comparison import Comparison, Comparisons
from rcflab.decimals import with_decimals
from rcflab.ledger.fold import KeyState
from rcflab.metrics import METRICS
from rcflab.paper import PaperRow, PaperTable
from rcflab.records import Cell, RunPlan
from rcflab.report.files import render
from rcflab.stats.interval import Interval
from rcflab.stats.verdict import Kind, Verdict
from rcflab.toy_config import ToyConfig

STEADY, NOISY = (40.11, 40.19, 40.27), (40.0, 41.0, 42.5)
MakeTable = Callable[..., AblationTable]


@pytest.fixture
def table_of(ledger_state: Callable[..., KeyState]) -> MakeTable:
    """A table of AP: `(scores of the baseline, scores of the arm)`."""

    def make(*scores: Sequence[float], metric: str = "val/ap") -> AblationTable:
        cells: list[Cell] = []
        states: dict[str, KeyState] = {}
        for number, values in enumerate(scores):
            for seed, value in enumerate(values):
                keys = (f"{number}{seed}" * 8, f"{number + 3}{seed}" * 8)
                cell = Cell("ab"[number], seed, ToyConfig().model_dump(mode="json"), *keys)
                states[cell.train_key] = ledger_state({cell.eval_key: {metric: value}})
                cells.append(cell)
        return tabulate(collect(RunPlan("t", "toy", "a", tuple(cells), (metric,)), states, "c0de" * 16))

    return make


def compared(table: AblationTable, seed_part: float, video_part: float, resamples: int = 2000) -> AblationTable:
    said = Verdict(Kind.BETTER, 0.123, Interval(0.111, 0.234))
    arm = Comparison("b", 3, 0.123, Interval(0.111, 0.234), 0.01, 0.01, said, seed_part, video_part)
    found = Comparisons(METRICS["val/ap"], "a", (arm,), 60, resamples, 0, 0, None, 1)
    return dataclasses.replace(table, comparisons=found)


def test_steady_numbers_have_a_second_decimal_with_their_spread_limits_and_verdict(table_of: MakeTable) -> None:
    text = render(with_decimals(compared(table_of(STEADY, STEADY[::-1]), 0.02, 0.02)), "md")
    assert "40.19 ± 0.08" in text
    assert r"\[+0.11, +0.23\]" in text
    assert r"better by 0.12 \[0.11, 0.23\]" in text


@pytest.mark.parametrize(
    ("scores", "parts", "resamples"),
    [
        ((STEADY, NOISY), (0.02, 0.02), 2000),
        ((STEADY, STEADY), (0.05, 0.05), 2000),
        ((STEADY, STEADY), (0.02, 0.02), 1000),
        ((STEADY[:1], STEADY[:1]), (0.02, 0.02), 2000),
    ],
    ids=["an arm varies", "standard error 0.32 over seeds and videos", "few resamples", "one seed"],
)
def test_where_a_second_decimal_is_noise_all_of_the_column_has_one(
    table_of: MakeTable, scores: tuple[Sequence[float], ...], parts: tuple[float, float], resamples: int
) -> None:
    table = compared(table_of(*scores), *parts, resamples)
    assert with_decimals(table) == table


def test_without_comparisons_the_spread_over_seeds_decides(table_of: MakeTable) -> None:
    assert with_decimals(table_of(STEADY, STEADY[::-1])).metrics[0].digits == 2
    assert with_decimals(table_of(STEADY, NOISY)).metrics[0].digits == 1


def test_metrics_that_are_no_percent_points_keep_their_digits(table_of: MakeTable) -> None:
    table = table_of(STEADY, STEADY[::-1], metric="order/override_pct")
    assert with_decimals(table) == table


def test_numbers_of_the_paper_keep_the_digits_that_were_published(table_of: MakeTable) -> None:
    row = PaperRow(values=(36.3,), arm="a")
    paper = PaperTable(number="I", about="a set", columns=("val/ap",), rows=(row,), arxiv="2207.05580")
    text = render(with_decimals(dataclasses.replace(table_of(STEADY, STEADY[::-1]), paper=paper)), "md")
    assert "40.19" in text
    assert "| 36.3 |" in text
