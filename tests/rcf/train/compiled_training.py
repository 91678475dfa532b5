"""Run by test_precision.py in a process without shape checks, which torch.compile cannot trace.

FOLDER --> two trainings of two steps, one of them compiled --> their losses and the names of their weights, as JSON

Traced only (backend "eager"): machine code takes a minute of CPU and is torch's matter.
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch

from rcf.config import (
    AttentionConfig,
    BackboneConfig,
    MaskConfig,
    ModelConfig,
    RcfConfig,
    SyntheticConfig,
    TrainingConfig,
)
from rcf.data.annotations import load_annotations
from rcf.data.layout import find_split
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.model import build_network
from rcf.tensors import state_of
from rcf.train.step import Trainer


def main(folder: Path) -> None:
    """Print what both trainings did."""
    torch.set_num_threads(1)
    traced: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        traced.append(str(len(graph.graph.nodes)))
        return graph.forward

    setattr(torch, "compile", partial(torch.compile, backend=backend))  # noqa: B010  a test's own
    write_synthetic(folder, SyntheticConfig(train_clips=2, val_clips=1, frames=2))
    annotations, frames = find_split(folder, "train")
    clips = VideoDataset(load_annotations(annotations, frames), frames, 64, 96)
    layers = AttentionConfig(layers=1, heads=2, feedforward=32, dropout=0.0)
    small = MaskConfig(fpn_width=16, filter_width=8)
    backbone = BackboneConfig(name="test_efficientnet")
    model = ModelConfig(backbone=backbone, width=16, encoder=layers, decoder=layers, queries=5, mask=small)
    found: dict[str, object] = {}
    for compiled in (False, True):
        training = TrainingConfig(steps=2, clips_per_step=2, compile=compiled)
        trainer = Trainer(build_network(model, 3, seed=0), clips, RcfConfig(model=model, training=training), seed=0)
        losses = [trainer.advance()["train/loss"] for _ in range(2)]
        found[str(compiled)] = {"losses": losses, "names": sorted(state_of(trainer.network)), "graphs": len(traced)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
