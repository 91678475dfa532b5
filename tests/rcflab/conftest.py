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


def _small_cell(root: Path, queries: int = 4, class_threshold: float = 0.1) -> Path:
    """Videos below `root`, and the cell of a network that has learnt for one step."""
    attention = {"layers": 1, "heads": 2, "feedforward": 16, "dropout": 0.0}
    # Only these tests need the network.
    from rcf.config import RcfConfig
    from rcflab.rcf_task import TASK

    config = RcfConfig.model_validate(
        {
            "model": {
                "backbone": {"name": "test_efficientnet"}, "width": 16, "encoder": attention, "decoder": attention,
                "queries": queries, "mask": {"fpn_width": 16, "filter_width": 8}, "reference": {"tokens": 4},
            },
            "data": {"kind": "synthetic", "train_clips": 2, "val_clips": 3, "frames": 4, "root": str(root / "sets")},
            "input": {"height": 32, "width": 48},
            "training": {"steps": 1, "clips_per_step": 1, "targets_per_clip": 2},
            "evaluation": {"class_threshold": class_threshold},
        }
    ).model_dump(mode="json")  # fmt: skip
    TASK.prepare(config)
    training = TASK.start(config, 0)
    training.advance()
    folder = root / "cell" / "checkpoints" / "step-00000001"
    folder.mkdir(parents=True)
    training.save(folder)
    return root / "cell"


@pytest.fixture(scope="session")
def small_cell() -> Callable[..., Path]:
    """(root, queries, class_threshold) -> the folder of a cell below `root`, its videos beside it."""
    return _small_cell
