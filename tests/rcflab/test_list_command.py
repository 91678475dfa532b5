"""`rcflab list` and `rcflab diff TRIAL TRIAL`: a storage root read without any YAML file."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rcflab
from rcflab.cli import app
from rcflab.errors import InputError
from rcflab.execute.job import Evaluation, Job
from rcflab.execute.job_file import write_job
from rcflab.ledger.events import AttemptStarted, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.plan_file import read_plan, read_plans, write_plan
from rcflab.provenance import code_digest, gather_provenance
from rcflab.records import Cell
from rcflab.session import Session, open_experiment
from rcflab.trials import find_trial

Write = Callable[..., Path]
RUNNER = CliRunner()
OTHER = "name: other\ntask: toy\nbaseline: plain\narms: {plain: {}, slow: {training.lr: 0.01}}\nseeds: 1\n"
OTHER += "table: {metrics: [toy/distance]}\n"


def finish(session: Session, cell: Cell, score: float, code: str = "", ts_ms: int = 7, **made: str) -> None:
    """Write the ledger of a cell that came to its end."""
    lease = acquire(session.storage, cell.train_key, this_process())
    code = code or code_digest()
    with LedgerWriter(session.storage, cell.train_key, lease) as writer:
        provenance = {**asdict(gather_provenance()), "code_digest": code, **made}
        writer.append(AttemptStarted(1, lease.token, 0, provenance, 1))
        writer.append(Metrics(2, 9, {"train/loss": 1.0}))
        values = {"toy/score": score, "toy/distance": 1 / score}
        writer.append(Evaluated(3, 9, cell.eval_key, True, values, "5eed" * 16, "records.npz", (), code))
        writer.append(StateChanged(ts_ms, 9, "finished"))
    lease.release()


def fail(session: Session, cell: Cell) -> None:
    """Write the ledger of a cell that failed."""
    lease = acquire(session.storage, cell.train_key, this_process())
    with LedgerWriter(session.storage, cell.train_key, lease) as writer:
        writer.append(AttemptStarted(1, lease.token, 0, asdict(gather_provenance()), 1))
        writer.append(StateChanged(4, 0, "failed", "RuntimeError: boom", "error"))
    lease.release()


def command(*arguments: object) -> str:
    """What the command prints."""
    done = RUNNER.invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def listed(*arguments: object) -> Any:
    """The JSON of `rcflab list`."""
    return json.loads(command("list", *arguments, "--json"))


@pytest.fixture
def session(experiment: Write) -> Session:
    """Two arms at two seeds whose plan is kept: one done, one stale, one failed, one missing."""
    session = open_experiment(experiment())
    write_plan(session)
    first, second, third, _ = session.plan.cells
    finish(session, first, 10.0, ts_ms=60_000)
    finish(session, second, 20.0, code="0" * 64)
    fail(session, third)
    return session


def test_an_experiment_is_a_line_with_states_and_values(session: Session) -> None:
    (found,) = listed()["experiments"]
    assert found["experiment"] == "toy-test"
    assert found["states"] == {"done": 1, "stale": 1, "failed": 1, "missing": 1}
    assert found["arms"] == {"plain": {"mean": 15.0, "sd": pytest.approx(50**0.5), "n": 2}}
    assert found["best"] == "plain"
    assert found["changed"] == "1970-01-01T00:01:00Z"
    assert found["table"] is None
    assert found["file"] == str(session.path.absolute())
    text = command("list")
    assert "toy-test" in text
    assert "failed" in text


def test_the_best_arm_is_the_one_with_the_better_mean_in_the_metric_of_the_table(experiment: Write) -> None:
    session = open_experiment(experiment(OTHER))
    write_plan(session)
    for cell, score in zip(session.plan.cells, (4.0, 2.0), strict=True):
        finish(session, cell, score)
    (found,) = listed()["experiments"]
    assert (found["metric"], found["best"]) == ("toy/distance", "plain")  # 0.25 is nearer than 0.5
    assert found["arms"]["slow"] == {"mean": 0.5, "sd": None, "n": 1}


def test_the_experiment_that_changed_last_comes_first(session: Session, experiment: Write) -> None:
    later = open_experiment(experiment(OTHER, "other.yaml"))
    write_plan(later)
    finish(later, later.plan.cells[1], 1.0, ts_ms=120_000)
    assert [each["experiment"] for each in listed()["experiments"]] == ["other", "toy-test"]


def test_a_cell_that_two_experiments_share_counts_in_both(session: Session, experiment: Write) -> None:
    write_plan(open_experiment(experiment(OTHER, "other.yaml")))
    states = {each["experiment"]: each["states"] for each in listed()["experiments"]}
    assert states["other"] == {"done": 1, "missing": 1}


def test_trials_of_one_experiment_have_their_keys_states_and_reasons(session: Session) -> None:
    trials = listed("toy-test")["trials"]
    assert [trial["eval_key"] for trial in trials] == [cell.eval_key for cell in session.plan.cells]
    assert [trial["state"] for trial in trials] == ["done", "stale", "failed", "missing"]
    assert [trial["value"] for trial in trials] == [10.0, 20.0, None, None]
    assert [trial["step"] for trial in trials] == [9, 9, 0, 0]
    assert trials[2]["reason"] == "RuntimeError: boom"
    text = command("list", "toy-test")
    assert all(cell.eval_key in text for cell in session.plan.cells)


def test_an_unknown_experiment_comes_with_the_nearest_one(session: Session) -> None:
    done = RUNNER.invoke(app, ["list", "toy-tst"])
    assert done.exit_code == 2
    assert "did you mean 'toy-test'?" in done.stderr


def test_a_storage_root_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["list", "--storage", str(tmp_path / "nothing")])
    assert done.exit_code == 2
    assert "got no folder" in done.stderr


def test_an_empty_storage_root_says_so(tmp_path: Path) -> None:
    assert "no experiment below" in command("list", "--storage", tmp_path)
    assert listed("--storage", tmp_path) == {"storage": str(tmp_path), "experiments": [], "unknown": []}


@pytest.mark.parametrize("text", ["", "{", '{"schema": 99}', '{"schema": 1, "cells": 3}', "[]"])
def test_a_folder_without_a_plan_of_this_version_is_named_and_not_listed(session: Session, text: str) -> None:
    folder = session.storage / "experiments" / "older"
    folder.mkdir()
    (folder / "plan.json").write_text(text)
    assert listed()["unknown"] == ["older"]
    assert "older" in command("list")
    done = RUNNER.invoke(app, ["list", "older"])
    assert done.exit_code == 2
    assert "which has no plan yet" in done.stderr


def test_a_run_keeps_its_plan(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    rcflab.open(path, set={"training.steps": 3, "tracking.uri": "none"}, arms=["plain"], seeds=1).run()
    (found,) = listed()["experiments"]
    assert found["states"] == {"done": 1}


def test_a_kept_plan_is_the_plan(session: Session) -> None:
    (record,) = read_plans(session.storage)
    assert record.plan.cells == session.plan.cells
    assert (record.plan.experiment, record.plan.baseline) == (session.plan.experiment, session.plan.baseline)
    assert record.arms["plain"]["fingerprints"] == asdict(session.fingerprints["plain"])


def test_a_narrowed_run_leaves_the_other_cells_in_the_kept_plan(session: Session) -> None:
    more = open_experiment(session.path, arms=["fast"], seeds=3)
    write_plan(more)
    record = read_plan(session.experiment_folder)
    assert record is not None
    assert [(cell.arm, cell.seed) for cell in record.cells] == [
        ("plain", 0), ("plain", 1), ("fast", 0), ("fast", 1), ("fast", 2)
    ]  # fmt: skip
    write_plan(session)
    assert read_plan(session.experiment_folder) == next(read_plans(session.storage))
    assert len(next(read_plans(session.storage)).cells) == 4


def test_cells_of_another_configuration_replace_those_of_their_place(session: Session) -> None:
    write_plan(open_experiment(session.path, ["training.steps=5"], ["plain"], 1))
    record = read_plan(session.experiment_folder)
    assert record is not None
    assert len(record.cells) == 4
    assert record.cells[0].eval_key != session.plan.cells[0].eval_key
    assert record.arms["plain"]["config"]["training"]["steps"] == 5


def test_a_trial_is_found_by_the_beginning_of_either_key(session: Session) -> None:
    cell = session.plan.cells[1]
    for prefix in (cell.eval_key, cell.eval_key[:6], cell.train_key, cell.train_key[:6]):
        trial = find_trial(session.storage, prefix)
        assert (trial.eval_key, trial.seed, trial.config) == (cell.eval_key, 1, cell.config)
        assert trial.places == (("toy-test", "plain"),)
        assert trial.final is not None
        assert trial.final.values["toy/score"] == 20.0


def test_a_key_that_is_not_there_or_means_several_trials_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="expected the key of a trial below this storage root"):
        find_trial(session.storage, "zzzz")
    with pytest.raises(InputError, match="expected the beginning of one key; it is that of"):
        find_trial(session.storage, "")


def test_a_trial_that_stands_in_no_plan_is_found_by_what_its_cell_was_asked_to_do(session: Session) -> None:
    folder = session.storage / "cells" / "feed0123"
    (folder / "eval" / "beef4567").mkdir(parents=True)
    config = {"model": {"slope": 9.0}}
    job = Job("feed0123", "plain/5", "toy", config, 5, (Evaluation("beef4567", config),))
    write_job(folder, job, nullcontext)
    for prefix in ("beef", "feed"):
        trial = find_trial(session.storage, prefix)
        assert (trial.eval_key, trial.train_key, trial.seed, trial.config) == ("beef4567", "feed0123", 5, config)


def test_a_trial_that_failed_before_it_was_scored_is_found_too(session: Session) -> None:
    folder = session.storage / "cells" / "feed0123"
    folder.mkdir(parents=True)
    config = {"model": {"slope": 9.0}}
    write_job(folder, Job("feed0123", "x", "toy", config, 5, (Evaluation("beef4567", config),)), nullcontext)
    assert find_trial(session.storage, "beef").train_key == "feed0123"


def test_two_trials_differ_in_configuration_keys_origin_and_results(session: Session) -> None:
    one, other = session.plan.cells[0], session.plan.cells[1]
    lines = command("diff", one.eval_key[:8], other.eval_key[:8]).splitlines()
    assert lines[0] == f"{one.eval_key} (toy-test/plain/0) -> {other.eval_key} (toy-test/plain/1)"
    assert lines[1] == "seed: 0 -> 1"
    assert f"train_key: {one.train_key} -> {other.train_key}" in lines
    assert f'made by code_digest: "{code_digest()}" -> "{"0" * 64}"' in lines
    assert "toy/score: 10.00 -> 20.00 (+10.00)" in lines


def test_packages_and_machines_of_two_trials_are_compared(experiment: Write) -> None:
    session = open_experiment(experiment())
    write_plan(session)
    for cell, host in zip(session.plan.cells[:2], ("here", "there"), strict=True):
        finish(session, cell, 10.0, host=host)
    keys = [cell.eval_key for cell in session.plan.cells[:2]]
    found = json.loads(command("diff", *keys, "--json"))
    assert found["provenance"] == [{"path": "host", "first": "here", "second": "there"}]
    assert found["results"]["toy/score"] == {"first": 10.0, "second": 10.0}
    assert [side["trial"] for side in found["arms"]] == keys
    assert "toy/score: 10 on both sides, bit for bit" in command("diff", *keys)


def test_an_arm_beside_a_trial_has_its_seed(session: Session) -> None:
    cell = session.plan.cells[1]
    lines = command("diff", cell.eval_key, f"{session.path}:plain").splitlines()
    assert lines[1] == "the configurations are equal"
    assert lines[-1] == "one and the same trial"


def test_in_python_the_difference_is_a_table(session: Session) -> None:
    opened = rcflab.open(session.path)
    arms = opened.diff("plain", "fast")
    assert list(arms.columns) == ["part", "field", "plain", "fast"]
    assert arms.iloc[0].tolist() == ["configuration", "training.lr", 0.1, 0.2]
    assert set(arms["part"]) == {"configuration", "key"}
    trials = opened.diff("plain", session.plan.cells[1].eval_key[:8], seed=0)
    assert set(trials["part"]) == {"configuration", "key", "provenance", "result"}
    score = trials[trials["field"] == "toy/score"]
    assert score.iloc[0].tolist()[2:] == [10.0, 20.0]
    with pytest.raises(InputError, match="did you mean 'plain'"):
        opened.diff("plainn", "fast")
