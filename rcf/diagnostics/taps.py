"""Taps: what parts of a network were given and gave in its passes, seen from outside; the network has no switch for it.

    with tapped(network, names) as calls:                hooks on the named modules, gone at the end of the block
        network(...)
    calls[name] --> Call(inputs, options, output), ...   one a pass, in order
        --attention_weights--> N heads rows L            an attention does not keep its weights: they are computed again
        --pixel_weight-------> N h w

What nobody tapped costs nothing, and a tapped network gives the same answer, bit for bit.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rcf.model.reference import PredictedWeight, StaticWeight


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One pass through a module."""

    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    """Arguments by name."""
    output: Any


@contextmanager
def tapped(network: nn.Module, names: Iterable[str]) -> Generator[Mapping[str, Sequence[Call]]]:
    """Collect the calls of the named modules in the block; the hooks are removed at its end, also after an error.

    Raises AttributeError for a name that no module has.
    """
    calls: dict[str, list[Call]] = {}
    with ExitStack() as hooks:
        for name in names:
            calls[name] = []
            tap = _collecting(calls[name])
            hooks.enter_context(network.get_submodule(name).register_forward_hook(tap, with_kwargs=True))
        yield calls


def _collecting(calls: list[Call]) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any], Any], None]:
    def tap(module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
        calls.append(Call(inputs, options, output))

    return tap


@contextmanager
def undisturbed(network: nn.Module) -> Generator[None]:
    """`network` in evaluation mode and without gradients; afterwards each of its modules is in its mode of before."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        network.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def attention_weights(attention: nn.MultiheadAttention, call: Call) -> Float[Tensor, "N heads rows L"]:
    """How much each row (query) of a call looked at each of the L tokens (keys); rows sum to 1.

    Computed from what the call was given, outside of `tapped` and, so that nothing is dropped, inside `undisturbed`.
    """
    _, weights = attention(*call.inputs, **{**call.options, "need_weights": True, "average_attn_weights": False})
    return weights


def pixel_weight(weight: nn.Module, call: Call) -> Float[Tensor, "N h w"] | None:
    """The weights, 0..1, that the maps of a call were multiplied with; None for a part that weighs nothing."""
    (features,) = call.inputs
    match weight:
        case PredictedWeight():
            return weight.predict(features).sigmoid()[:, 0]
        case StaticWeight():
            # The module lays its one map over whatever it is given; over ones, the map itself is seen.
            return weight(torch.ones_like(features[:, :1]))[:, 0]
        case _:
            return None
