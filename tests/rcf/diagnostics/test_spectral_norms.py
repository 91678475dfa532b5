"""Norms of layers against the explicit matrix, and against what is known in closed form."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rcf.diagnostics.golub_kahan import Effort, largest_singular_value
from rcf.diagnostics.spectral_norms import convolution_bound, folded, linear_norm

FINE = Effort(tolerance=1e-5)
LAYERS = [
    (nn.Conv2d(2, 3, 3, padding=1), (7, 9)),
    (nn.Conv2d(3, 2, 3, stride=2, padding=1), (9, 7)),
    (nn.Conv2d(2, 2, 5, stride=2, padding=2), (11, 10)),
    (nn.Conv2d(4, 4, 3, padding=1, groups=2), (7, 7)),
    (nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4), (8, 9)),
    (nn.Conv2d(2, 2, 3, padding=2, dilation=2), (8, 8)),
    (nn.Conv2d(2, 2, 3, stride=2, padding=2, dilation=2), (9, 8)),
    (nn.Conv2d(3, 2, 7, stride=2, padding=3), (13, 11)),
    (nn.Conv2d(1, 2, 2, stride=2), (8, 8)),
    (nn.Conv2d(2, 3, (1, 5), padding=(0, 2)), (7, 9)),
]


def explicit_matrix(push: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Tensor:
    units = torch.eye(math.prod(shape), dtype=torch.float64)
    return torch.stack([push(unit.view(shape)).flatten() for unit in units], dim=1)


def singular_values(matrix: Tensor) -> list[float]:
    return torch.linalg.svdvals(matrix).tolist()


def drawn(layer: nn.Conv2d, seed: int) -> nn.Conv2d:
    layer = layer.double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64))
    return layer


def matrix_of(layer: nn.Conv2d, size: tuple[int, int], weight: Tensor | None = None) -> Tensor:
    kernel = layer.weight if weight is None else weight

    def push(image: Tensor) -> Tensor:
        options = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return torch.nn.functional.conv2d(image[None], kernel.detach(), None, *options)[0]  # pyright: ignore[reportArgumentType]

    return explicit_matrix(push, (layer.in_channels, *size))


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_the_bound_of_a_convolution_is_never_below_its_norm_and_close_above_it(number: int) -> None:
    for seed in (0, 1):
        layer, size = drawn(LAYERS[number][0], seed), LAYERS[number][1]
        exact = singular_values(matrix_of(layer, size))[0]
        # Holes in a kernel reach further beyond the border, where the torus has what the convolution lacks.
        assert 1 - 1e-12 <= convolution_bound(layer, size) / exact <= (1.2 if layer.dilation == (1, 1) else 1.5)


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_where_the_torus_is_large_a_grid_bounds_it_still(number: int) -> None:
    layer, (height, width) = drawn(LAYERS[number][0], 3), LAYERS[number][1]
    exact = singular_values(matrix_of(layer, (height, width)))[0]
    # For inputs so large that every axis is on the grid, and so for all smaller ones.
    assert 1 - 1e-12 <= convolution_bound(layer, (500 + height, 500 + width), grid=8) / exact <= 1.6


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_alternating_products_find_the_norm(number: int) -> None:
    layer, size = drawn(LAYERS[number][0], 5), LAYERS[number][1]
    matrix = matrix_of(layer, size)
    found = largest_singular_value(lambda v: matrix @ v, lambda u: matrix.T @ u, (matrix.shape[1],), FINE)
    assert found.converged
    assert found.value == pytest.approx(singular_values(matrix)[0], rel=1e-8)


@pytest.mark.parametrize(("size", "norm"), [(4, 6.854102), (8, 8.290859), (32, 8.945745)])
def test_a_kernel_of_ones_has_the_norm_of_the_closed_form(size: int, norm: float) -> None:
    assert norm == pytest.approx((1 + 2 * math.cos(math.pi / (size + 1))) ** 2, abs=1e-6)
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False).double()
    nn.init.ones_(layer.weight)
    assert norm - 1e-6 <= convolution_bound(layer, (size, size)) <= 9 + 1e-12
    column = torch.ones(size, size, dtype=torch.float64).triu(-1).tril(1)
    found = largest_singular_value(lambda v: column @ v @ column, lambda u: column @ u @ column, (size, size), FINE)
    assert found.value == pytest.approx(norm, abs=1e-6)


def test_a_batch_norm_behind_a_convolution_is_folded_into_it() -> None:
    layer, norm = drawn(nn.Conv2d(2, 3, 3, padding=1, bias=False), 0), nn.BatchNorm2d(3, eps=1.0).double().eval()
    assert norm.running_var is not None
    nn.init.constant_(norm.weight, 2.0)
    nn.init.constant_(norm.running_var, 3.0)
    assert convolution_bound(layer, (7, 7), folded(layer, norm)) == pytest.approx(convolution_bound(layer, (7, 7)))
    with pytest.raises(ValueError, match="training mode"):
        folded(layer, norm.train())


def test_one_by_one_convolutions_and_linear_layers_are_exact() -> None:
    layer = drawn(nn.Conv2d(4, 6, 1, stride=2, groups=2), 1)
    assert convolution_bound(layer, (5, 5)) == pytest.approx(singular_values(matrix_of(layer, (5, 5)))[0], rel=1e-12)
    weight = torch.randn(5, 3, dtype=torch.float64)
    assert linear_norm(weight) == pytest.approx(singular_values(weight)[0], rel=1e-12)


def test_padding_that_no_torus_contains_is_refused() -> None:
    with pytest.raises(ValueError, match="padding_mode: got 'reflect', expected 'zeros'"):
        convolution_bound(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (8, 8))


class TestAlternatingProducts:
    """Where the estimate itself is at its limits."""

    def test_nothing_has_the_norm_of_nothing(self) -> None:
        found = largest_singular_value(torch.zeros_like, torch.zeros_like, (5,))
        assert (found.value, found.converged) == (0.0, True)

    def test_two_nearly_equal_values_part(self) -> None:
        values = torch.tensor([1.0, 0.9998, *([0.5] * 98)], dtype=torch.float64)
        found = largest_singular_value(lambda v: values * v, lambda u: values * u, (100,), FINE)
        assert found.value == pytest.approx(1.0, abs=1e-9)

    def test_too_few_steps_are_no_convergence(self) -> None:
        values = torch.linspace(0.1, 1.0, 500, dtype=torch.float64)
        found = largest_singular_value(lambda v: values * v, lambda u: values * u, (500,), Effort(steps=2))
        assert not found.converged
        assert found.value < 1.0

    def test_a_map_whose_transpose_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not transposes of each other"):
            largest_singular_value(lambda v: v, torch.zeros_like, (4,))

    def test_what_is_not_finite_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not finite"):
            largest_singular_value(lambda v: v * math.nan, lambda u: u, (4,))
