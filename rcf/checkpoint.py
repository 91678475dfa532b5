"""Weights and optimiser state as safetensors, everything else as JSON: no pickle, so a checkpoint cannot run code.

    Trainer --save--> weights.safetensors, optimizer.safetensors, state.json --restore--> Trainer, bit for bit
                      average.safetensors where a running average is kept
                      weights.safetensors + state.json --load_network--> RCF for inference

Atomic replacement and checksums belong to whoever owns the folder; these functions fill and read it.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError
from torch import Tensor

from rcf.checkpoint_files import AVERAGE, OPTIMIZER, STATE, WEIGHTS, weights_file
from rcf.config import ModelConfig, RcfConfig
from rcf.errors import CheckpointError
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.tensors import load_tensors, save_tensors, state_of
from rcf.train.step import Trainer


def save(trainer: Trainer, categories: tuple[str, ...], folder: Path) -> None:
    """Write all that `restore` needs into the existing `folder`."""
    save_tensors(state_of(trainer.network), folder / WEIGHTS)
    save_tensors(trainer.optimizer_tensors(), folder / OPTIMIZER)
    if trainer.average is not None:
        save_tensors(state_of(trainer.average.network), folder / AVERAGE)
    state = SavedState(
        step=trainer.step,
        skipped=trainer.skipped,
        seed=trainer.seed,
        categories=categories,
        config=trainer.config.model_dump(mode="json"),
    )
    (folder / STATE).write_text(json.dumps(state.model_dump(mode="json"), indent=1, sort_keys=True) + "\n")


def restore(trainer: Trainer, folder: Path) -> None:
    """Continue `trainer` from `folder`. Raises CheckpointError where it was made by another seed or network."""
    state = read_state(folder)
    if state.seed != trainer.seed:
        raise CheckpointError(f"{folder}: got seed {state.seed}, expected {trainer.seed}")
    _fill(trainer.network, load_tensors(folder / WEIGHTS), folder)
    if trainer.average is not None:
        _fill(trainer.average.network, load_tensors(folder / AVERAGE), folder)
        trainer.average.resumed()
    trainer.step, trainer.skipped = state.step, state.skipped
    if (folder / OPTIMIZER).exists():
        trainer.load_optimizer_tensors(load_tensors(folder / OPTIMIZER))
    elif trainer.step < trainer.config.training.steps:
        raise CheckpointError(f"{folder}: {OPTIMIZER} is gone, so training cannot go on from step {trainer.step}")


def load_network(folder: Path, weights: Path | None = None) -> tuple[RCF, RcfConfig, tuple[str, ...]]:
    """A trained network in evaluation mode, its configuration and the names of its categories.

    With the tensors of `weights`; without it the running average, where the training kept one. Raises CheckpointError.
    """
    state = read_state(folder)
    config = RcfConfig.model_validate(state.config)
    network = build_network(without_weights(config.model), len(state.categories), seed=0)
    path = weights or weights_file(folder)
    try:
        tensors = load_tensors(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}). Choose another checkpoint") from error
    _fill(network, tensors, folder)
    return network, config, state.categories


def without_weights(model: ModelConfig) -> ModelConfig:
    """`model` whose backbone and audio part ask for no weights of their own: a checkpoint overwrites them at once."""
    parts = {"backbone": model.backbone, "audio": model.audio}
    return model.model_copy(update={name: part.model_copy(update={"weights": "none"}) for name, part in parts.items()})


class SavedState(BaseModel):
    """What is not a tensor."""

    model_config = ConfigDict(frozen=True, strict=True)

    format: Literal[1] = 1
    step: int
    seed: int
    categories: Annotated[tuple[str, ...], Field(strict=False)]
    config: dict[str, dict[str, Any]]
    """As it was when the checkpoint was made: other versions know other fields."""
    skipped: int = 0

    @field_validator("config")
    @classmethod
    def _has_a_model(cls, config: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if "model" not in config:
            raise ValueError(f"got sections {', '.join(config) or 'none'}, expected one called model")
        return config


def read_state(folder: Path) -> SavedState:
    """Step, seed, categories and configuration of the checkpoint in `folder`. Raises CheckpointError."""
    path = folder / STATE
    try:
        return SavedState.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error}). Choose another checkpoint") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise CheckpointError(f"{path}: {place} is damaged ({first['msg']}). Choose another checkpoint") from error


def _fill(network: RCF, tensors: dict[str, Tensor], folder: Path) -> None:
    wanted = state_of(network)
    wrong = [name for name in wanted if name not in tensors or tensors[name].shape != wanted[name].shape]
    wrong += [name for name in tensors if name not in wanted]
    if wrong:
        raise CheckpointError(
            f"{folder}: {len(wrong)} of {len(wanted)} tensors do not fit this network, first: {', '.join(wrong[:3])}. "
            "Use the model section of the configuration that it was trained with"
        )
    # Copied, not assigned: the network keeps its own memory format (channels_last).
    with torch.no_grad():
        for name, value in wanted.items():
            value.copy_(tensors[name])
