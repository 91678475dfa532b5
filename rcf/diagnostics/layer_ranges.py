"""Where the values of single layers are, whatever comes in: what Lipschitz constants do not see.

sigmoid, ReLU6, tanh             in 0..1, 0..6, -1..1
ReLU, SiLU, Hardswish, GELU ..   |a(x)| <= |x|, though the slopes are up to 1.5
LayerNorm, GroupNorm             D numbers have the 2-norm root D at most; then gain and bias
"""

import math
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from rcf.diagnostics.layer_constants import SLOPES, kind_of
from rcf.diagnostics.magnitudes import Magnitude, magnitude
from rcf.diagnostics.traced_network import NodeValue
from rcf.diagnostics.value_bound import Placed, ValueBound
from rcf.tensors import length

_PEAKS = {"sigmoid": 1.0, "hardsigmoid": 1.0, "relu6": 6.0, "tanh": 1.0}
_SHRINKING = frozenset(SLOPES) - {"sigmoid", "hardsigmoid"}
"""|a(x)| <= |x|, entry by entry."""


def ranged(bound: ValueBound, layer: nn.Module, before: Placed, given: NodeValue) -> ValueBound:
    """`bound` of what `layer` gives for what is `before`, and what its range adds; `given` is it at the given image."""
    if kind_of(layer) in _SHRINKING:
        inner, value = before
        drift = inner.drift + value.length + given.length
        bound = replace(bound, drift=min(bound.drift, drift), peak=inner.peak)
    if kind_of(layer) in _PEAKS:
        bound = replace(bound, peak=min(bound.peak, magnitude(_PEAKS[kind_of(layer)])))
    if isinstance(layer, nn.LayerNorm | nn.GroupNorm) and not hasattr(layer, "act"):
        bound = replace(bound, drift=min(bound.drift, _normalised_length(layer, given) + given.length))
    return bound


def _normalised_length(layer: nn.LayerNorm | nn.GroupNorm, given: NodeValue) -> Magnitude:
    """2-norm of all that the layer can give."""
    entries = math.prod(given.shape)
    gain, bias = cast("Tensor | None", layer.weight), cast("Tensor | None", layer.bias)
    stretch = 1.0 if gain is None else float(gain.detach().abs().max())
    shift = 0.0 if bias is None else length(bias.detach().double()) * math.sqrt(entries / bias.numel())
    return magnitude(stretch * math.sqrt(entries) + shift)
