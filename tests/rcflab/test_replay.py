"""A trial that is run again is compared with its record: equal bits, or what differs is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import jobs_of
from rcflab.execute.local import run_locally
from rcflab.ledger.lease import this_process
from rcflab.ledger.reader import read_key
from rcflab.records import Provenance
from rcflab.replay import Compared, Side, compare_runs, environment_differences
from rcflab.session import Session, open_experiment

RUNNER = CliRunner()
TOY = """
name: replayed
task: toy
baseline: plain
arms: {plain: {}, broken: {training.raise_at: 7}}
training: {steps: 12, checkpoint_every: 5}
tracking: {uri: none}
"""


def run(session: Session, storage: Path) -> None:
    resources = Resources(False, 1, 1, 0, None, True, 50)
    jobs = jobs_of(session.plan, {cell.eval_key for cell in session.plan.cells})
    run_locally(Batch.create(storage, this_process(), session.provenance, resources, jobs))


class Pair:
    """Two runs of the same cells."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.roots = session, (folder / "one", folder / "other")
        for root in self.roots:
            run(session, root)

    def side(self, root: Path, arm: int = 0) -> Side:
        cell = self.session.plan.cells[arm]
        state = read_key(root, cell.train_key)
        return Side(root, state, state.final(cell.eval_key))

    def compared(self, arm: int = 0) -> Compared:
        return compare_runs(*(self.side(root, arm) for root in self.roots))

    def file(self, pattern: str) -> Path:
        """A file of the second run's first cell."""
        (found,) = (self.roots[1] / "cells" / self.session.plan.cells[0].train_key).glob(pattern)
        return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    (folder / "toy.yaml").write_text(TOY)
    return Pair(open_experiment(folder / "toy.yaml", [f"storage.root={folder / 'runs'}"]), folder)


def test_the_same_trial_is_equal_in_every_part(pair: Pair) -> None:
    found = pair.compared()
    assert (found.differences, found.missing) == ([], [])
    assert found.equal == {"end": 1, "curve": 2, "metric": 2, "records": 2, "weights": 1}


def test_a_failed_trial_is_equal_where_it_fails_of_the_same(pair: Pair) -> None:
    found = pair.compared(arm=1)
    assert found.differences == [] and found.equal["end"] == 1


def changed(pair: Pair, pattern: str, change: Callable[[Path], None]) -> list[str]:
    """The differences after `change` of a file, which is put back."""
    path = pair.file(pattern)
    before = path.read_bytes()
    try:
        change(path)
        return [f"{each.part} {each.name}: {each.text}" for each in pair.compared().differences]
    finally:
        path.write_bytes(before)


def test_weights_that_differ_in_the_last_bit_are_told_with_the_size_of_the_difference(pair: Pair) -> None:
    def nudge(path: Path) -> None:
        weights = np.load(path)
        weights[0] = np.nextafter(weights[0], np.inf)
        np.save(path, weights)

    (line,) = changed(pair, "checkpoints/step-*/weights.npy", nudge)
    assert line.startswith("weights weights.npy: 1 of 2 values differ, by at most ")


def test_match_records_that_differ_are_told_by_name(pair: Pair) -> None:
    def nudge(path: Path) -> None:
        with np.load(path) as file:
            records = dict(file)
        records["distance"][3] += 0.5
        np.savez(path, **records)

    (line,) = changed(pair, "eval/*/step-*/records.npz", nudge)
    assert line == "records distance: 1 of 8 values differ, by at most 0.5"


def test_a_sign_of_zero_is_a_difference_in_bits_only(pair: Pair) -> None:
    def zero(sign: float) -> Callable[[Path], None]:
        return lambda path: np.savez(path, distance=np.array([sign * 0.0]), threshold=np.array(1.0))

    first = pair.roots[0] / pair.file("eval/*/step-*/records.npz").relative_to(pair.roots[1])
    before = first.read_bytes()
    zero(1.0)(first)
    lines = changed(pair, "eval/*/step-*/records.npz", zero(-1.0))
    first.write_bytes(before)
    assert lines == ["records distance: equal in value, not in bits (signs of zeros, or kinds of NaN)"]


def test_metrics_and_losses_that_differ_are_told_with_both_values(pair: Pair) -> None:
    one, other = (pair.side(root) for root in pair.roots)
    assert other.final is not None
    values = {**other.final.values, "toy/score": 1.5}
    series = dict(other.state.series)
    series["train/loss"] = tuple(p._replace(value=9.0) if p.step > 4 else p for p in series["train/loss"])
    state = replace(other.state, series=series)
    found = compare_runs(one, Side(other.storage, state, replace(other.final, values=values)))
    assert [(each.part, each.name) for each in found.differences] == [("curve", "train/loss"), ("metric", "toy/score")]
    assert "from step 5 on: was " in found.differences[0].text and "is 9.0" in found.differences[0].text
    assert found.differences[1].text.endswith("is 1.5")


