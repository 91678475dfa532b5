"""Peak memory of a training with R = 0 .. 5 reference frames, each in a process of its own.

    python benchmarks/training_memory.py [--setting 0|1] [--steps N] [--threads N]

The budget of the project: references cost at most their own activations. Those are measured as what the bare backbone
needs for so many frames more, forward and backward. Two ways of counting: the peak of resident memory (what an
operating system would refuse), and the bytes that autograd keeps for the backward pass (exact, no allocator in it).
Setting 0 is EfficientNet-Lite0 with width 128, setting 1 ResNet-50 at the paper's widths; four clips at 256 x 144.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch
from _timing import options
from _training import SETTINGS, recipe, start, synthetic_set, with_references

from rcf.config import SyntheticConfig
from rcf.train.step import Trainer

MEGABYTE = 2**20
REFERENCES = range(6)


def _saved(run: Callable[[], object], weights: set[int]) -> float:
    """Megabytes that autograd keeps while `run` goes on, weights and what shares their memory left out."""
    storages: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)
        return tensor

    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(storages.values()) / MEGABYTE


def _resident() -> float:
    """Largest resident memory of this process so far, megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forward(trainer: Trainer, *, bare: bool) -> torch.Tensor:
    """Something whose backward pass goes through all of the network, or of its backbone."""
    batch = trainer._loader.get(0)
    if bare:
        return torch.stack([level.sum() for level in trainer.network.backbone(batch.frames.flatten(0, 1))]).sum()
    whole = trainer._counts(batch)
    return trainer._part_loss(batch, whole).total


def measure(setting: int, references: int, data: SyntheticConfig, *, bare: bool, steps: int) -> dict[str, float]:
    """Megabytes of one process."""
    label = list(SETTINGS)[setting]
    trainer = start(recipe(with_references(SETTINGS[label], references), data))
    trainer.network.train()
    weights = {weight.untyped_storage().data_ptr() for weight in trainer.network.parameters()}
    saved = _saved(lambda: _forward(trainer, bare=bare), weights)
    for _ in range(steps):
        if bare:
            _forward(trainer, bare=True).backward()
        else:
            trainer.advance()
    return {"saved": saved, "peak": _resident()}


def _in_a_process(chosen: Any, references: int, data: SyntheticConfig, *, bare: bool) -> dict[str, float]:
    given = {"references": references, "data": data.model_dump(mode="json"), "bare": bare}
    command = [sys.executable, __file__, "--child", json.dumps(given), "--setting", str(chosen.setting)]
    command += ["--steps", str(chosen.steps), "--threads", str(chosen.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the curve, or as a child its one point."""
    chosen = options(__doc__, setting=0, steps=3, child="")
    if chosen.child:
        given = json.loads(chosen.child)
        data = SyntheticConfig.model_validate(given["data"])
        found = measure(chosen.setting, given["references"], data, bare=given["bare"], steps=chosen.steps)
        json.dump(found, sys.stdout)
        return
    print(f"benchmark training_memory: {list(SETTINGS)[chosen.setting]}, 4 clips of R + 1 frames, 256 x 144")
    points: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with synthetic_set(clips=4) as data:
        for references in REFERENCES:
            for bare, curve in points.items():
                curve.append(_in_a_process(chosen, references, data, bare=bare))
            training, backbone = (points[bare][-1] for bare in (False, True))
            print(
                f"benchmark training_memory: R = {references}: peak {training['peak']:.0f} MB, kept for the backward "
                f"pass {training['saved']:.0f} MB; bare backbone {backbone['peak']:.0f} and {backbone['saved']:.0f} MB"
            )
    for name, key in (("peak", "peak"), ("kept for the backward pass", "saved")):
        grown, frames = (points[bare][-1][key] - points[bare][0][key] for bare in (False, True))
        print(
            f"benchmark training_memory: {name}: five references add {grown:.0f} MB to a training, "
            f"{frames:.0f} MB to the bare backbone; ratio {grown / frames:.2f} (limit 1.0)"
        )


if __name__ == "__main__":
    main()
