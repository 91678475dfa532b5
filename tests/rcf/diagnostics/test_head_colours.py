"""Heads as colours: the same every time, grey where nothing differs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.diagnostics.head_colours import pca_rgb


def maps(seed: int, heads: int = 8) -> torch.Tensor:
    return torch.rand(heads, 4, 5, generator=torch.Generator().manual_seed(seed))


@given(seed=st.integers(0, 10_000), heads=st.integers(1, 8))
def test_colours_lie_between_0_and_1_and_repeat(seed: int, heads: int) -> None:
    colours = pca_rgb(maps(seed, heads))
    assert colours.shape == (4, 5, 3)
    assert float(colours.min()) >= 0
    assert float(colours.max()) <= 1
    assert torch.equal(pca_rgb(maps(seed, heads).clone()), colours)


@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
def test_the_order_of_the_heads_does_not_matter(seed: int, order: list[int]) -> None:
    drawn = maps(seed, 5)
    torch.testing.assert_close(pca_rgb(drawn[order]), pca_rgb(drawn), atol=1e-4, rtol=0)


def test_red_is_the_direction_in_which_heads_differ_most() -> None:
    drawn = 1e-3 * maps(0)
    drawn[2, 1, 3] = 1.0
    red = pca_rgb(drawn)[..., 0]
    assert float(red[1, 3]) == pytest.approx(1)
    red[1, 3] = 0
    assert float(red.max()) < 0.01


def test_three_heads_that_do_not_hang_together_are_three_colours() -> None:
    """Orthogonal patterns of falling strength: red, green and blue are heads 1, 0 and 2."""
    signs = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    drawn = torch.tensor([0.2, 0.4, 0.1])[:, None] * signs + 1
    torch.testing.assert_close(pca_rgb(drawn), ((signs[[1, 0, 2]] + 1) / 2).T)


def test_even_maps_are_grey() -> None:
    assert torch.equal(pca_rgb(torch.full((8, 4, 5), 0.3)), torch.full((4, 5, 3), 0.5))
    rounding = torch.full((8, 4, 5), 0.3) * (1 + 1e-7 * (maps(0) - 0.5))
    assert torch.equal(pca_rgb(rounding), torch.full((4, 5, 3), 0.5))
    assert torch.equal(pca_rgb(torch.zeros(8, 4, 5)), torch.full((4, 5, 3), 0.5))
    assert torch.equal(pca_rgb(maps(0)[:, :1, :1]), torch.full((1, 1, 3), 0.5))


@pytest.mark.parametrize("heads", [1, 2])
def test_fewer_heads_than_colours_leave_the_others_grey(heads: int) -> None:
    colours = pca_rgb(maps(0, heads))
    assert torch.equal(colours[..., heads:], torch.full((4, 5, 3 - heads), 0.5))
    assert float(colours[..., 0].max()) == 1
    assert float(colours[..., 0].min()) == 0


def test_heads_that_say_the_same_are_one_colour() -> None:
    colours = pca_rgb(maps(0, 1).repeat(8, 1, 1))
    assert torch.equal(colours[..., 1:], torch.full((4, 5, 2), 0.5))


def test_frames_in_one_call_share_their_colours() -> None:
    drawn = maps(0)
    both = pca_rgb(torch.stack([drawn, drawn], dim=1))
    assert both.shape == (2, 4, 5, 3)
    torch.testing.assert_close(both[0], both[1])