def test_weights_that_are_gone_are_said_to_be_not_compared(pair: Pair) -> None:
    folder = pair.file("checkpoints")
    original = pair.roots[0] / folder.relative_to(pair.roots[1])
    shutil.move(original, original.with_name("away"))
    found = pair.compared()
    shutil.move(original.with_name("away"), original)
    assert found.differences == [] and "no checkpoint any more" in found.missing[0]


def test_tensors_of_safetensors_are_compared_one_by_one(pair: Pair) -> None:
    weights = [np.zeros(3, np.float32), np.ones(2, np.float32)]
    for root, last in zip(pair.roots, (1.0, 2.0), strict=True):
        folder = root / pair.file("checkpoints/step-*").relative_to(pair.roots[1])
        tensors = {"a": weights[0], "b": weights[1] * np.float32(last)}
        safetensors.numpy.save_file(tensors, folder / "net.safetensors")  # pyright: ignore[reportUnknownMemberType]
    found = pair.compared()
    for root in pair.roots:
        (root / pair.file("checkpoints/step-*").relative_to(pair.roots[1]) / "net.safetensors").unlink()
    assert [(each.name, each.text) for each in found.differences] == [
        ("net.safetensors b", "2 of 2 values differ, by at most 1")
    ]
    assert found.equal["weights"] == 2


def test_what_made_the_trial_is_compared_beforehand() -> None:
    now = Provenance("new" * 8, None, None, {"torch": "2.1", "ray": "2"}, "host", "Epyc")
    made_by = {"code_digest": "old" * 8, "packages": {"torch": "2.0", "ray": "2", "timm": "1"}, "processor": "Xeon"}
    assert environment_differences(made_by, now) == [
        "code: was oldoldoldold, is newnewnewnew", "timm: was 1, is not there", "torch: was 2.0, is 2.1",
        "processor: was Xeon, is Epyc",
    ]  # fmt: skip


class Replayed:
    """The command, on the first run's storage."""

    def __init__(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pair, self.root = pair, pair.roots[0]

        def on_this_process(batch: Batch, rules: object = ()) -> dict[str, Any]:
            return run_locally(batch)

        monkeypatch.setattr("rcflab.commands.replay.run_on_ray", on_this_process)

    def __call__(self, *arguments: str) -> Any:
        return RUNNER.invoke(app, ["replay", *arguments, "--storage", str(self.root)])


@pytest.fixture
def replayed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Replayed:
    return Replayed(pair, monkeypatch)


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and "cache" not in path.parts}


def test_a_trial_is_found_by_the_beginning_of_its_key_and_comes_out_equal(replayed: Replayed) -> None:
    before = files(replayed.root)
    done = replayed(replayed.pair.session.plan.cells[0].eval_key[:8])
    assert (done.exit_code, "equal, bit for bit" in done.stdout) == (0, True), done.output
    assert files(replayed.root) == before


def test_the_replay_of_a_failed_trial_fails_of_the_same(replayed: Replayed) -> None:
    done = replayed(replayed.pair.session.plan.cells[1].eval_key, "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["equal"], found["equal_parts"]["end"]) == (0, True, 1)


def test_a_difference_is_exit_code_3_and_keeps_the_replay(replayed: Replayed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rcflab.toy_task.BATCH", 3)
    trial = replayed.pair.session.plan.cells[0].eval_key
    done = replayed(trial, "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["equal"]) == (3, False)
    assert {each["part"] for each in found["differences"]} == {"curve", "metric", "records", "weights"}
    assert Path(found["folder"]).is_dir() and str(found["folder"]) in done.stderr
    shutil.rmtree(found["folder"])


def test_another_version_of_a_package_is_said_beforehand(replayed: Replayed, monkeypatch: pytest.MonkeyPatch) -> None:
    now = replace(replayed.pair.session.provenance, packages={"torch": "0.1"})
    monkeypatch.setattr("rcflab.commands.replay.gather_provenance", lambda: now)
    done = replayed(replayed.pair.session.plan.cells[0].eval_key)
    assert "changed since: torch: was " in done.stderr and done.exit_code == 0


@pytest.mark.parametrize(
    ("trial", "said"), [("", "rcflab list"), ("zzzz", "rcflab list"), ("plain/0", "--experiment YAML")]
)
def test_what_names_no_single_trial_is_bad_input(replayed: Replayed, trial: str, said: str) -> None:
    done = replayed(trial)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the key of a trial" in done.stderr and said in done.stderr


def test_arm_and_seed_name_a_trial_of_an_experiment(
    replayed: Replayed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(TOY)
    setting = ("--set", f"storage.root={replayed.root}")
    assert replayed("plain/0", "-e", "toy.yaml", *setting).exit_code == 0
    assert "ARM/SEED like plain/0, broken/0" in replayed("plain/9", "-e", "toy.yaml", *setting).stderr


def test_a_trial_that_never_ended_cannot_be_compared(replayed: Replayed, tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(TOY)
    done = replayed("plain/0", "-e", str(tmp_path / "toy.yaml"), "--set", f"storage.root={tmp_path / 'runs'}")
    assert done.exit_code == 3 and "is empty: only what came to an end" in done.stderr
