"""A Lipschitz bound of a convolutional backbone: its graph, node by node (the paper's lemma: constants multiply).

    network --traced_network--> nodes, and what each gives for one image
        layer          layer_constant, layer_ranges           convolution + batch norm: folded, then bounded
        a + b, [a, b], a * b                                  value_bound: squeeze and excitation, layer scale
        permute, reshape, slices                              1
    node after node: ValueBound --> constant of each map

What enters a product needs a bound of its size: value_bound says how it is carried along. Unknown operations raise
UnboundedError: a wrong bound is worse than none.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from rcf.diagnostics.layer_constants import COARSE, UnboundedError, layer_constant
from rcf.diagnostics.layer_ranges import ranged
from rcf.diagnostics.magnitudes import ONE, Magnitude, magnitude
from rcf.diagnostics.spectral_norms import batch_norm_scale, convolution_bound, folded
from rcf.diagnostics.traced_network import NodeValue, TracedNetwork, traced
from rcf.diagnostics.value_bound import FIXED, Placed, ValueBound, multiplied, stacked, summed

_operators: Any = operator  # typed for numbers, used on tensors
_torch: Any = torch
_SUMS: frozenset[Any] = frozenset(
    {_operators.add, _operators.iadd, _operators.sub, torch.add, torch.sub, "add", "add_"}
)
_PRODUCTS: frozenset[Any] = frozenset({_operators.mul, _operators.imul, torch.mul, "mul", "mul_"})
_REARRANGED: frozenset[Any] = frozenset(
    {"contiguous", "float", "flatten", "view", "reshape", "permute", "transpose", "unsqueeze", "squeeze"}
    | {_torch.flatten, _torch.permute, _torch.transpose}
)


@dataclass(frozen=True, slots=True)
class ModuleBound:
    """The constant of one module by itself."""

    name: str
    factor: Magnitude


@dataclass(frozen=True, slots=True)
class GraphBound:
    """Constants from the images to each map."""

    maps: tuple[Magnitude, ...]
    modules: tuple[ModuleBound, ...]


def graph_bound(network: nn.Module, levels: Sequence[int], images: Tensor, diameter: float) -> GraphBound:
    """Of the maps that a timm network in evaluation mode gives at `levels`.

    `images` 1 3 H W are of the size that is meant; no image of the domain is farther from them than `diameter`. Raises
    UnboundedError for a network with an operation that is not known.
    """
    return _Walk(traced(network, levels, images), magnitude(diameter)).walked()


class _Walk:
    """From the images to the maps."""

    def __init__(self, network: TracedNetwork, diameter: Magnitude) -> None:
        self._network, self._diameter = network, diameter
        self._known: dict[fx.Node, ValueBound] = {}
        self._modules: list[ModuleBound] = []

    def walked(self) -> GraphBound:
        """All nodes in their order."""
        for node in self._network.nodes:
            if node.op == "output":
                maps: Any = node.args[0]
                return GraphBound(tuple(self._known[each].constant for each in maps), tuple(self._modules))
            if self._folds(node):
                self._known[node] = self._placed(node.args[0])[0]  # of its input: its batch norm counts both
            elif node not in self._network.values:
                raise UnboundedError(f"no Lipschitz constant is known for {node.target}")
            else:
                self._known[node] = self._bound(node).settled(self._network.values[node], self._diameter)
        raise AssertionError("a graph ends in its output")

    def _bound(self, node: fx.Node) -> ValueBound:
        if node.op == "placeholder":
            return ValueBound(ONE, self._diameter)
        if node.op == "get_attr":
            return FIXED
        if node.op == "call_module":
            return self._behind_layer(node)
        given = self._network.values[node]
        if node.target in _SUMS and not node.kwargs:
            return summed([self._placed(each) for each in node.args], given)
        if node.target in _PRODUCTS and len(node.args) == 2:
            return multiplied(self._placed(node.args[0]), self._placed(node.args[1]), given)
        if node.target is torch.cat and node.args:
            parts: Any = node.args[0]
            return stacked([self._placed(each)[0] for each in parts])
        bound, value = self._placed(node.args[0] if node.args else None)
        if node.target == "mean":
            return bound.through(magnitude(math.sqrt(math.prod(given.shape) / math.prod(value.shape))))
        if node.target in _REARRANGED or (node.target is _operators.getitem and _is_part(node.args[1])):
            return bound
        raise UnboundedError(f"no Lipschitz constant is known for {node.target}")

    def _placed(self, argument: Any) -> Placed:
        """What is known of an argument of a node."""
        if isinstance(argument, int | float):
            size = abs(float(argument))
            return replace(FIXED, peak=magnitude(size)), NodeValue((), size, size)
        if isinstance(argument, fx.Node) and argument in self._network.values:
            return self._known[argument], self._network.values[argument]
        raise UnboundedError(f"no Lipschitz constant is known for an operation on {argument}")

    def _behind_layer(self, node: fx.Node) -> ValueBound:
        layer = self._network.layer(node)
        assert layer is not None
        before, value = self._placed(node.args[0])
        if len(node.args) + len(node.kwargs) != 1:
            raise UnboundedError(f"no Lipschitz constant is known for {type(layer).__name__} of more than one input")
        own = self._factor(node, layer, value)
        self._modules.append(ModuleBound(str(node.target).removeprefix("network."), own))
        return ranged(before.through(own), layer, (before, value), self._network.values[node])

    def _factor(self, node: fx.Node, layer: nn.Module, value: NodeValue) -> Magnitude:
        """The constant of the layer, and of a convolution that is folded into it."""
        if not isinstance(layer, nn.BatchNorm2d):
            return layer_constant(layer, value.shape)
        (behind,) = node.all_input_nodes
        if not self._folds(behind):
            return magnitude(float(batch_norm_scale(layer).abs().max()))
        kernel = self._network.layer(behind)
        assert isinstance(kernel, nn.Conv2d)
        height, width = self._network.values[behind.all_input_nodes[0]].shape[-2:]
        return magnitude(convolution_bound(kernel, (height, width), folded(kernel, layer), COARSE))

    def _folds(self, node: fx.Node) -> bool:
        """Whether it is a convolution that a batch norm alone sees."""
        users = [self._network.layer(user) for user in node.users]
        return (
            isinstance(self._network.layer(node), nn.Conv2d)
            and len(users) == 1
            and isinstance(users[0], nn.BatchNorm2d)
        )


def _is_part(index: Any) -> bool:
    """Whether an index takes each entry once at most: slices and single places."""
    places = cast("tuple[object, ...]", index if isinstance(index, tuple) else (index,))
    return all(place is None or place is Ellipsis or isinstance(place, int | slice) for place in places)
