"""Maps of several heads as one picture in colours (figures 4 and 8): places where heads say the same have one colour.

maps heads x places --each place a point in as many dimensions as there are heads--> principal components
    --first three, each stretched to 0..1--> red, green, blue of a place
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.tensors import singular_vectors

_COLOURS = 3
_GREY = 0.5
_NOISE = 1e-6
"""Differences below this share of the largest value are rounding, not something a head says."""
_AS_LARGE = 1 - 1e-6


def pca_rgb(maps: Float[Tensor, "heads ..."]) -> Float[Tensor, "... 3"]:
    """Colours 0..1. Frames that belong together are given in one call: else each would have colours of its own.

    The sign of a component is free; here the head that counts most in it counts positively. A component in which
    nothing differs is grey: all three of even maps, and those that fewer than three heads cannot give.
    """
    points = maps.flatten(1).double().T
    centred = points - points.mean(0)
    axes, sizes, _ = singular_vectors(centred.T @ centred)
    axes, sizes = axes[:, :_COLOURS], sizes[:_COLOURS]
    extent = axes.abs()
    counts_most = (extent >= _AS_LARGE * extent.amax(0)).int().argmax(0)
    values = centred @ (axes * axes.gather(0, counts_most[None]).sign())
    low, high = values.amin(0), values.amax(0)
    differs = sizes > len(points) * (_NOISE * points.abs().max()) ** 2
    stretched = (values - low) / (high - low).clamp_min(torch.finfo(torch.float64).tiny)
    colours = torch.full((len(points), _COLOURS), _GREY, dtype=torch.float64)
    colours[:, : len(sizes)] = torch.where(differs, stretched, _GREY)
    return colours.to(maps.dtype).reshape(*maps.shape[1:], _COLOURS)
