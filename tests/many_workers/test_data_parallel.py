"""Two workers are one training: the same losses, the same files, exact resumes. With the real network."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.rcf_task import TASK

Network = Callable[..., dict[str, Any]]


def files_below(folder: Path) -> dict[str, str]:
    """Digest of each file, by path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def losses(config: dict[str, Any], steps: int) -> list[float]:
    """Of one process alone."""
    training = TASK.start(config, 0)
    return [training.advance()["train/loss"] for _ in range(steps)]


def test_losses_are_those_of_one_worker_with_the_same_batch(servers: Any, network: Network, tmp_path: Path) -> None:
    first, second = servers.results("train", task="rcf", config=network(), steps=20, save=str(tmp_path))
    assert first["losses"] == second["losses"]
    assert first["losses"] == pytest.approx(losses(network(), 20), abs=1e-4)


def test_losses_do_not_depend_on_the_parts_of_a_workers_share(servers: Any, network: Network, tmp_path: Path) -> None:
    config = network(clips_per_step=4, accumulate=2)
    first, _ = servers.results("train", task="rcf", config=config, steps=4, save=str(tmp_path))
    assert first["losses"] == pytest.approx(losses(network(clips_per_step=4), 4), abs=1e-4)


def test_all_workers_end_with_equal_files(servers: Any, network: Network, tmp_path: Path) -> None:
    first, second = servers.results("train", task="rcf", config=network(ema=0.9), steps=3, save=str(tmp_path))
    assert first["files"] == second["files"]
    assert len(first["files"]) == 4


@pytest.mark.parametrize(
    ("size", "options"), [(2, {"ema": 0.9}), (2, {"precision": "float16"}), (3, {"clips_per_step": 3})]
)
def test_a_resumed_group_ends_in_the_same_bits(
    servers: Any, network: Network, tmp_path: Path, size: int, options: dict[str, Any]
) -> None:
    config = network(**{"clip_norm": 1.0, "warmup_steps": 4, **options})

    def train(steps: int, name: str, start: str = "") -> tuple[list[float], dict[str, str]]:
        into = str(tmp_path / name)
        found = servers.results("train", size, task="rcf", config=config, steps=steps, start=start, save=into)
        return found[0]["losses"], found[0]["files"]

    losses_of_whole, files_of_whole = train(4, "whole")
    first, _ = train(2, "first")
    rest, files = train(2, "rest", start=str(tmp_path / "first" / "rank-0"))
    assert first + rest == losses_of_whole
    assert files == files_of_whole


@pytest.mark.parametrize("size", [2, 3])
def test_an_evaluation_gives_the_same_metrics_and_files_for_any_number_of_workers(
    servers: Any, network: Network, tmp_path: Path, size: int
) -> None:
    config = network()
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    (alone,) = TASK.start(config, 0).evaluate([config], [tmp_path / "one"])
    metrics, *others = servers.results("evaluate", size, task="rcf", config=config, folder=str(tmp_path / "many"))
    assert metrics == json.loads(json.dumps(dict(alone.metrics)))
    assert files_below(tmp_path / "many") == files_below(tmp_path / "one")
    assert {"results.json", "pairs.parquet", "objects.parquet"} < set(files_below(tmp_path / "one"))
    assert others == [None] * (size - 1)
