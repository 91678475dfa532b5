"""Held-out videos: a share of each category, whatever the order of the videos; no chance but the seed's."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcf.data.stratify import lone_categories, stratified

LABELS = st.frozensets(st.sampled_from("abcdefgh"), max_size=4)
VIDEOS = st.lists(LABELS, max_size=40).map(lambda all_of: {f"v{n}": labels for n, labels in enumerate(all_of)})
SHARES = st.sampled_from([0.1, 0.2, 0.5])


def counts(videos: dict[str, frozenset[str]], names: "set[str] | frozenset[str]") -> Counter[str]:
    return Counter(label for name in names for label in videos[name])


@settings(max_examples=30)
@given(videos=VIDEOS, share=SHARES, seed=st.integers(0, 99), shuffled=st.randoms(use_true_random=False))
def test_order_plays_no_part(
    videos: dict[str, frozenset[str]], share: float, seed: int, shuffled: random.Random
) -> None:
    names = list(videos)
    shuffled.shuffle(names)
    assert stratified({name: videos[name] for name in names}, share, seed) == stratified(videos, share, seed)


@given(videos=VIDEOS, share=SHARES, seed=st.integers(0, 99))
def test_a_category_of_one_video_is_never_held_out(videos: dict[str, frozenset[str]], share: float, seed: int) -> None:
    held = stratified(videos, share, seed)
    assert held <= videos.keys()
    assert not counts(videos, held).keys() & set(lone_categories(videos))


@given(sizes=st.lists(st.integers(2, 25), min_size=1, max_size=8), share=SHARES, seed=st.integers(0, 99))
def test_categories_apart_are_split_to_the_video(sizes: list[int], share: float, seed: int) -> None:
    """Where each video has one category, its share is met to the nearest video, give or take one for the total."""
    videos = {f"{label}-{n}": frozenset([f"c{label}"]) for label, size in enumerate(sizes) for n in range(size)}
    held = counts(videos, stratified(videos, share, seed))
    for label, size in enumerate(sizes):
        assert 1 <= held[f"c{label}"] <= size - 1
        assert abs(held[f"c{label}"] - max(share * size, 1)) <= 1


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(10))
def test_categories_that_share_videos_are_split_to_a_few_videos(seed: int, share: float) -> None:
    rng = random.Random(seed)
    often = {label: rng.uniform(0.05, 0.6) for label in "abcdefghijkl"}
    videos = {f"v{n}": frozenset(c for c, p in often.items() if rng.random() < p) for n in range(120)}
    held, there = counts(videos, stratified(videos, share, seed)), counts(videos, set(videos))
    for label, count in there.items():
        assert abs(held[label] - share * count) <= 2.5, label


def test_another_seed_holds_out_other_videos() -> None:
    videos = {f"v{n}": frozenset(["a"]) for n in range(40)}
    assert len({stratified(videos, 0.2, seed) for seed in range(8)}) == 8


def test_two_videos_of_a_category_are_shared_out() -> None:
    assert len(stratified({"v0": frozenset("a"), "v1": frozenset("a")}, 0.01, 0)) == 1
