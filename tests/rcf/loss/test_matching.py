"""Matching finds the best of all assignments: frame by frame, or one for two adjacent frames (table VII)."""

import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import LossConfig
from rcf.loss.matcher import FrameMatching, FrameToMatch, Matched, Matching, PairMatching, matching_cost, matching_of
from rcf.loss.terms import pairwise_dice

_CONFIGS = {
    "sum": LossConfig(bce_weight=0.5, focal_weight=2.0),
    "product": LossConfig(matching="product"),
}


def _to_match(queries: int, tracks: Sequence[int], seed: int, layers: int = 1) -> FrameToMatch:
    generator = torch.Generator().manual_seed(seed)
    return FrameToMatch(
        torch.randn(layers, queries, 4, generator=generator),
        torch.randn(layers, queries, 12, generator=generator),
        torch.randint(0, 3, (len(tracks),), generator=generator),
        torch.rand(len(tracks), 12, generator=generator),
        torch.tensor(tracks, dtype=torch.int64),
    )


def _costs(frame: FrameToMatch, config: LossConfig, layer: int = 0) -> list[list[float]]:
    return matching_cost(frame.classes[layer], frame.masks[layer], frame.labels, frame.targets, config).tolist()


def _cheapest(costs: Sequence[dict[int, Sequence[float]]], queries: int) -> float:
    """By brute force: each object of the frames gets one query, the same in all frames; as many objects as fit."""
    objects = sorted(set().union(*costs))
    fitting = min(len(objects), queries)
    return min(
        sum(
            cost[number][query]
            for number, query in zip(chosen, places, strict=True)
            for cost in costs
            if number in cost
        )
        for chosen in itertools.combinations(objects, fitting)
        for places in itertools.permutations(range(queries), fitting)
    )


def _by_track(frame: FrameToMatch, config: LossConfig) -> dict[int, list[float]]:
    """Costs of each object with all queries."""
    rows = _costs(frame, config)
    return {track: [row[place] for row in rows] for place, track in enumerate(frame.tracks.tolist())}


def _total(found: Sequence[Matched], frames: Sequence[FrameToMatch], config: LossConfig) -> float:
    return sum(
        _costs(frame, config)[query][instance]
        for matched, frame in zip(found, frames, strict=True)
        for query, instance in zip(matched.queries[0], matched.instances[0], strict=True)
    )


@pytest.mark.parametrize("kind", _CONFIGS)
@given(queries=st.integers(1, 4), instances=st.integers(0, 5), seed=st.integers(0, 999))
def test_a_frames_matching_is_the_cheapest_of_all_assignments(
    kind: str, queries: int, instances: int, seed: int
) -> None:
    config, frame = _CONFIGS[kind], _to_match(queries, range(instances), seed)
    found = FrameMatching(config)([frame])
    best = _cheapest([_by_track(frame, config)], queries)
    assert _total(found, [frame], config) == pytest.approx(best, abs=1e-5)
    assert len(set(found[0].instances[0])) == len(set(found[0].queries[0])) == min(queries, instances)


@pytest.mark.parametrize("kind", _CONFIGS)
@given(
    queries=st.integers(1, 4),
    before=st.sets(st.integers(0, 4), max_size=4),
    now=st.sets(st.integers(0, 4), max_size=4),
    seed=st.integers(0, 999),
)
def test_a_pairs_matching_is_the_cheapest_of_all_assignments_that_both_frames_share(
    kind: str, queries: int, before: set[int], now: set[int], seed: int
) -> None:
    """Objects that one frame lacks count in the other alone; of more objects than queries, the best fitting ones."""
    config = _CONFIGS[kind]
    frames = [_to_match(queries, sorted(before), seed), _to_match(queries, sorted(now, reverse=True), seed + 1)]
    found = PairMatching(config)(frames)
    best = _cheapest([_by_track(frame, config) for frame in frames], queries)
    assert _total(found, frames, config) == pytest.approx(best, abs=1e-5)


