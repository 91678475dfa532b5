"""Training step of RCF against forward and backward of its bare backbone on the same frames.

    python benchmarks/training_step.py [--repeats N] [--threads N]

Four clips of one target and one reference at 256 x 144. A step is all but the loading: forward, matching, loss,
backward, clipping, AdamW. Budgets of the project: 1.25 times the bare backbone with EfficientNet-Lite0 and width 128
(2 + 2 layers, mask and FPN width 64), 1.7 times with ResNet-50 at the paper's widths; matching and loss, with their
part of the backward pass, at most 10 % of the step; waiting for data at most 5 % of it, on a synthetic set and, where
RCF_SHARED names the shared folder, on RCF_SHARED/data/stamps-avis: as it is, and with the crops, colours and pasted
objects of experiments/base/video.yaml. What mask terms on fewer cells would save is measured beside the step.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from _timing import Clock, interleaved, options, versus
from _training import AUGMENT, LIMITS, LOSS, NARROW, SETTINGS, recipe, start, synthetic_set

from rcf.config import RcfConfig, SyntheticConfig, YoutubeVisConfig
from rcf.structures import ClipBatch
from rcf.train.step import Trainer


class WatchedLoss:
    """The loss, with the CPU time of its forward pass, and of its backward pass until the network's own begins."""

    def __init__(self, loss: Callable[..., Any], clock: Clock) -> None:
        self._loss, self._clock, self._began = loss, clock, 0.0

    def __call__(self, answer: Any, *arguments: Any, **named: Any) -> Any:
        with self._clock.inside("matching and loss"):
            loss = self._loss(answer, *arguments, **named)
        waiting = {"classes", "masks"}

        def began(_: torch.Tensor) -> None:
            self._began = time.process_time()

        def reached(_: torch.Tensor, name: str) -> None:
            waiting.discard(name)
            if not waiting:
                self._clock.spent["matching and loss"] += 1e3 * (time.process_time() - self._began)

        loss.total.register_hook(began)
        answer.classes.register_hook(partial(reached, name="classes"))
        answer.masks.register_hook(partial(reached, name="masks"))
        return loss


def _backbone_alone(trainer: Trainer, batch: ClipBatch) -> None:
    """Forward and backward of the backbone over all frames of the batch."""
    maps = trainer.network.backbone(batch.frames.flatten(0, 1))
    torch.autograd.backward(list(maps), [torch.ones_like(level) for level in maps])
    trainer.network.zero_grad(set_to_none=True)


def _against_backbone(label: str, data: SyntheticConfig, repeats: int) -> None:
    trainer, clock = start(recipe(SETTINGS[label], data)), Clock()
    trainer.network.train()
    # Loading is the other half of this benchmark: here the batches are ready.
    batches = [trainer._loader.get(step) for step in range(4)]
    trainer._sample = cycle(batches).__next__
    trainer._loss = WatchedLoss(trainer._loss, clock)
    clock.on(trainer, "_update", "clipping and AdamW")
    clock.on(trainer, "advance", "step")
    found = interleaved({"backbone": partial(_backbone_alone, trainer, batches[0]), "step": trainer.advance}, repeats)
    step, bare = found["step"], found["backbone"]
    shares = {
        name: 100 * clock.spent[name] / clock.spent["step"] for name in ("matching and loss", "clipping and AdamW")
    }
    print(
        f"benchmark training_step: {label}: step {step.wall:.0f} ms, backbone {bare.wall:.0f} ms wall; "
        f"ratio {versus(step, bare)} (limit {LIMITS[label]}); "
        + ", ".join(f"{name} {share:.1f} %" for name, share in shares.items())
        + " of the step's CPU time (limit of the loss 10 %)"
    )


def _waiting(label: str, config: RcfConfig, steps: int) -> None:
    """Share of the time that a training waits for data: as it starts, and when all frames have been seen once."""
    trainer = start(config)
    waits = [trainer.advance()["time/data_wait_pct"] for _ in range(steps)]
    half = len(waits) // 2
    print(
        f"benchmark training_step: waiting for data on {label}: {statistics.fmean(waits[:half]):.1f} % of the time in "
        f"the first {half} steps, {statistics.fmean(waits[half:]):.1f} % in the next {len(waits) - half} (limit 5 %)"
    )


def _mask_terms(label: str, data: SyntheticConfig, repeats: int) -> None:
    """The step with the mask terms on all cells, on some and on coarser ones, one after the other."""
    losses = {
        "all cells": LOSS,
        "1,024 random cells": LOSS.model_copy(update={"mask_points": 1024}),
        "cells of stride 8": LOSS.model_copy(update={"mask_stride": 8}),
    }
    trainers = {name: start(recipe(SETTINGS[label], data, loss=loss)) for name, loss in losses.items()}
    found = interleaved({name: trainer.advance for name, trainer in trainers.items()}, repeats)
    whole, *others = found.items()
    ratios = ", ".join(f"{name} {versus(times, whole[1])}" for name, times in others)
    print(f"benchmark training_step: {label}: mask terms against those on {whole[0]}, whole step: {ratios}")


def main() -> None:
    """Print the ratios and shares."""
    chosen = options(__doc__, repeats=9, steps=60)
    print(f"benchmark training_step: 4 clips of 1 + 1 frames, 256 x 144, {chosen.threads} threads")
    with synthetic_set() as data:
        for label in SETTINGS:
            _against_backbone(label, data, chosen.repeats)
        _mask_terms(next(iter(SETTINGS)), data, chosen.repeats)
        _waiting("the synthetic set", recipe(NARROW, data), chosen.steps)
    shared = os.environ.get("RCF_SHARED")
    if shared is None:
        print("benchmark training_step: RCF_SHARED is not set: no stamps-avis here")
        return
    video = YoutubeVisConfig(root=str(Path(shared) / "data" / "stamps-avis"))
    _waiting("stamps-avis", recipe(NARROW, video), chosen.steps)
    _waiting("stamps-avis, changed and pasted", recipe(NARROW, video, augment=AUGMENT), chosen.steps)


if __name__ == "__main__":
    main()
