"""Each distinct arm at small size: one step of training, backward included, and a stream of frames."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from rcf.checkpoint import load_network
from rcf.streaming import OnlineSegmenter
from rcflab.rcf_task import TASK


@pytest.fixture
def config(small_arm: dict[str, Any], clips: Path) -> dict[str, Any]:
    """The arm on the small clips."""
    data = {"kind": "ytvis", "root": str(clips), "train_split": "train", "val_split": "val"}
    return {**small_arm, "data": data}


def test_an_arm_takes_a_training_step_and_segments_a_stream(config: dict[str, Any], tmp_path: Path) -> None:
    training = TASK.start(config, 0)
    metrics = training.advance()  # raises where the loss or the gradient is not finite
    assert all(math.isfinite(value) for value in metrics.values())
    training.save(tmp_path)
    network, known, _ = load_network(tmp_path)
    learned = {name for name, weight in network.named_parameters() if weight.requires_grad}
    with safe_open(tmp_path / "optimizer.safetensors", "pt") as file:
        names: list[str] = list(file.keys())
        reached = {name.removeprefix("exp_avg/") for name in names if name.startswith("exp_avg/")}
    assert learned - reached == set(), "weights that no gradient reaches"
    segmenter = OnlineSegmenter(network, known.input, known.evaluation)
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        frame = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=generator)
        found = segmenter.push(frame)
        assert found.class_probabilities.isfinite().all()
        assert found.masks.shape[-2:] == (64, 96)
