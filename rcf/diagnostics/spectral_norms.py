"""Norms of single linear layers, as true upper bounds: the factors of the layer-product bound (section VI-B).

    linear, 1x1 convolution    largest singular value of the matrix: exact
    convolution                zero padding is a part of a torus that is large enough: the norm of the convolution on
                               the torus, which Fourier analysis makes block-diagonal, bounds it from above
        frequencies of the torus --kernel's transform--> blocks c_out x (s s c_in) --largest singular value--> maximum

With stride s the s x s frequencies that fall on one another share a block. On a large torus the blocks are taken on a
grid of frequencies, and Riesz' lemma bounds what lies between: a trigonometric polynomial of degree r
stays above max * cos(r h / 2) within half a step h of its maximum. (Sedghi, Gupta and Long 2019 for the torus.)
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from rcf.tensors import chunks, eigenvalues, frobenius_norm, spectral_norm, spectrum_of_maps

FINE = 64
"""Frequencies an axis."""
_LARGE = 128
"""Channels from which on eigenvalues cost more than powers of the matrix, and half as many frequencies are taken."""
_SINGLE_MARGIN = 1e-3
"""What single precision can lose in the powers of a matrix of some thousand rows, and more."""


def linear_norm(weight: Float[Tensor, "M N"]) -> float:
    """Exact."""
    return float(spectral_norm(weight.detach().double()))


def convolution_bound(layer: nn.Conv2d, size: tuple[int, int], weight: Tensor | None = None, grid: int = FINE) -> float:
    """An upper bound of the norm of a convolution over inputs of `size` (height, width), its bias left out.

    `weight` stands in for the layer's own, e.g. with a batch norm folded in. At most `grid` frequencies an axis are
    looked at (more for large kernels, half of it for many channels): 64 cost a 3x3 kernel 0.2 %, 32 cost it 1 %, 16
    cost it 4 %, 8 cost it 17 %. Raises ValueError for padding that is not of zeros: a torus does not contain it.
    """
    kernel = (layer.weight if weight is None else weight).detach().double()
    if layer.padding_mode != "zeros":
        raise ValueError(f"padding_mode: got {layer.padding_mode!r}, expected 'zeros'")
    groups = kernel.reshape(layer.groups, -1, *kernel.shape[1:])
    if kernel.shape[2:] == (1, 1):
        return float(spectral_norm(groups.flatten(2)).max())
    strides, dilations = _pair(layer.stride), _pair(layer.dilation)
    reach = [(taps - 1) * dilation for taps, dilation in zip(kernel.shape[2:], dilations, strict=True)]
    torus = [_multiple(length + more, step) for length, more, step in zip(size, reach, strides, strict=True)]
    share = 2 if min(groups.shape[1:3]) >= _LARGE else 1
    most = [_multiple(max(grid, 8 * more) // share, step) for more, step in zip(reach, strides, strict=True)]
    points = [min(pair) for pair in zip(most, torus, strict=True)]
    seen = [
        1.0 if count == whole else math.cos(math.pi * more / 2 / count)
        for more, count, whole in zip(reach, points, torus, strict=True)
    ]
    return _on_torus(groups, (points[0], points[1]), strides, dilations) / math.prod(seen)


def _on_torus(
    groups: Float[Tensor, "G O I h w"], torus: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int]
) -> float:
    height, width = groups.shape[3:]
    spread = groups.new_zeros(*groups.shape[:3], (height - 1) * dilations[0] + 1, (width - 1) * dilations[1] + 1)
    spread[..., :: dilations[0], :: dilations[1]] = groups
    frequencies: Complex[Tensor, "G O I N M"] = spectrum_of_maps(spread, torus)
    down, across = torus[0] // strides[0], torus[1] // strides[1]
    # Frequencies that are a multiple of N / s apart are one and the same after the stride.
    channels = frequencies.shape[:3]
    folded = frequencies.reshape(*channels, strides[0], down, strides[1], across)
    blocks = folded.permute(0, 4, 6, 1, 2, 3, 5).flatten(4)
    # A real kernel has conjugate blocks at opposite frequencies: rows down to the middle suffice.
    half = blocks[:, : down // 2 + 1].flatten(0, 2)
    return math.sqrt(max(float(_squared_norm(part)) for part in chunks(half, 1024)) / math.prod(strides))


def _squared_norm(blocks: Complex[Tensor, "F O K"]) -> Tensor:
    """The largest squared singular value of all blocks, from the smaller of their two Gram matrices."""
    is_large = min(blocks.shape[1:]) >= _LARGE
    if is_large:
        blocks = blocks.to(torch.complex64)
    adjoint = blocks.mH
    gram = blocks @ adjoint if blocks.shape[1] <= blocks.shape[2] else adjoint @ blocks
    if not is_large:
        return eigenvalues(gram)[:, -1].max()
    return (1 + _SINGLE_MARGIN) * _gram_iteration(gram).max()


def _gram_iteration(gram: Complex[Tensor, "F K K"], rounds: int = 4) -> Float[Tensor, " F"]:
    """The largest eigenvalue of each block from above: |G^m|_F to the power of 1 / m, m = 2 ** rounds.

    (Delattre, Barthelemy, Araujo and Allauzen 2023.) Too large by K to the power of 1 / 2 m at most, usually by 1 %.
    """
    least = torch.finfo(torch.float32).tiny
    power, log = gram, torch.zeros(len(gram), dtype=torch.float64, device=gram.device)
    for _ in range(rounds):
        size = frobenius_norm(power).clamp(min=least)
        power = power / size[:, None, None]
        power, log = power @ power, 2 * (log + size.double().log())
    return ((log + frobenius_norm(power).clamp(min=least).double().log()) / 2**rounds).exp()


def batch_norm_scale(norm: nn.BatchNorm2d) -> Float[Tensor, " C"]:
    """What a batch norm in evaluation mode multiplies each channel with; raises ValueError for one that trains."""
    variance = norm.running_var
    if norm.training or variance is None:
        raise ValueError("a batch norm in training mode is not linear: call .eval() first")
    scale = (variance.detach().double() + norm.eps).rsqrt()
    return scale * norm.weight.detach().double() if norm.affine else scale


def folded(layer: nn.Conv2d, norm: nn.BatchNorm2d) -> Float[Tensor, "O I h w"]:
    """The kernel of a convolution with the batch norm behind it: tighter than the product of both norms."""
    return layer.weight.detach().double() * batch_norm_scale(norm)[:, None, None, None]


def _pair(value: tuple[int, ...] | int) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _multiple(length: int, step: int) -> int:
    return -(-length // step) * step
