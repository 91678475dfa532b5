"""secant <= largest Jacobian norm on the segment <= layer-product bound, on a hundred random networks."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import jacrev

from rcf.diagnostics.jacobian import along_segment
from rcf.diagnostics.layer_constants import layer_constant
from rcf.diagnostics.magnitudes import ONE

SIZE = (2, 6, 7)
ACTIVATIONS = [nn.ReLU, nn.GELU, nn.SiLU, nn.Sigmoid]


def network(seed: int, activation: type[nn.Module], stride: int, gain: float) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=stride, padding=1), nn.GroupNorm(2, 4, eps=1e-2), activation(),
        nn.Conv2d(4, 3, 3, padding=1, groups=1), activation(), nn.Flatten(),
    ).double()  # fmt: skip
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                layer.weight.mul_(gain)
    return layers.requires_grad_(False)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6), st.sampled_from(ACTIVATIONS), st.sampled_from([1, 2]), st.floats(0.1, 8), st.floats(1e-3, 3)
)
def test_each_is_at_most_the_next(
    seed: int, activation: type[nn.Module], stride: int, gain: float, step: float
) -> None:
    function = network(seed, activation, stride, gain)
    start = torch.randn(1, *SIZE, dtype=torch.float64)
    end = start + step * torch.randn(1, *SIZE, dtype=torch.float64)
    segment = along_segment(lambda point: function(point)[0], start, end, most=9)
    assert segment is not None

    def norm(place: float) -> float:
        jacobian = jacrev(lambda point: function(point)[0])(start + place * (end - start))
        return float(torch.linalg.matrix_norm(jacobian.flatten(1), 2))

    places = [number / (segment.points - 1) for number in range(segment.points)]
    largest = max(norm(place) for place in places)
    assert segment.largest <= largest * 1.000001, "a direction has no more than the worst of all"
    assert segment.secant <= 1.01 * largest, "on the refined segment"
    assert largest <= 10 ** bound(function, start)


def bound(function: nn.Sequential, point: Tensor) -> float:
    """log10 of the product of the layers' constants."""
    product, value = ONE, point
    for layer in function:
        product = product * layer_constant(layer, tuple(value.shape))
        value = layer(value)
    return product.log10