@given(tracks=st.lists(st.sets(st.integers(0, 5), max_size=4), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_an_object_of_two_paired_frames_has_one_query_in_both(tracks: list[set[int]], seed: int) -> None:
    tracks = tracks[: len(tracks) // 2 * 2]
    frames = [_to_match(5, sorted(each), seed + number, layers=2) for number, each in enumerate(tracks)]
    found = PairMatching(LossConfig())(frames)
    for first, layer in itertools.product(range(0, len(frames), 2), range(2)):
        queries: dict[int, set[int]] = {}
        for frame, matched in zip(frames[first : first + 2], found[first : first + 2], strict=True):
            for query, instance in zip(matched.queries[layer], matched.instances[layer], strict=True):
                queries.setdefault(int(frame.tracks[instance]), set()).add(query)
        assert all(len(used) == 1 for used in queries.values())
        assert len(set().union(*queries.values())) == len(queries)


def test_pairs_do_not_reach_over_to_the_next_pair() -> None:
    frames = [_to_match(4, [1, 2], seed) for seed in range(4)]
    other = [*frames[:2], *(_to_match(4, [1, 2], seed) for seed in (7, 8))]
    matching = PairMatching(LossConfig())
    assert matching(frames)[:2] == matching(other)[:2]


def test_order_supervision_can_cost_more_in_a_frame_than_its_own_best() -> None:
    """Two queries whose masks change places: alone each frame follows the masks, together the order is kept."""
    targets = torch.tensor([[1.0] * 6 + [0.0] * 6, [0.0] * 6 + [1.0] * 6])
    labels, classes = torch.tensor([0, 0]), torch.zeros(1, 2, 4)
    sure, unsure = 20 * targets - 10, 2 * targets.flip(0) - 1
    frames = [FrameToMatch(classes, masks[None], labels, targets, torch.tensor([5, 6])) for masks in (sure, unsure)]
    alone, together = FrameMatching(LossConfig())(frames), PairMatching(LossConfig())(frames)
    assert [matched.instances[0] for matched in alone] == [[0, 1], [1, 0]]
    assert [matched.instances[0] for matched in together] == [[0, 1], [0, 1]]


def test_the_product_is_class_probability_times_mask_similarity() -> None:
    frame = _to_match(3, [0, 1], seed=4)
    likely = frame.classes[0].softmax(-1)[:, frame.labels]
    wanted = -likely * (1 - pairwise_dice(frame.masks[0], frame.targets))
    torch.testing.assert_close(torch.tensor(_costs(frame, _CONFIGS["product"])), wanted)


def test_weights_of_the_terms_do_not_change_the_product() -> None:
    frame = _to_match(3, [0, 1], seed=4)
    weighted = LossConfig(matching="product", dice_weight=7.0, class_weight=0.0, bce_weight=2.0)
    assert _costs(frame, weighted) == _costs(frame, _CONFIGS["product"])


@pytest.mark.parametrize("matching", [FrameMatching, PairMatching])
def test_layers_are_matched_each_by_itself(matching: Callable[[LossConfig], Matching]) -> None:
    layered = _to_match(4, [0, 1, 2], seed=3, layers=3)
    (both,) = matching(LossConfig())([layered])
    for layer in range(3):
        single = FrameToMatch(layered.classes[layer : layer + 1], layered.masks[layer : layer + 1], *_truth(layered))
        (alone,) = matching(LossConfig())([single])
        assert (both.queries[layer], both.instances[layer]) == (alone.queries[0], alone.instances[0])


def _truth(frame: FrameToMatch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return frame.labels, frame.targets, frame.tracks


def test_a_diverged_answer_is_matched_somehow() -> None:
    """The loss that follows is not finite and stops the training with its step; the matching must not be the one."""
    frame = _to_match(3, [0, 1], seed=0)
    lost = FrameToMatch(frame.classes * torch.nan, frame.masks * torch.inf, *_truth(frame))
    (found,) = FrameMatching(LossConfig())([lost])
    assert sorted(found.instances[0]) == [0, 1]


def test_the_configuration_names_the_matching() -> None:
    assert isinstance(matching_of(LossConfig()), FrameMatching)
    assert isinstance(matching_of(LossConfig(order_supervision=True)), PairMatching)
