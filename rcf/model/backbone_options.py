"""Which parts of a backbone learn, and what is kept for their backward pass.

stages:  stem | -> map 4 | -> map 8 | -> map 16 | -> map 32        frozen from the input on
blocks:  x --block--> y, activations inside thrown away and computed again in the backward pass
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Protocol, cast

import torch
from timm.models import group_parameters
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType]

from rcf.errors import InputError, Problem
from rcf.model.backbone_body import PyramidBody


class _Grouped(Protocol):
    def group_matcher(self, coarse: bool) -> dict[str, Any]: ...


def batch_norms(module: nn.Module) -> list[nn.BatchNorm2d | nn.SyncBatchNorm]:
    """All batch norms in `module`, also those that share their statistics over ranks."""
    return [each for each in module.modules() if isinstance(each, nn.BatchNorm2d | nn.SyncBatchNorm)]


def stage_names(body: PyramidBody) -> list[list[str]]:
    """Names of the network's parameters in five parts: the stem, and what leads from there to each of the four maps.

    What the body puts on top of the network (norms, the pyramid of a plain transformer) is in none of them.
    Raises InputError where timm does not tell the parts of this network apart.
    """
    network = body.network
    layers = group_parameters(network, cast(_Grouped, network).group_matcher(coarse=True), reverse=True)
    ends = [max((layers[name] for name in layers if name.startswith(f"{end}.")), default=0) for end in body.stage_ends]
    if not 0 < ends[0] < ends[1] < ends[2] < ends[3]:
        got = f"a network whose maps leave layers {ends}"
        raise InputError([_problem("frozen_stages", got, "0: the parts of this network are not told apart")])
    stages: list[list[str]] = [[], [], [], [], []]
    for name, layer in layers.items():
        # Tokens and positions belong to the network itself and enter with the patches.
        stem = layer == 0 or "." not in name
        stages[0 if stem else 1 + min(3, sum(layer > end for end in ends))].append(name)
    return stages


def freeze_stages(body: PyramidBody, count: int) -> list[nn.Module]:
    """Stop the first `count` parts from learning; returns the modules that must stay in evaluation mode for that."""
    if count == 0:
        return []
    names = {name for stage in stage_names(body)[:count] for name in stage}
    frozen = [parameter for name, parameter in body.network.named_parameters() if name in names]
    for parameter in frozen:
        parameter.requires_grad_(False)
    return _made_of(body.network, {id(parameter) for parameter in frozen})


def _made_of(module: nn.Module, parameters: set[int]) -> list[nn.Module]:
    """The largest modules all of whose parameters are among these."""
    own = {id(parameter) for parameter in module.parameters()}
    if own and own <= parameters:
        return [module]
    return [found for child in module.children() for found in _made_of(child, parameters)]


def checkpoint_blocks(body: PyramidBody) -> None:
    """Keep only the inputs of the network's blocks for the backward pass. Raises InputError where it has none."""
    blocks = [block for chain in _chains(body.network) for block in chain.children()]
    if not blocks:
        got = "true for a network without chains of blocks"
        raise InputError([_problem("gradient_checkpointing", got, "false, or another network")])
    for block in blocks:
        # On the object: a module around the block would change the names of its tensors.
        block.forward = partial(_forget_activations, block)


def _chains(module: nn.Module) -> list[nn.Module]:
    """The innermost containers of modules that have parts themselves: Bottleneck, ConvNeXtBlock, Block, ..."""
    inner = [chain for child in module.children() for chain in _chains(child)]
    if inner or not isinstance(module, nn.Sequential | nn.ModuleList):
        return inner
    parts = list(module.children())
    composed = bool(parts) and all(any(len(list(part.parameters())) for part in block.children()) for block in parts)
    return [module] if composed else []


def _forget_activations(block: nn.Module, *inputs: Tensor, **others: object) -> Tensor:
    run = cast(Callable[..., Tensor], partial(type(block).forward, block, **others))
    if not (block.training and torch.is_grad_enabled()):
        return run(*inputs)
    if any(norm.training for norm in batch_norms(block)):
        return _checkpoint_outside_graphs(run, *inputs, use_reentrant=False, context_fn=partial(_contexts, block))
    return checkpoint(run, *inputs, use_reentrant=False)


# The compiler does not know contexts of checkpoints: such blocks stay out of its graphs.
_checkpoint_outside_graphs = cast(Callable[..., Tensor], torch.compiler.disable(checkpoint))  # pyright: ignore[reportUnknownMemberType]


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _same_statistics(block)


@contextmanager
def _same_statistics(block: nn.Module) -> Generator[None]:
    """The second computation of a batch must not enter the running statistics a second time."""
    norms = batch_norms(block)
    momenta = [norm.momentum for norm in norms]
    counts = [None if norm.num_batches_tracked is None else norm.num_batches_tracked.clone() for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, count in zip(norms, momenta, counts, strict=True):
            norm.momentum = momentum
            if count is not None and norm.num_batches_tracked is not None:
                norm.num_batches_tracked.copy_(count)


def _problem(field: str, got: str, wanted: str) -> Problem:
    return Problem("configuration", f"model.backbone.{field}", got, wanted)
