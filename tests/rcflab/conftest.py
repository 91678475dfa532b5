"""Experiments as files and ledger states as values, for tests of the platform."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Event, StateChanged
from rcflab.ledger.fold import KeyState, fold

TOY = """
name: toy-test
task: toy
baseline: plain
arms:
  plain: {}
  fast: {training.lr: 0.2}
seeds: 2
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write an experiment file below `tmp_path`, which becomes the current folder; returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str = TOY, name: str = "experiment.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def _state(
    values: Mapping[str, Mapping[str, float]],
    code: str = "c0de" * 16,
    videos: str = "5eed" * 16,
    state: str = "finished",
) -> KeyState:
    """A training that came to `state`, with a final evaluation for each eval_key of `values`."""
    if state == "empty":
        return fold([])
    events: list[Event] = [
        AttemptStarted(ts_ms=1, attempt=1, step=0, provenance={"code_digest": code}, pid=1),
        CheckpointSaved(ts_ms=2, step=20, path="cells/x/checkpoints/step-00000020", sha256="ab" * 32),
    ]
    events += [
        Evaluated(3, 20, key, True, dict(found), videos, f"cells/x/eval/{key}/records.npz", (), code)
        for key, found in values.items()
    ]
    match state:
        case "finished" | "interrupted":
            events.append(StateChanged(4, 20, state))
        case "failed":
            events.append(StateChanged(4, 20, "failed", "RuntimeError: boom", "error"))
        case _:
            assert state == "started"
    return fold(events)


@pytest.fixture(scope="session")
def ledger_state() -> Callable[..., KeyState]:
    """Make the ledger state of one training: `(values by eval_key, code=..., videos=..., state=...)`."""
    return _state
