"""A backbone as a graph of layers, and how large what each of them gives is for one input.

network --torch.fx--> nodes --one pass--> of each value: shape, 2-norm, largest entry
    a layer of which a constant is known is one node;  a norm that brings its activation is two
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError

from rcf.diagnostics.layer_constants import UnboundedError
from rcf.tensors import length


@dataclass(frozen=True, slots=True)
class NodeValue:
    """Of what a node gives for the given input."""

    shape: tuple[int, ...]
    length: float
    """2-norm of all entries."""
    height: float
    """Largest entry, without its sign."""


@dataclass(frozen=True, slots=True)
class TracedNetwork:
    """Nodes in their order, the layers that they name, and the values of those that give tensors."""

    nodes: tuple[fx.Node, ...]
    layers: dict[str, nn.Module]
    values: dict[fx.Node, NodeValue]

    def layer(self, node: fx.Node) -> nn.Module | None:
        """The layer that a node calls."""
        return self.layers[str(node.target)] if node.op == "call_module" else None


def traced(network: nn.Module, levels: Sequence[int], images: Tensor) -> TracedNetwork:
    """The graph of a timm network's maps at `levels`, run with `images`.

    Raises UnboundedError for a network whose operations depend on what it is given.
    """
    maps = _Maps(network, levels)
    try:
        graph = fx.GraphModule(maps, _Tracer().trace(maps))
    except (TraceError, TypeError, AttributeError) as error:
        raise UnboundedError(f"the graph of {type(network).__name__} depends on its input: {error}") from error
    interpreter = _Interpreter(graph)
    with torch.no_grad():
        interpreter.run(images)
    layers = dict(cast("Iterator[tuple[str, nn.Module]]", graph.named_modules()))
    return TracedNetwork(tuple(graph.graph.nodes), layers, interpreter.values)


class _Maps(nn.Module):
    """The maps of a network as its `forward`, which is what torch.fx follows."""

    def __init__(self, network: nn.Module, levels: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self._levels = list(levels)

    def forward(self, images: Any) -> Any:  # a Proxy while the graph is made
        network: Any = self.network
        return network.forward_intermediates(images, indices=self._levels, norm=False, intermediates_only=True)


class _Tracer(fx.Tracer):
    """Layers with a known constant are nodes of their own, also where timm has its own class for them."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm | nn.MaxPool2d)
        return known or not list(m.children()) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = super().call_module(m, forward, args, kwargs)
        activation = getattr(m, "act", None)
        return activation(given) if isinstance(m, nn.BatchNorm2d) and activation is not None else given


class _Interpreter(fx.Interpreter):
    """Notes what every node gave."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[fx.Node, NodeValue] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.values[n] = NodeValue(tuple(value.shape), length(value.double()), float(value.abs().max()))
        return value

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = self.module.get_submodule(target)
        if isinstance(layer, nn.BatchNorm2d):
            return nn.BatchNorm2d.forward(layer, *args)  # its activation is a node of its own
        return super().call_module(target, args, kwargs)
