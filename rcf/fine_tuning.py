"""Start a training from the weights of another one, whose categories may be others.

    checkpoint --fits?--> all tensors but the class head --copied--> network
               --rows of equal category names, and that of "empty" --copied--> class head; other rows stay fresh

Another architecture is refused: its tensors are named, and the fields of the configuration that differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from rcf.checkpoint import read_state, without_weights
from rcf.checkpoint_files import find_checkpoint, weights_file
from rcf.config import ModelConfig
from rcf.errors import CheckpointError, InputError, Problem
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.model_fields import Difference, differences, that_matter
from rcf.tensors import load_tensors, state_of

_CLASS_HEAD = "head.classes."
_SAME_SHAPES = ("encoder.heads", "decoder.heads")
"""Fields under which equal tensors are another function: the same rows would be dealt out to other heads."""


@dataclass(frozen=True, slots=True)
class StartReport:
    """What became of the class head; everything else was loaded."""

    checkpoint: Path
    kept: tuple[str, ...]
    """Categories whose row was loaded."""
    fresh: tuple[str, ...]
    """Categories that the checkpoint does not know: their rows are random."""
    dropped: tuple[str, ...]
    """Categories of the checkpoint that nobody asks for any more."""
    changed: tuple[Difference, ...]
    """Fields of the model that are not as they were there, although every tensor fits."""


def start_from(network: RCF, folder: Path, categories: Sequence[str], model: ModelConfig) -> StartReport:
    """Load the weights of the checkpoint in `folder` (or of the cell that it keeps) into `network`.

    `categories` are the names behind the network's classes, `model` what it was built from. Raises
    rcf.errors.InputError where there is no checkpoint, CheckpointError where it is of another architecture.
    """
    checkpoint, theirs, tensors, changed = _open(network, folder, model)
    ours = tuple(categories)
    wanted = state_of(network)
    rows = _rows(theirs, ours)
    # Copied, not assigned: the network keeps its own memory format (channels_last).
    with torch.no_grad():
        for name, value in wanted.items():
            if not name.startswith(_CLASS_HEAD):
                value.copy_(tensors[name])
                continue
            for mine, their in rows:
                value[mine].copy_(tensors[name][their])
    return StartReport(
        checkpoint,
        kept=tuple(name for name in ours if name in theirs),
        fresh=tuple(name for name in ours if name not in theirs),
        dropped=tuple(name for name in theirs if name not in ours),
        changed=tuple(changed),
    )


def start_problems(folder: Path, model: ModelConfig) -> list[Problem]:
    """Why `start_from` would refuse a network of `model`; computes nothing."""
    try:
        _open(_bare(model), folder, model)
    except InputError as error:
        return list(error.problems)
    except CheckpointError as error:
        return [Problem(str(folder), "training.start_from", str(error), "a checkpoint of this network")]
    return []


def _bare(model: ModelConfig) -> RCF:
    """The network of `model` without memory behind its tensors."""
    with torch.device("meta"):
        return build_network(without_weights(model), categories=1, seed=0)


def _open(
    network: RCF, folder: Path, model: ModelConfig
) -> tuple[Path, tuple[str, ...], dict[str, Tensor], list[Difference]]:
    """The checkpoint, its categories, its tensors, which fit `network` but for the rows of the class head, and fields
    of its model that are other than here."""
    checkpoint = find_checkpoint(folder)
    state = read_state(checkpoint)
    try:
        tensors = load_tensors(weights_file(checkpoint))
    except SafetensorError as error:
        raise CheckpointError(f"{weights_file(checkpoint)}: damaged ({error}). Choose another checkpoint") from error
    found = differences(state.config["model"], model)
    rows = len(state.categories) + 1
    if unlike := _misfits(network, tensors, rows):
        fields = that_matter(found, model, lambda other: len(_misfits(_bare(other), tensors, rows)))
        raise CheckpointError(_unlike(checkpoint, unlike, len(state_of(network)), fields))
    if other := [each for each in found if each.path in _SAME_SHAPES]:
        given = "; ".join(map(str, other))
        raise CheckpointError(f"{checkpoint}: its tensors fit, but mean something else. Set as it is there ({given})")
    return checkpoint, tuple(state.categories), tensors, found


def _misfits(network: RCF, tensors: Mapping[str, Tensor], rows: int) -> list[str]:
    """Tensors of either side that have no counterpart; `rows` are those of the checkpoint's class head."""
    wanted = state_of(network)
    unlike = [name for name in wanted if name not in tensors or not _fits(name, tensors[name], wanted[name])]
    unlike += [name for name in tensors if name not in wanted]
    return unlike + [name for name in tensors if name.startswith(_CLASS_HEAD) and tensors[name].shape[0] != rows]


def _fits(name: str, theirs: Tensor, ours: Tensor) -> bool:
    if name.startswith(_CLASS_HEAD):
        return theirs.shape[1:] == ours.shape[1:]
    return theirs.shape == ours.shape


def _rows(theirs: Sequence[str], ours: Sequence[str]) -> list[tuple[int, int]]:
    """(our row, their row) of the class head; the last one is "empty" in both."""
    known = {name: row for row, name in enumerate(theirs)}
    rows = [(row, known[name]) for row, name in enumerate(ours) if name in known]
    return [*rows, (len(ours), len(theirs))]


def _unlike(checkpoint: Path, names: list[str], count: int, fields: Sequence[Difference]) -> str:
    given = "; ".join(map(str, fields))
    hint = f"Set these as they are there ({given})" if fields else "Its model section is equal: it is damaged"
    return (
        f"{checkpoint}: {len(names)} of {count} tensors are not those of this network, first: {', '.join(names[:3])}. "
        f"{hint}, or choose another training.start_from"
    )
