"""Lipschitz constants of single layers in the 2-norm, over all inputs: exact, or from above.

convolution, linear    spectral_norms          batch norm (evaluation)   largest scale of a channel
ReLU .. Hardswish      largest slope           LayerNorm, GroupNorm      largest gain / sqrt(eps): a constant input
max pooling            root of the windows that a pixel is in
average pooling        product of the norms of the two axes' matrices: exact
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from timm.layers.grn import GlobalResponseNorm
from torch import Tensor, nn

from rcf.diagnostics.magnitudes import ONE, Magnitude, magnitude
from rcf.diagnostics.spectral_norms import batch_norm_scale, convolution_bound, linear_norm
from rcf.tensors import length, spectral_norm

SLOPES = {
    "identity": 1.0,
    "flatten": 1.0,
    "dropout": 1.0,
    "dropout2d": 1.0,
    "droppath": 1.0,
    "relu": 1.0,
    "relu6": 1.0,
    "hardtanh": 1.0,
    "tanh": 1.0,
    "sigmoid": 0.25,
    "hardsigmoid": 0.166667,
    "silu": 1.099840,
    "swish": 1.099840,
    "hardswish": 1.5,
    "gelu": 1.128905,
    "gelutanh": 1.128994,
}
"""Largest slopes, rounded up, by the name of the kind: timm has classes of its own for what torch has too."""
COARSE = 16
"""Frequencies an axis at which convolutions are bounded here: a 3x3 kernel's bound is 4 % larger for it at most, 17 %
with many channels, which the logarithm of a product hardly sees."""


class UnboundedError(ValueError):
    """No constant is known for an operation."""


def kind_of(layer: nn.Module) -> str:
    """The name of its class, as this module's tables have it."""
    return type(layer).__name__.lower()


def layer_constant(layer: nn.Module, shape: tuple[int, ...]) -> Magnitude:
    """The constant of `layer` for inputs of `shape` (N C H W, or N L D). Raises UnboundedError for a kind not known."""
    match layer:
        case nn.Conv2d():
            return magnitude(convolution_bound(layer, (shape[-2], shape[-1]), grid=COARSE))
        case nn.Linear():
            return magnitude(linear_norm(layer.weight))
        case nn.BatchNorm2d():
            return magnitude(float(batch_norm_scale(layer).abs().max())) * activation_of(layer)
        case nn.LayerNorm() | nn.GroupNorm():
            return normalisation(layer.weight, layer.eps) * activation_of(layer)
        case GlobalResponseNorm():
            return response_norm(layer.weight)
        case nn.GELU():
            return magnitude(SLOPES["gelu" if layer.approximate == "none" else "gelutanh"])
        case _ if kind_of(layer) in SLOPES or (isinstance(layer, nn.Sequential) and not len(layer)):
            return magnitude(SLOPES.get(kind_of(layer), 1.0))
        case _:
            return _resized(layer, shape)


def _resized(layer: nn.Module, shape: tuple[int, ...]) -> Magnitude:
    """Of what makes maps smaller or larger."""
    match layer:
        case nn.MaxPool2d():
            return magnitude(math.sqrt(math.prod(_reuse(layer, axis) for axis in (0, 1))))
        # Subclasses of timm's pad by themselves.
        case nn.AvgPool2d() if type(layer) is nn.AvgPool2d and layer.divisor_override is None:
            return magnitude(math.prod(_axis_norm(shape[axis - 2], _averaging(layer, axis)) for axis in (0, 1)))
        case nn.Upsample(mode="nearest", scale_factor=float(factor)) if factor.is_integer():
            return magnitude(growing_norm(int(factor)))
        case _:
            raise UnboundedError(f"no Lipschitz constant is known for {type(layer).__name__}")


def normalisation(gain: Tensor | None, eps: float) -> Magnitude:
    """LayerNorm and GroupNorm: worst where all inputs are equal, so that eps alone divides."""
    largest = 1.0 if gain is None else float(gain.detach().abs().max())
    return magnitude(largest / math.sqrt(eps))


def response_norm(gain: Tensor) -> Magnitude:
    """ConvNeXt's global response norm x + b + w x n, n_c = g_c / (mean g + eps), g_c the 2-norm of channel c of C.

    The Jacobian of x n: across x_c it is n_c. Along it, from g to g n, it is 2 diag(n) - (n n) 1' / C (eps aside, which
    makes it smaller). As sum n <= C, so are each n_c and its norms: 2 C + C C / sqrt C in all. Where one channel alone
    answers, C sqrt C is reached.
    """
    count = gain.numel()
    return magnitude(1 + float(gain.detach().abs().max()) * (2 * count + count**1.5))


def normalised_reach(layer: nn.LayerNorm) -> Magnitude:
    """How long a token behind a LayerNorm can be: gain times sqrt D, and the bias."""
    gain, bias = layer.weight.detach().double(), layer.bias.detach().double()
    return magnitude(float(gain.abs().max()) * math.sqrt(len(gain)) + length(bias))


def pooling_norm(size: tuple[int, int], cells: int | tuple[int, int]) -> float:
    """Adaptive average pooling of a map of `size`, exact: a Kronecker product of two small matrices."""
    wanted = (cells, cells) if isinstance(cells, int) else cells

    def pool(count: int) -> Callable[[Tensor], Tensor]:
        return lambda rows: functional.adaptive_avg_pool1d(rows, count)

    return math.prod(_axis_norm(length, pool(count)) for length, count in zip(size, wanted, strict=True))


def growing_norm(factor: int) -> float:
    """Each cell as factor x factor cells."""
    return float(factor)


def _axis_norm(length: int, resize: Callable[[Tensor], Tensor]) -> float:
    matrix = resize(torch.eye(length, dtype=torch.float64)[None])[0]
    return float(spectral_norm(matrix))


def _averaging(layer: nn.AvgPool2d, axis: int) -> Callable[[Tensor], Tensor]:
    size, step, margin = (_along(each, axis) for each in (layer.kernel_size, layer.stride, layer.padding))

    def average(rows: Tensor) -> Tensor:
        return functional.avg_pool1d(rows, size, step, margin, layer.ceil_mode, layer.count_include_pad)

    return average


def _reuse(layer: nn.MaxPool2d, axis: int) -> int:
    return math.ceil(_along(layer.kernel_size, axis) / _along(layer.stride, axis))


def _along(value: int | tuple[int, ...], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]


def activation_of(layer: nn.Module) -> Magnitude:
    """timm's norms bring their activation."""
    activation = getattr(layer, "act", None)
    return ONE if activation is None else layer_constant(activation, ())
