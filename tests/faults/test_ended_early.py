"""Runs that end before their work is done, by a rule of their file: cleanly, and the same command goes on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rcflab.ledger.reader import read_key

pytestmark = pytest.mark.timeout(1800)
EXPERIMENT = """
name: early
task: toy
baseline: plain
arms:
  plain: {}
  broken: {training.raise_at: 3}
  last: {training.lr: 0.2}
training: {steps: 40, step_ms: 50, checkpoint_every: 30}
resources: {max_concurrent: 1}
tracking: {uri: none}
notify: [{command: [tee, -a, told.json]}]
"""


def states(lab: Any) -> dict[str, str]:
    return {cell.arm: read_key(lab.storage, cell.train_key).state for cell in lab.session().plan.cells}


def told(lab: Any) -> list[dict[str, Any]]:
    """What the hook has heard so far."""
    text, found = (lab.folder / "told.json").read_text(), []
    while text:
        value, end = json.JSONDecoder().raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def test_the_first_error_ends_the_run_where_the_file_says_so(laboratory: Callable[[str], Any]) -> None:
    lab = laboratory(EXPERIMENT)
    assert lab.run("--set", "on_trial_error=stop") == 3, lab.log()
    assert states(lab)["plain"] == "finished" and states(lab)["broken"] == "failed"
    assert states(lab)["last"] in ("empty", "interrupted")
    assert "stopped by on_trial_error: stop" in lab.log() and "broken/0: RuntimeError" in lab.log()
    (event,) = told(lab)
    assert event["event"] == "failed" and event["first_failure"].startswith("broken seed 0: RuntimeError")
    assert "Traceback" not in lab.log()


def test_a_spent_budget_ends_the_run_with_a_checkpoint_and_a_higher_one_goes_on(
    laboratory: Callable[[str], Any],
) -> None:
    lab = laboratory(EXPERIMENT)
    arguments = ("--arms", "plain,last", "--set", "training.steps=400")
    assert lab.run(*arguments, "--set", "budget.cpu_hours=0.001") == 75, lab.log()
    # storage and keys of the command's own settings, not of the file alone
    (folder,) = (lab.storage / "ledger").iterdir()
    state = read_key(lab.storage, folder.name)
    assert state.state == "interrupted" and state.checkpoint is not None
    assert state.checkpoint.step == state.step < 400
    assert "Raise budget.cpu_hours and run the same command again" in lab.log()
    assert "0 of 2 trials are done, 2 are left" in lab.log()
    assert [event["event"] for event in told(lab)][-1] == "budget"
    # What is spent stays spent: nothing is started for the same budget.
    assert lab.run(*arguments, "--set", "budget.cpu_hours=0.001") == 75
    assert read_key(lab.storage, folder.name) == state and "starting Ray" not in lab.log()
    assert lab.run("--arms", "plain,last", "--set", "budget.trials=2") == 75
    assert "2 of 2 trials" in lab.log()
    assert lab.run("--arms", "plain,last", "--set", "budget.trials=3") == 0, lab.log()
    assert told(lab)[-1]["event"] == "finished"
    assert told(lab)[-1]["counts"] == {"done": 2}
