"""The toy task: two parameters walk to a line under seeded noise. The whole platform in seconds, without torch.

    (slope, offset) --gradient on noisy points, momentum--> ... --evaluate--> distance of each video to the line

It is deterministic to the bit, resumes exactly, and fails on demand (`training.raise_at`, `training.nan_at`). With many
ranks each takes its share of the points of a step, and of the videos.
"""

import hashlib
import json
import math
import os
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcf.errors import CheckpointError, NonFiniteLossError, Problem
from rcf.seeding import stream
from rcf.train.ranks import SINGLE, Ranks
from rcflab.records import Json
from rcflab.task import EvalResult, Records, Resampling, Schedule, TaskSpec
from rcflab.toy_config import BATCH, ToyConfig

_TARGET = np.array([2.0, -1.0])
"""Slope and offset of the line that the walk should find."""


def _points(config: ToyConfig) -> NDArray[np.float64]:
    """Positions on the line, one a video: (videos,)."""
    return stream(config.data.seed, "toy-points").uniform(-1, 1, size=config.data.videos)


class ToyTraining:
    """One walk; see rcflab.task.Training."""

    def __init__(self, config: ToyConfig, seed: int, ranks: Ranks = SINGLE) -> None:
        start = np.array([config.model.slope, config.model.offset])
        self._config, self._seed, self._ranks, self._step = config, seed, ranks, 0
        self._weights = start + config.training.noise * stream(seed, "init").normal(size=2)
        self._memory = np.zeros((config.model.memory, 2))

    @property
    def step(self) -> int:
        """Finished steps."""
        return self._step

    def advance(self) -> Mapping[str, float]:
        """One gradient step on a noisy batch; fails where the config asks, a loss that is not finite on all ranks."""
        training, step = self._config.training, self._step + 1
        time.sleep(training.step_ms / 1000)
        if self._ranks.rank == self._ranks.size - 1:
            self._fail_on_demand(step)
        random = stream(self._seed, "data", step)
        basis = np.stack([random.uniform(-1, 1, size=BATCH), np.ones(BATCH)], axis=1)
        error = basis @ (self._weights - _TARGET) + training.noise * random.normal(size=BATCH)
        share = BATCH // self._ranks.size
        mine = slice(self._ranks.rank * share, (self._ranks.rank + 1) * share)
        slope, offset = 2 * basis[mine].T @ error[mine] / BATCH
        sums = self._ranks.total([float(np.sum(error[mine] ** 2)) / BATCH, float(slope), float(offset)])
        loss = math.nan if step == training.nan_at else sums[0]
        if not math.isfinite(loss):
            raise NonFiniteLossError(step, "train/loss", loss)
        self._weights = self._weights - training.lr * self._direction(np.array(sums[1:]))
        self._step = step
        return {"train/loss": loss, "train/lr": training.lr}

    def _fail_on_demand(self, step: int) -> None:
        training = self._config.training
        if step == training.raise_at:
            raise RuntimeError(f"the toy training raises at step {step}, as training.raise_at asks")
        if step == training.starve_at:
            raise MemoryError(f"the toy training has no memory at step {step}, as training.starve_at asks")
        if step == training.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _direction(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(self._memory):
            return gradient
        decays = self._config.model.decay ** np.arange(1, len(self._memory) + 1)
        direction = gradient + decays @ self._memory
        self._memory = np.concatenate([gradient[None], self._memory[:-1]])
        return direction

    def save(self, folder: Path) -> None:
        """weights.npy (2,), state.json, and for the resume only momentum.npy (memory, 2)."""
        np.save(folder / "weights.npy", self._weights)
        np.save(folder / "momentum.npy", self._memory)
        (folder / "state.json").write_text(json.dumps({"step": self._step}))

    def restore(self, folder: Path) -> None:
        """Continue from `folder`; without momentum.npy the walk can be evaluated but not continued."""
        self._step = int(json.loads((folder / "state.json").read_text())["step"])
        self._weights = np.load(folder / "weights.npy")
        if (folder / "momentum.npy").exists():
            self._memory = np.load(folder / "momentum.npy")
        elif self._step < self._config.training.steps:
            raise CheckpointError(f"{folder} has no momentum.npy: it was slimmed, yet training is not at its end")

    def evaluate(self, configs: Sequence[Mapping[str, Json]], folders: Sequence[Path]) -> list[EvalResult]:
        """Distance of each video's point to the line; writes results.json."""
        return [self._evaluate(config, folder) for config, folder in zip(configs, folders, strict=True)]

    def _evaluate(self, config: Mapping[str, Json], artifacts: Path) -> EvalResult:
        parsed = ToyConfig.model_validate(config)
        points = _points(parsed)
        records = {"distance": self._distances(points), "threshold": np.array(parsed.evaluation.threshold)}
        results = artifacts / "results.json"
        results.write_text(json.dumps({"distance": records["distance"].tolist()}))
        digest = hashlib.sha256(points.tobytes()).hexdigest()
        return EvalResult(_metrics(records), records, digest, (results,))

    def assist(self, configs: Sequence[Mapping[str, Json]]) -> None:
        """This rank's videos."""
        for config in configs:
            self._distances(_points(ToyConfig.model_validate(config)))

    def _distances(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of all videos: (videos,); each rank computes every size-th of them."""
        slope, offset = self._weights - _TARGET
        size = self._ranks.size
        found = np.empty_like(points)
        for rank, part in enumerate(self._ranks.gather(np.abs(points[self._ranks.rank :: size] * slope + offset))):
            found[rank::size] = part
        return found


def _metrics(records: Records) -> Mapping[str, float]:
    """Mean distance, and a score of 100 at distance 0 that falls with distance / threshold."""
    return {key: float(np.average(each)) for key, each in _scores(records).items()}


def _resampled(
    records: Records, video_weights: NDArray[np.float64], wanted: Collection[str]
) -> Mapping[str, NDArray[np.float64]]:
    """The same for each column of weights (V, B): (B,) by metric, for those of `wanted`."""
    scores = {key: each for key, each in _scores(records).items() if key in wanted}
    return {key: each @ video_weights / video_weights.sum(axis=0) for key, each in scores.items()}


def _scores(records: Records) -> dict[str, NDArray[np.float64]]:
    """What each video adds to each metric: (V,)."""
    distance = np.asarray(records["distance"], dtype=np.float64)
    return {"toy/score": 100 * np.exp(-distance / float(records["threshold"])), "toy/distance": distance}


def _schedule(config: Mapping[str, Json]) -> Schedule:
    training = ToyConfig.model_validate(config).training
    return Schedule(training.steps, training.log_every, training.checkpoint_every, training.evaluate_every)


def _start(config: Mapping[str, Json], seed: int, ranks: Ranks = SINGLE) -> ToyTraining:
    return ToyTraining(ToyConfig.model_validate(config), seed, ranks)


def _check(config: Mapping[str, Json]) -> Sequence[Problem]:
    """The toy task needs no files: nothing can be missing."""
    ToyConfig.model_validate(config)
    return ()


def _prepare(config: Mapping[str, Json]) -> None:
    """The points are made from their seed in memory: nothing to write."""


def _load(folder: Path) -> NDArray[np.float64]:
    """Slope and offset: (2,)."""
    return np.asarray(np.load(folder / "weights.npy"), dtype=np.float64)


TASK = TaskSpec(
    name="toy",
    schedule=_schedule,
    start=_start,
    check=_check,
    prepare=_prepare,
    resume_files=("momentum.npy",),
    best="toy/score",
    load=_load,
)

RESAMPLING = Resampling(
    known=("toy/score", "toy/distance"),
    videos=lambda records: int(records["distance"].size),
    metrics=_resampled,
    modules=("rcflab.stats.resamples", "rcflab.toy_task"),
    groups=("toy",),
)
