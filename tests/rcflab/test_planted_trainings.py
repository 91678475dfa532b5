"""Planted effects through the whole chain: 20 experiments, trained, in a real ledger, asked by `rcflab table`.

    YAML --plan--> 9 trainings --this process--> ledger, match records --rcflab table--> verdicts

Each experiment has other random numbers. Its arm `mirror` starts on the other side of the goal, just as far away: by
symmetry it scores alike, though each of its trainings is another one. Its arm `near` starts nearer.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rcf.seeding import stream
from rcflab import toy_task
from rcflab.cli import app
from rcflab.execute.batch import Batch, resolve
from rcflab.execute.local import run_locally
from rcflab.execute.work import find_work
from rcflab.ledger.lease import this_process
from rcflab.session import open_experiment, read_ledger

EXPERIMENTS = 20
YAML = """
name: planted
task: toy
baseline: far
seeds: 3
data: {videos: 60}
training: {steps: 4, noise: 0.12, lr: 0.05, log_every: 4, checkpoint_every: 0}
tracking: {uri: none}
arms:
  far: {model.slope: 1.0, model.offset: 0.0}
  mirror: {model.slope: 3.0, model.offset: -2.0}
  near: {model.slope: 1.7, model.offset: -0.7}
"""


def train(path: Path) -> None:
    """Every cell of the experiment, in this process."""
    session = open_experiment(path)
    view, code = read_ledger(session), session.provenance.code_digest
    jobs = find_work(session.plan, view.keys, view.states, code).jobs(session.plan, "reuse")
    resources = resolve(session.spec.resources, str(path))
    run_locally(Batch.create(session.storage, this_process(), session.provenance, resources, jobs))


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `rcflab table` says of each experiment, by arm."""
    found: list[dict[str, Any]] = []
    for number in range(EXPERIMENTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setattr(toy_task, "stream", salted(number))
        path = folder / "planted.yaml"
        path.write_text(YAML)
        train(path)
        # With --seeds no files are written, and no figures drawn, which nobody looks at here.
        said = CliRunner().invoke(app, ["table", str(path), "--format", "json", "--seeds", "3"])
        assert said.exit_code == 0, said.output
        comparisons = json.loads(said.stdout)["comparisons"]
        assert (comparisons["family"], comparisons["videos"]) == (2, 60)
        found.append({each["arm"]: each for each in comparisons["arms"]})
    return found


def salted(number: int) -> Callable[..., Any]:
    """The task's random numbers, other ones for each experiment."""
    return lambda seed, *names: stream(seed + 1000 * (number + 1), *names)


def test_twenty_trained_experiments_find_what_is_there_and_little_else(tables: list[dict[str, Any]]) -> None:
    """False words about the mirror: at most 5 % each, so more than 3 of 20 come once in 60 such tests. Intervals of
    the mirror that miss 0 likewise. The near arm is 20 points better, many spreads of its differences."""
    near = [table["near"]["verdict"] for table in tables]
    assert sum(words.startswith("better") for words in near) >= 18
    assert not any(words.startswith("worse") for words in near)
    mirror = [table["mirror"] for table in tables]
    assert sum(each["verdict"].startswith(("better", "worse")) for each in mirror) <= 3
    assert sum(not each["interval"][0] <= 0 <= each["interval"][1] for each in mirror) <= 3
    assert len({each["difference"] for each in mirror}) == EXPERIMENTS, "each experiment is another draw"
