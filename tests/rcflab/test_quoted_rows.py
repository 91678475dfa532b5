"""The paper's numbers beside ours: labelled, aligned with our arms, in no number of ours."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.ledger.fold import KeyState
from rcflab.paper import PaperTable, paper_tables
from rcflab.records import Cell, RunPlan
from rcflab.report.files import FORMATS, Format, render
from rcflab.toy_config import ToyConfig

Make = Callable[..., KeyState]
CODE = "c0de" * 16
TOY = ToyConfig().model_dump(mode="json")
_METRICS = ("val/ap", "order/consistency_pct")


@pytest.fixture
def table(ledger_state: Make) -> Callable[..., AblationTable]:
    """(arms, paper's table, metrics) -> the table of two seeds; the first arm is the baseline."""

    def make(arms: list[str], paper: str | None, metrics: tuple[str, ...] = _METRICS) -> AblationTable:
        cells = tuple(
            Cell(arm, seed, TOY, f"{index}{seed}" * 8, f"{index + 5}{seed}" * 8)
            for index, arm in enumerate(arms)
            for seed in range(2)
        )
        plan = RunPlan("knobs", "toy", arms[0], cells, metrics)
        keys = {
            cell.train_key: ledger_state({cell.eval_key: {key: 20.0 + cell.seed for key in metrics}}) for cell in cells
        }
        found: PaperTable | None = None if paper is None else paper_tables()[paper]
        return tabulate(collect(plan, keys, CODE), found)

    return make


Table = Callable[..., AblationTable]
_SIZES = ["tokens-4", "tokens-1", "mine"]


def test_markdown_quotes_the_rows_of_our_arms_with_the_papers_own_differences(table: Table) -> None:
    text = render(table(_SIZES, "token_size"), "md")
    lines = [line for line in text.splitlines() if "paper:" in line and line.startswith("|")]
    assert lines == [
        "| *paper: tokens-1* |  | 38.3 | −2.5 | – | – |",
        "| *paper: tokens-4* |  | 40.8 | – | – | – |",
    ]
    assert "arXiv 2207.05580, table V (YouTube-VIS 2019 validation, ResNet-101): single runs" in text


def test_latex_sets_the_papers_rows_below_a_rule(table: Table) -> None:
    body = render(table(_SIZES, "token_size"), "tex").split(r"\midrule")
    assert len(body) == 3
    assert r"\emph{paper: tokens-1} &  & \num{38.3} &  & \num{-2.5} &  & -- &  & -- &  \\" in body[2]


def test_csv_has_the_papers_value_in_a_column_of_its_own(table: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(render(table(_SIZES, "token_size"), "csv"))))
    assert [(row["arm"], row["val/ap"], row["val/ap paper"]) for row in rows] == [
        ("tokens-4", "20.5", "40.8"),
        ("tokens-1", "20.5", "38.3"),
        ("mine", "20.5", ""),
    ]
    assert {row["order/consistency_pct paper"] for row in rows} == {""}


def test_json_keeps_the_paper_apart_from_the_arms_with_all_of_its_columns(table: Table) -> None:
    value = json.loads(render(table(_SIZES, "token_size"), "json"))
    assert value["paper"]["source"] == "arXiv 2207.05580, table V"
    row = value["paper"]["rows"][0]
    assert (row["arm"], row["method"], row["metrics"]["val/ar10"]) == ("tokens-1", "RCF", 43.1)


def test_other_methods_are_quoted_after_our_arms_and_without_differences(table: Table) -> None:
    lines = render(table(["resnet-101"], "ytvis2019", ("val/ap50",)), "md").splitlines()
    quoted = [line for line in lines if line.startswith("| *paper:")]
    assert quoted[0] == "| *paper: resnet-101 (23.9 FPS, latency 0.21 s)* |  | 63.4 | – |"
    assert "| *paper: MaskProp, ResNet-101, offline* |  | – | – |" in quoted
    assert "swin-b" not in "".join(quoted)
    assert len(quoted) == 1 + 13


def test_p_values_are_told_with_the_row_that_they_belong_to(table: Table) -> None:
    text = render(table(["frames-1-silent", "frames-1-audio"], "audio"), "md")
    assert "paper: frames-1-audio (p = 0.30 at IoU 0.5, p = 0.24 at IoU 0.75)" in text


def test_a_lost_table_is_named_as_lost(table: Table) -> None:
    lost = table(["rcf", "full-in-encoder"], "fusion")
    assert "Repeats arXiv 2207.05580, table IV" in render(lost, "md")
    assert "paper:" not in render(lost, "md")
    assert "lost" in json.loads(render(lost, "json"))["paper"]["notes"][0]


@pytest.mark.parametrize("form", FORMATS)
def test_quoting_leaves_every_number_of_ours_as_it_is(table: Table, form: Format) -> None:
    """The lines of our arms are those of the same table without the paper."""
    plain, quoting = (render(table(_SIZES, paper), form) for paper in (None, "token_size"))
    if form == "json":
        assert {**json.loads(quoting), "paper": None} == json.loads(plain)
    elif form == "csv":
        columns = next(csv.reader(io.StringIO(plain)))
        mine = [[row[name] for name in columns] for row in csv.DictReader(io.StringIO(quoting))]
        assert mine == list(csv.reader(io.StringIO(plain)))[1:]
    else:
        kept = [line for line in plain.splitlines() if "tokens-" in line and "footnotesize" not in line]
        assert set(kept) <= set(quoting.splitlines())
