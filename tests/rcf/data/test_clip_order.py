"""Order of the draws: random access, whole epochs, exact shares, batches of like shape."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcf.data.order import BLOCK, BUCKET_STEPS, Draw, Pool, draw_step, video_of

Shape = Callable[[int], tuple[int, int]]


def _draws(pools: tuple[Pool, ...], clips: int, steps: int, shape_of: Shape | None = None, seed: int = 0) -> list[Draw]:
    return [draw for step in range(steps) for draw in draw_step(pools, clips, seed, step, shape_of)]


def _mixed(videos: int, images: int, share: float) -> tuple[Pool, Pool]:
    return (Pool(0, videos, share=1 - share), Pool(videos, images, share=share, still=True))


def _unlike(index: int) -> tuple[int, int]:
    return [(36, 64), (64, 36), (48, 48)][index % 3]


@given(st.integers(1, 20), st.integers(1, 6), st.sampled_from([None, _unlike]), st.integers(0, 5))
def test_every_epoch_shows_every_video_once(videos: int, clips: int, shape_of: Shape | None, seed: int) -> None:
    pools = (Pool(0, videos),)
    steps = -(-3 * videos // clips)
    shown = [video_of(pools, draw, seed) for draw in _draws(pools, clips, steps, shape_of, seed)]
    for epoch in range(3):
        assert sorted(shown[epoch * videos : (epoch + 1) * videos]) == list(range(videos))


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.01, 0.99), st.integers(1, 6), st.integers(0, 5))
def test_each_pool_of_a_mixture_is_drawn_in_its_own_order_without_gaps(
    videos: int, images: int, share: float, clips: int, seed: int
) -> None:
    draws = _draws(_mixed(videos, images, share), clips, 80, seed=seed)
    for pool in (0, 1):
        numbers = [draw.number for draw in draws if draw.pool == pool]
        assert numbers == list(range(len(numbers)))


@given(st.floats(0.01, 0.99), st.integers(0, 5))
def test_the_share_of_the_images_is_exact_in_the_long_run(share: float, seed: int) -> None:
    draws = _draws(_mixed(5, 5, share), BLOCK, 10, seed=seed)
    images = sum(draw.pool for draw in draws)
    assert abs(images - share * len(draws)) <= 1


def test_images_and_videos_alternate_at_random() -> None:
    owners = [tuple(draw.pool for draw in draw_step(_mixed(5, 5, 0.5), 8, 0, step)) for step in range(16)]
    assert len(set(owners)) > 12


def test_the_videos_of_a_mixture_come_in_the_order_that_they_have_alone() -> None:
    alone = _draws((Pool(0, 7),), 4, 10)
    mixed = [draw for draw in _draws(_mixed(7, 5, 0.5), 4, 10) if draw.pool == 0]
    assert [video_of((Pool(0, 7),), draw, 0) for draw in alone[: len(mixed)]] == [
        video_of(_mixed(7, 5, 0.5), draw, 0) for draw in mixed]  # fmt: skip


def test_equal_shapes_leave_the_order_as_it_is() -> None:
    pools = (Pool(0, 23),)
    assert _draws(pools, 4, 40, lambda _: (36, 64)) == _draws(pools, 4, 40)


def test_batches_of_unlike_videos_are_of_one_shape_but_for_a_few() -> None:
    pools = (Pool(0, 300),)
    shapes = [
        {_unlike(video_of(pools, draw, 0)) for draw in draw_step(pools, 4, 0, step, _unlike)}
        for step in range(4 * BUCKET_STEPS)
    ]
    # In each bucket only the batches at the two changes of shape are mixed; an epoch's end makes one more bucket.
    assert Counter(len(shape) for shape in shapes)[1] >= len(shapes) - 2 * 6


def test_batches_of_a_bucket_are_in_random_order() -> None:
    pools = (Pool(0, 300),)
    ratios = [_ratio(draw_step(pools, 4, 0, step, _unlike), pools) for step in range(BUCKET_STEPS)]
    assert ratios != sorted(ratios)
    assert ratios != sorted(ratios, reverse=True)


def _ratio(draws: list[Draw], pools: tuple[Pool, ...]) -> float:
    height, width = _unlike(video_of(pools, draws[0], 0))
    return height / width


@given(st.integers(1, 9), st.integers(0, 60), st.integers(0, 3))
def test_sorting_by_shape_hands_out_the_same_draws(clips: int, bucket: int, seed: int) -> None:
    pools, first = (Pool(0, 13),), bucket * BUCKET_STEPS
    steps = range(first, first + BUCKET_STEPS)
    plain = [draw for step in steps for draw in draw_step(pools, clips, seed, step)]
    ordered = [draw for step in steps for draw in draw_step(pools, clips, seed, step, _unlike)]
    assert sorted(draw.number for draw in ordered) == [draw.number for draw in plain]


@pytest.mark.parametrize("shape_of", [None, _unlike])
def test_another_seed_gives_another_order(shape_of: Shape | None) -> None:
    pools = (Pool(0, 40),)
    orders = [[video_of(pools, draw, seed) for draw in draw_step(pools, 8, seed, 2, shape_of)] for seed in (0, 1)]
    assert orders[0] != orders[1]
