"""A Lipschitz bound of a convolutional backbone: its graph, node by node (the paper's lemma: constants multiply).

    network --torch.fx--> nodes --one pass with real values--> shapes and sizes
        layer          constant of its input x layer_constant         convolution + batch norm: folded, then bounded
        a + b          sum                                            [a, b] on channels: root of the sum of squares
        a * b          sup |b| x constant of a + sup |a| x constant of b        (squeeze and excitation)

What enters a product needs a bound of its size: the size at one input, and the constant times how far any input of the
domain is from it. Unknown operations raise UnboundedError: a wrong bound is worse than none.
"""

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError

from rcf.diagnostics.layer_constants import COARSE, GATES, UnboundedError, activation_of, kind_of, layer_constant
from rcf.diagnostics.magnitudes import ONE, Magnitude, hypot, magnitude
from rcf.diagnostics.spectral_norms import convolution_bound, folded
from rcf.tensors import length

_operators: Any = operator  # typed for numbers, used on tensors
_SUMS: tuple[Callable[..., Any], ...] = (_operators.add, _operators.iadd, torch.add)
_PRODUCTS: tuple[Callable[..., Any], ...] = (_operators.mul, _operators.imul, torch.mul)
_SAME = ("contiguous", "float", "flatten", "view", "reshape")


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
    traced = _traced(network, levels)
    values = _Values(traced)
    with torch.no_grad():
        values.run(images)
    return _Walk(traced, values, diameter).walked()


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
        known = isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.MaxPool2d)
        return known or not list(m.children()) or super().is_leaf_module(m, module_qualified_name)


def _traced(network: nn.Module, levels: Sequence[int]) -> fx.GraphModule:
    maps = _Maps(network, levels)
    try:
        return fx.GraphModule(maps, _Tracer().trace(maps))
    except (TraceError, TypeError, AttributeError) as error:
        raise UnboundedError(f"the graph of {type(network).__name__} depends on its input: {error}") from error


class _Values(fx.Interpreter):
    """Shape, 2-norm and largest entry of what every node gave."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}
        self.sizes: dict[fx.Node, tuple[float, float]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n] = tuple(value.shape)
            self.sizes[n] = length(value.double()), float(value.abs().max())
        return value


class _Walk:
    """From the images to the maps."""

    def __init__(self, traced: fx.GraphModule, values: _Values, diameter: float) -> None:
        self._graph, self._values, self._diameter = traced.graph, values, magnitude(diameter)
        self._layers: dict[str, nn.Module] = dict(cast("Iterator[tuple[str, nn.Module]]", traced.named_modules()))
        self._known: dict[fx.Node, Magnitude] = {}
        self._modules: list[ModuleBound] = []

    def walked(self) -> GraphBound:
        """All nodes in their order."""
        for node in self._graph.nodes:
            if node.op == "output":
                maps = node.args[0]
                return GraphBound(tuple(self._known[each] for each in maps), tuple(self._modules))
            self._known[node] = self._constant(node)
        raise AssertionError("a graph ends in its output")

    def _constant(self, node: fx.Node) -> Magnitude:
        if node.op == "placeholder":
            return ONE
        inputs = [self._known[each] for each in node.all_input_nodes]
        if node.op == "call_module":
            return inputs[0] * self._layer(node)
        if node.op == "call_function" and node.target in _SUMS:
            return inputs[0] + inputs[-1]  # x + x has one input node, twice
        if node.op == "call_function" and node.target in _PRODUCTS:
            return self._product(node)
        if node.op == "call_function" and node.target is torch.cat:
            return hypot(*inputs)
        if node.op == "call_method" and node.target == "mean":
            before, after = (math.prod(self._values.shapes[each]) for each in (node.all_input_nodes[0], node))
            return inputs[0] * math.sqrt(after / before)
        if node.op == "call_method" and node.target in _SAME:
            return inputs[0]
        raise UnboundedError(f"no Lipschitz constant is known for {node.target}")

    def _layer(self, node: fx.Node) -> Magnitude:
        layer = self._layers[str(node.target)]
        before = node.all_input_nodes[0]
        if isinstance(layer, nn.Conv2d) and self._norm_behind(node) is not None:
            return ONE  # folded into its batch norm
        if isinstance(layer, nn.BatchNorm2d) and self._norm_behind(before) is layer:
            kernel = self._layers[str(before.target)]
            assert isinstance(kernel, nn.Conv2d)
            whole = convolution_bound(kernel, self._size(before.all_input_nodes[0]), folded(kernel, layer), COARSE)
            own = magnitude(whole) * activation_of(layer)
        else:
            own = layer_constant(layer, self._values.shapes[before])
        self._modules.append(ModuleBound(str(node.target).removeprefix("network."), own))
        return own

    def _norm_behind(self, node: fx.Node) -> nn.Module | None:
        """The batch norm that alone sees what a convolution gives."""
        if node.op != "call_module" or not isinstance(self._layers[str(node.target)], nn.Conv2d) or len(node.users) > 1:
            return None
        (user,) = node.users
        norm = self._layers.get(str(user.target)) if user.op == "call_module" else None
        return norm if isinstance(norm, nn.BatchNorm2d) else None

    def _size(self, node: fx.Node) -> tuple[int, int]:
        shape = self._values.shapes[node]
        return shape[-2], shape[-1]

    def _product(self, node: fx.Node) -> Magnitude:
        factors = [each for each in node.args if isinstance(each, fx.Node)]
        numbers = [each for each in node.args if isinstance(each, int | float)]
        if len(factors) == 1 and len(numbers) == 1:
            return self._known[factors[0]] * abs(float(numbers[0]))
        if len(factors) != 2:
            raise UnboundedError(f"no Lipschitz constant is known for a product of {node.args}")
        first, second = factors
        # The smaller factor may be spread over the larger one: entries of it meet whole maps.
        wide, narrow = sorted((first, second), key=lambda each: -math.prod(self._values.shapes[each]))
        length, _ = self._values.sizes[wide]
        _, height = self._values.sizes[narrow]
        ceiling = ONE if self._is_gate(narrow) else height + self._known[narrow] * self._diameter
        return ceiling * self._known[wide] + (length + self._known[wide] * self._diameter) * self._known[narrow]

    def _is_gate(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return kind_of(self._layers[str(node.target)]) in GATES
        return node.target in ("sigmoid", torch.sigmoid)
