"""A task whose result depends on all that a predecessor may leave in a process, and that is careless on demand.

It draws from the global generators, computes in the default dtype and reads the environment: what no real task should
do, so that whatever leaks shows in its weights.
"""

import json
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rcf.train.ranks import SINGLE, Ranks
from rcflab.task import EvalResult, Schedule, TaskSpec


class Sensitive:
    """Five steps of random products."""

    def __init__(self, config: Mapping[str, Any], seed: int, ranks: Ranks = SINGLE) -> None:
        self._config, self.step = config, 0
        self.weights = torch.randn(64, 64)

    def advance(self) -> Mapping[str, float]:
        self.step += 1
        noise = torch.randn(64, 64) * random.random() * float(np.random.rand())
        self.weights = (self.weights @ self.weights).softmax(dim=1) + noise + 1e-40
        if self._config["dirty"] and self.step == 5:
            _make_a_mess()
        return {"train/loss": float(self.weights.sum())}

    def save(self, folder: Path) -> None:
        state = [torch.get_num_threads(), str(self.weights.dtype), os.environ.get("RCFLAB_LEFT_BEHIND", "")]
        np.save(folder / "weights.npy", self.weights.numpy())
        (folder / "state.json").write_text(json.dumps([self.step, *state, Path.cwd().name == "elsewhere"]))

    def restore(self, folder: Path) -> None:
        self.step = json.loads((folder / "state.json").read_text())[0]
        self.weights = torch.from_numpy(np.load(folder / "weights.npy"))

    def evaluate(self, configs: Sequence[Mapping[str, Any]], folders: Sequence[Path]) -> list[EvalResult]:
        return [EvalResult({"toy/score": 1.0}, {"score": np.ones(1)}, "same") for _ in configs]

    def assist(self, configs: Sequence[Mapping[str, Any]]) -> None:
        raise AssertionError("it is trained by one process")


def _make_a_mess() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(True)
    torch.set_autocast_enabled("cpu", True)
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    os.environ["RCFLAB_LEFT_BEHIND"] = "1"
    elsewhere = Path("elsewhere").resolve()
    elsewhere.mkdir(exist_ok=True)
    os.chdir(elsewhere)


TASK = TaskSpec(
    name="sensitive",
    schedule=lambda config: Schedule(steps=5, log_every=1, checkpoint_every=0, evaluate_every=0),
    start=Sensitive,
    check=lambda config: (),
    prepare=lambda config: None,
    resume_files=(),
    best="toy/score",
    load=lambda folder: None,
)
