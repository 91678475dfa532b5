"""A finished experiment that grows or changes: trained is what is new, evaluated what is asked in another way."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted, Evaluated, Event, Metrics
from rcflab.ledger.reader import read_events

pytestmark = pytest.mark.timeout(1800)
BEGINNING = """
name: grown
task: toy
baseline: plain
arms:
  plain: {}
  fast: {training.lr: 0.2}
seeds: 2
training: {steps: 12, checkpoint_every: 5}
resources: {max_concurrent: 2}
tracking: {uri: none}
"""
STRICTER = "evaluation.threshold=0.5"


class Grown:
    """Two arms of two seeds; then a third of each; then a stricter threshold; then lost match records."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.codes = [lab.run()]
        self.first = self.ledgers()
        more = BEGINNING.replace("seeds: 2", "seeds: 3").replace("  fast:", "  slow: {training.lr: 0.05}\n  fast:")
        lab.yaml.write_text(more)
        self.codes.append(lab.run())
        self.second = self.ledgers()
        self.codes.append(lab.run("--set", STRICTER))
        self.third = self.ledgers()
        self.log = lab.log()

    def ledgers(self) -> dict[str, tuple[Event, ...]]:
        """All events of every training below the storage root."""
        folders = (self.lab.storage / "ledger").iterdir()
        return {folder.name: read_events(self.lab.storage, folder.name) for folder in folders}


def kinds(events: tuple[Event, ...], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def grown(laboratory: Callable[[str], Any]) -> Grown:
    return Grown(laboratory(BEGINNING))


def test_every_run_ends_well(grown: Grown) -> None:
    assert grown.codes == [0, 0, 0], grown.lab.log()


def test_one_more_arm_and_one_more_seed_train_only_those(grown: Grown) -> None:
    assert (len(grown.first), len(grown.second)) == (4, 9)
    assert {key: grown.second[key] for key in grown.first} == grown.first
    added = [events for key, events in grown.second.items() if key not in grown.first]
    assert [len(kinds(events, Metrics)) for events in added] == [12] * 5


def test_another_threshold_evaluates_every_cell_and_trains_none(grown: Grown) -> None:
    assert grown.third.keys() == grown.second.keys()
    for key, events in grown.third.items():
        news = events[len(grown.second[key]) :]
        assert [event.step for event in kinds(news, AttemptStarted)] == [12]
        assert kinds(news, Metrics) == []
        assert [(event.step, event.final) for event in kinds(news, Evaluated)] == [(12, True)]


def test_lost_match_records_are_evaluated_again_and_nothing_is_trained(grown: Grown) -> None:
    final = kinds(next(iter(grown.first.values())), Evaluated)[-1]
    records: Path = grown.lab.storage / final.records
    content = records.read_bytes()
    records.unlink()
    assert grown.lab.run(command="table") == 3
    assert "evaluates it again and trains nothing" in grown.lab.log()
    assert grown.lab.run() == 0, grown.lab.log()
    assert records.read_bytes() == content
    for key, events in grown.ledgers().items():
        assert kinds(events[len(grown.third[key]) :], Metrics) == []


def test_a_lost_checkpoint_is_told_before_anything_is_trained_again(grown: Grown) -> None:
    cell = grown.lab.session().plan.cells[0]
    folder = grown.lab.storage / "cells" / cell.train_key / "checkpoints"
    shutil.move(folder, folder.with_name("elsewhere"))
    before = grown.ledgers()
    assert grown.lab.run("--set", "evaluation.threshold=0.25") == 3
    assert "plain/0 is trained, but its checkpoint" in grown.lab.log() and "--on-lost retrain" in grown.lab.log()
    assert grown.ledgers() == before
    shutil.move(folder.with_name("elsewhere"), folder)


def states(lab: Any, code: Path) -> set[str]:
    """What `rcflab plan` of the sources in `code` says of the cells."""
    command = [sys.executable, "-m", "rcflab.cli", "plan", str(lab.yaml), "--json"]
    environment = {**lab.environment(), "PYTHONPATH": f"{code}:{code / 'platform'}"}
    done = subprocess.run(command, env=environment, cwd=lab.folder, capture_output=True, text=True, check=True)
    return {cell["state"] for cell in json.loads(done.stdout)["cells"]}


def test_another_readme_changes_nothing_and_another_source_makes_all_stale(
    grown: Grown, repository: Path, tmp_path: Path
) -> None:
    for name in ("rcf", "platform"):
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "README.md").write_text("other words")
    (tmp_path / "rcf" / "README.md").write_text("other words")
    assert states(grown.lab, tmp_path) == {"done"}
    source = tmp_path / "rcf" / "seeding.py"
    source.write_text(source.read_text() + "\n# another line\n")
    assert states(grown.lab, tmp_path) == {"stale"}
