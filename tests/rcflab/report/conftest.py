"""Tables for the tests of rendering: of any arms and scores, with what may be said of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import ResultSet
from rcflab.comparison import Comparison, Comparisons
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.reader import read_key
from rcflab.ledger.writer import LedgerWriter
from rcflab.metrics import METRICS
from rcflab.records import Cell, CellResult, RunPlan
from rcflab.session import open_experiment
from rcflab.stats.interval import Interval
from rcflab.stats.verdict import Kind, Verdict, untested
from rcflab.toy_config import ToyConfig

HOSTILE = r"""=1|\a_b & 50% $x^2$ #{~}<script>alert("1")</script>* '`’ 漢 é"""
SCORES = {"tokens-4": (40.0, 41.0), "tokens-1": (43.0, 44.5), HOSTILE: (4.0, 4.5)}

MakeTable = Callable[..., AblationTable]


def make_table(
    scores: Mapping[str, Sequence[float]] = SCORES,
    knobs: Mapping[str, Mapping[str, Any]] | None = None,
    metrics: tuple[str, ...] = ("val/ap", "val/ap50"),
    name: str = "token-size",
) -> AblationTable:
    """The first arm is the baseline; `knobs` are the fields of toy's model by arm; the metrics all have one value."""
    cells: list[CellResult] = []
    for number, (arm, values) in enumerate(scores.items()):
        config = ToyConfig().model_dump(mode="json")
        config["model"] |= (knobs or {}).get(arm, {})
        for seed, value in enumerate(values):
            cell = Cell(arm, seed, config, f"{number}{seed}" * 8, f"{number + 3}{seed}" * 8)
            found = dict.fromkeys(metrics, value)
            cells.append(CellResult(cell, found, "c0de" * 16, "", "", "", "5eed" * 16))
    plan = RunPlan(name, "toy", next(iter(scores)), tuple(each.cell for each in cells), metrics)
    return tabulate(ResultSet(plan, tuple(cells), ()))


def compared(table: AblationTable) -> AblationTable:
    """`table` with a verdict of each kind: better, not shown, an effect that cannot be tested."""
    better = Verdict(Kind.BETTER, 3.25, Interval(1.0, 5.5))
    same = Verdict(Kind.NOT_SHOWN, 0.25, Interval(-2.0, 2.5))
    first, second = [row.arm for row in table.rows if not row.is_baseline][:2]
    arms = (
        Comparison(first, 2, 3.25, Interval(1.0, 5.5), 0.0004, 0.0008, better),
        Comparison(second, 2, -0.25, Interval(-2.0, 2.5), 0.71, 0.71, same),
        Comparison("effect: frames 1 for 0", 1, -0.04, None, None, None, untested(1)),
    )
    found = Comparisons(METRICS["val/ap"], table.baseline, arms, 60, 2000, 3, 0, 1.5, 4, ("gone",))
    return dataclasses.replace(table, comparisons=found)


@pytest.fixture
def table_of() -> MakeTable:
    """Make a table: `(scores by arm, knobs by arm, metrics, name)`."""
    return make_table


@pytest.fixture
def table() -> AblationTable:
    """Three arms of two seeds, the last of a hostile name, with comparisons and knobs."""
    knobs = {"tokens-4": {"memory": 0}, "tokens-1": {"memory": 3}, HOSTILE: {"memory": 2, "slope": -0.5}}
    return compared(make_table(knobs=knobs))


@pytest.fixture
def hostile() -> str:
    """An arm's name with signs that mean something in every format."""
    return HOSTILE


def _finish(path: Path, artifacts: Sequence[str] = ()) -> None:
    """Write a finished ledger for every cell of the experiment in `path`, with two evaluations and match records."""
    session = open_experiment(path)
    storage = session.storage
    for cell in session.plan.cells:
        if read_key(storage, cell.train_key).state == "finished":
            continue
        lease = acquire(storage, cell.train_key, this_process())
        code = session.provenance.code_digest
        score = 50.0 + 10 * cell.config["training"]["lr"] + cell.seed
        folder = f"cells/{cell.train_key}/eval/{cell.eval_key}"
        (storage / folder).mkdir(parents=True)
        with LedgerWriter(storage, cell.train_key, lease) as writer:
            writer.append(AttemptStarted(1, lease.token, 0, asdict(session.provenance), 1))
            for step in (5, 10, 20):
                writer.append(Metrics(1, step, {"train/loss": 1 / step + cell.seed}))
                found = (step, cell.eval_key, step == 20, {"toy/score": score - 20 + step, "toy/distance": 0.1})
                writer.append(Evaluated(3, *found, "5eed" * 16, f"{folder}/records.npz", tuple(artifacts), code))
            writer.append(CheckpointSaved(3, 20, f"cells/{cell.train_key}/checkpoints/step-20", "ab" * 32))
            writer.append(StateChanged(4, 20, "finished"))
        lease.release()
        distance = np.linspace(0.1, 0.5, 5) / (1 + cell.config["training"]["lr"])
        np.savez(storage / folder / "records.npz", distance=distance, threshold=np.array(1.0))


@pytest.fixture
def finish() -> Callable[..., None]:
    """Finish every cell of an experiment without training it: `(path, artifacts)`."""
    return _finish


VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The elements and the text of a page; fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self._open):
            self.cells[-1] += data


@pytest.fixture
def parse() -> Callable[[str], Page]:
    """Parse a page; fails where tags are not closed in order."""
    return Page
