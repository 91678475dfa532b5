"""The bound of attention against whole Jacobians, on tokens as long as it allows."""

import math

import pytest
import torch
from torch import Tensor, nn

from rcf.diagnostics import attention_bound as bound
from rcf.diagnostics.attention_bound import Reach, norms_of
from rcf.diagnostics.magnitudes import ONE, ZERO, Magnitude, hypot, magnitude, product, total

WIDTH = 8


def attention(seed: int, heads: int, scale: float = 1.0) -> nn.MultiheadAttention:
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
    made = nn.MultiheadAttention(WIDTH, heads, batch_first=True).double().eval()
    with torch.no_grad():
        made.in_proj_weight.mul_(scale)
        made.in_proj_bias.normal_(0, 0.5)
        made.out_proj.bias.normal_()
    return made


def tokens(count: int, reach: float, seed: int) -> Tensor:
    drawn = torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return reach * drawn / drawn.norm(dim=1, keepdim=True)


def norm_of(function: object, point: Tensor) -> float:
    whole = torch.autograd.functional.jacobian(function, point)  # pyright: ignore
    return float(torch.linalg.matrix_norm(whole.reshape(-1, point.numel()), 2))


def longest(*parts: Tensor) -> Magnitude:
    return magnitude(float(torch.cat(parts).norm(dim=1).max()))


def exact_norms(
    made: nn.MultiheadAttention, asking: Tensor, slots: Tensor, memory: Tensor, places: Tensor
) -> tuple[float, ...]:
    """With the queries, with the memory, and of the memory with itself."""

    def answer(asks: Tensor, seen: Tensor, ask_places: Tensor) -> Tensor:
        return made(asks + ask_places, seen + places, seen)[0]

    return (
        norm_of(lambda y: answer(y, memory, slots), asking),
        norm_of(lambda x: answer(asking, x, slots), memory),
        norm_of(lambda x: answer(x, x, places), memory),
    )


@pytest.mark.parametrize("reach", [0.3, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("heads", [1, 2])
def test_no_jacobian_is_above_the_bound(reach: float, heads: int) -> None:
    for seed in range(12):
        made = attention(seed, heads, scale=1.0 + seed / 6)
        memory, asking = tokens(5, reach, seed), tokens(3, reach, seed + 100)
        places, slots = tokens(5, 1.0, seed + 200), tokens(3, 1.0, seed + 300)
        cross = Reach(longest(memory), longest(memory + places), longest(asking + slots))
        own = Reach(longest(memory), *(longest(memory + places),) * 2)
        allowed = (
            bound.to_queries(norms_of(made), cross),
            bound.to_memory(norms_of(made), cross, 3),
            bound.of_itself(norms_of(made), own, 5),
        )
        for exact, most in zip(exact_norms(made, asking, slots, memory, places), allowed, strict=True):
            assert exact <= 10**most.log10


@pytest.mark.parametrize("reach", [0.3, 1.0, 3.0])
def test_no_step_is_above_the_bound_in_the_norm_of_the_longest_token(reach: float) -> None:
    for seed in range(12):
        made = attention(seed, 2)
        memory, asking = tokens(5, reach, seed), tokens(3, reach, seed + 100)
        step = 1e-5 * tokens(5, 1.0, seed + 400)
        own, cross = Reach(*(longest(memory),) * 3), Reach(longest(memory), longest(memory), longest(asking))
        with torch.no_grad():
            moved = made(memory + step, memory + step, memory + step)[0] - made(memory, memory, memory)[0]
            seen = made(asking, memory + step, memory + step)[0] - made(asking, memory, memory)[0]
        size = float(step.norm(dim=1).max())
        assert (
            float(moved.norm(dim=1).max()) / size <= 1.001 * 10 ** bound.of_itself_by_token(norms_of(made), own).log10
        )
        assert (
            float(seen.norm(dim=1).max()) / size <= 1.001 * 10 ** bound.to_memory_by_token(norms_of(made), cross).log10
        )


def test_attention_that_asks_nothing_is_the_mean_of_its_values() -> None:
    made = attention(0, 1)
    with torch.no_grad():
        made.in_proj_weight[:WIDTH] = 0
        made.in_proj_bias[:WIDTH] = 0
    memory = tokens(4, 2.0, 0)
    value, out = made.in_proj_weight[2 * WIDTH :].detach(), made.out_proj.weight.detach()
    exact = norm_of(lambda x: made(x, x, x)[0], memory)
    assert exact == pytest.approx(float(torch.linalg.matrix_norm(out @ value, 2)))
    assert exact <= 10 ** bound.of_itself(norms_of(made), Reach(*(longest(memory),) * 3), 4).log10


def test_without_a_bound_on_the_tokens_there_is_no_constant() -> None:
    """Kim et al. 2021: width 1, weights of 1, tokens (0, a, -a): an entry of the Jacobian is 1/3 + 2 a^2 / 3."""

    def first(point: Tensor) -> Tensor:
        return torch.softmax(point[:, None] * point[None], dim=-1) @ point

    for a, entry in ((1.0, 1.0), (10.0, 67.0)):
        whole = torch.autograd.functional.jacobian(first, torch.tensor([0.0, a, -a], dtype=torch.float64))  # pyright: ignore
        assert float(whole[0, 0]) == pytest.approx(entry)


def test_magnitudes_calculate_like_numbers_and_do_not_overflow() -> None:
    three, four = magnitude(3.0), magnitude(4.0)
    assert 10 ** (three * four).log10 == pytest.approx(12)
    assert 10 ** (three + 4.0).log10 == pytest.approx(7)
    assert 10 ** hypot(three, 4.0).log10 == pytest.approx(5)
    assert (three + ZERO, three * ZERO, total([]), product([])) == (three, ZERO, ZERO, ONE)
    assert product([magnitude(1e200)] * 4).log10 == pytest.approx(800)
    assert (magnitude(1e300).squared() + magnitude(1e300).squared()).log10 == pytest.approx(600 + math.log10(2))
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            magnitude(bad)
