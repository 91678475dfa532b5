"""Rules beside one another: on a network, and on answers made from the truth with slots exchanged on purpose."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.data.annotations import Annotations
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.identity_rules import RULES, RuleName, RuleResult, compare_rules
from rcf.diagnostics.other_orders import every_nth
from rcf.errors import CheckpointError
from rcf.evaluation import rle, video_pass
from rcf.evaluation.evaluator import Evaluator
from rcf.model.network import RCF
from rcf.structures import Segmentation

SURE, SLOTS = 12.0, 6
SlotOf = Callable[[int, int], int]
"""(frame, number of the object within its video) -> the slot that shows it."""
WAY = EvaluationConfig(overlays=0)


def with_truth(dataset: VideoDataset, annotations: Annotations) -> VideoDataset:
    """The same frames under other annotations, at their own size."""
    return VideoDataset(annotations, dataset.frames_root, 64, 96)


@pytest.fixture
def whole(clips: VideoDataset) -> VideoDataset:
    """The clips at their own size: nothing that is exactly right is lost by resizing."""
    return with_truth(clips, clips.annotations)


def answer(dataset: VideoDataset, index: int, slot_of: SlotOf, codes: Callable[[int, int], Tensor]) -> Segmentation:
    """Each true object exactly, of its category, in its slot of the frame; a slot's code is that of what it shows."""
    video = dataset.videos[index]
    classes = torch.full((video.length, SLOTS, len(dataset.category_ids) + 1), -SURE)
    classes[..., -1] = SURE
    masks = torch.full((video.length, SLOTS, video.height, video.width), -SURE)
    given = torch.zeros(video.length, SLOTS, SLOTS)
    tracks = [track for track in dataset.annotations.tracks if track.video_id == video.id]
    for frame in range(video.length):
        for number in range(SLOTS):
            slot = slot_of(frame, number)
            given[frame, slot] = codes(frame, number)
            mask = tracks[number].segmentations[frame] if number < len(tracks) else None
            if mask is not None:
                classes[frame, slot, -1] = -SURE
                classes[frame, slot, dataset.category_ids.index(tracks[number].category_id)] = SURE
                masks[frame, slot][torch.tensor(rle.decode([mask])[0].copy())] = SURE
    return Segmentation(classes[None], masks[None], given)


def by_object(frame: int, number: int) -> Tensor:
    """A code that names the object, whatever the frame."""
    return torch.eye(SLOTS)[number]


def stay(frame: int, number: int) -> int:
    return number


def exchange_half_way(frame: int, number: int) -> int:
    """From the third frame on, each object is in the slot beside that in which it was, round about."""
    return number if frame < 2 else (number + 1) % SLOTS


Compare = Callable[..., dict[RuleName, RuleResult]]


@pytest.fixture
def compare(tiny_network: RCF, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """(data set, slot_of, codes, way) -> results by rule, of a network that gives the answers made here."""

    def run(
        dataset: VideoDataset,
        slot_of: SlotOf = stay,
        codes: Callable[[int, int], Tensor] = by_object,
        way: EvaluationConfig = WAY,
    ) -> dict[RuleName, RuleResult]:
        answers = iter([answer(dataset, index, slot_of, codes) for index in range(len(dataset.videos))])
        monkeypatch.setattr(video_pass, "segment_video", lambda *_: next(answers))
        return {each.name: each for each in compare_rules(tiny_network, dataset, way)}

    return run


def test_rules_agree_and_are_perfect_where_every_object_stays_in_its_slot(
    whole: VideoDataset, compare: Compare
) -> None:
    found = compare(whole)
    assert tuple(found) == RULES
    for each in found.values():
        assert (each.ap, each.hota, each.deta, each.assa) == pytest.approx((100, 100, 100, 100))
        assert (each.switches, each.overridden) == (0, 0)
        assert replace(each, name="slot") == found["slot"]
    objects = sum(any(track.segmentations) for track in whole.annotations.tracks)
    assert found["slot"].identities == objects


def test_slots_that_are_exchanged_cost_the_slot_rule_identities_and_the_oracle_none(
    whole: VideoDataset, compare: Compare
) -> None:
    found = compare(whole, exchange_half_way)
    slot, oracle = found["slot"], found["oracle"]
    assert (oracle.ap, oracle.hota, oracle.switches) == (pytest.approx(100), pytest.approx(100), 0)
    assert oracle.overridden > 0
    crossings = sum(any(track.segmentations[:2]) and any(track.segmentations[2:]) for track in whole.annotations.tracks)
    assert slot.switches == crossings > 0
    assert slot.switches_per_100 == pytest.approx(100 * crossings / slot.found_again)
    assert (slot.ap or 0) < 100 and (slot.assa or 0) < 100
    assert slot.deta == pytest.approx(100), "masks are those of the oracle"
    for each in found.values():
        assert (each.ap or 0) <= (oracle.ap or 0) + 1e-9
        assert (each.hota or 0) <= (oracle.hota or 0) + 1e-9
        assert each.found_again == oracle.found_again


def test_codes_that_move_along_with_their_objects_save_the_cosine_rule(whole: VideoDataset, compare: Compare) -> None:
    assert compare(whole, exchange_half_way)["cosine"].switches == 0
    stuck = compare(whole, exchange_half_way, lambda frame, number: by_object(frame, exchange_half_way(frame, number)))
    assert stuck["cosine"].switches == stuck["slot"].switches


def test_an_identity_that_changes_while_the_object_is_out_of_sight_is_a_switch(
    clips: VideoDataset, compare: Compare
) -> None:
    """Only the first and the last frame show anything: every step is over a gap."""
    tracks = tuple(
        replace(
            track,
            segmentations=(track.segmentations[0], None, None, track.segmentations[3]),
            areas=(track.areas[0], None, None, track.areas[3]),
        )
        for track in clips.annotations.tracks
    )
    seen_twice = [track for track in tracks if track.segmentations[0] and track.segmentations[3]]
    slot = compare(with_truth(clips, replace(clips.annotations, tracks=tracks)), exchange_half_way)["slot"]
    assert slot.found_again == slot.switches == len(seen_twice) > 0


def test_scores_are_of_the_chosen_frames_and_switches_of_all(clips: VideoDataset, compare: Compare) -> None:
    """The exchange happens before the last frame, the only hard one: on it alone nothing has ever switched."""
    videos = tuple(replace(video, hard_frames=(3,)) for video in clips.videos)
    marked = with_truth(clips, replace(clips.annotations, videos=videos))
    ways = [EvaluationConfig.model_validate({"frames": choice}) for choice in ("all", "hard", "clear")]
    found = {way.frames: compare(marked, exchange_half_way, way=way)["slot"] for way in ways}
    assert found["hard"].hota == pytest.approx(100)
    assert (found["clear"].hota or 0) < 100
    assert len({(each.switches, each.found_again) for each in found.values()}) == 1


def test_the_network_sees_each_video_once_and_ap_is_that_of_the_evaluation(
    clips: VideoDataset, tiny_network: RCF, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = [
        EvaluationConfig.model_validate({"identity": name, "class_threshold": 0.2, "override_iou": 0.3, "overlays": 0})
        for name in RULES[:3]
    ]
    evaluations = Evaluator(clips, ways).run(tiny_network)
    calls: list[int] = []
    segment = video_pass.segment_video
    monkeypatch.setattr(
        video_pass, "segment_video", lambda network, frames, heard: calls.append(1) or segment(network, frames, heard)
    )
    found = compare_rules(tiny_network, clips, ways[0])
    assert len(calls) == len(clips.videos)
    for each, wanted in zip(found, evaluations, strict=False):
        assert each.ap == wanted.tracks.stats["AP"]
        share = wanted.metrics.get("order/override_pct")
        assert each.override_pct == share


def test_progress_is_told_after_each_video_and_the_network_stays_in_its_mode(
    clips: VideoDataset, tiny_network: RCF
) -> None:
    told: list[tuple[int, int]] = []
    compare_rules(tiny_network.train(), clips, WAY, lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert tiny_network.training


def finite(found: Sequence[RuleResult]) -> bool:
    values: list[Any] = [
        value
        for each in found
        for value in (each.ap, each.ap50, each.ap75, each.hota, each.deta, each.assa, each.switches_per_100)
    ]
    return all(value is None or math.isfinite(value) for value in values)


def test_videos_of_one_frame_find_nothing_again(clips: VideoDataset, compare: Compare) -> None:
    found = compare(with_truth(clips, every_nth(clips.annotations, 100)))
    assert finite(list(found.values()))
    for each in found.values():
        assert (each.found_again, each.fired, each.switches_per_100, each.override_pct) == (0, 0, None, None)
        assert each.hota == pytest.approx(100)


def test_without_a_true_object_there_is_no_ap_and_nothing_that_fires_is_right(
    clips: VideoDataset, tiny_network: RCF
) -> None:
    bare = with_truth(clips, replace(clips.annotations, tracks=()))
    found = compare_rules(tiny_network, bare, EvaluationConfig(class_threshold=0.0))
    assert finite(found)
    assert {(each.ap, each.hota, each.found_again) for each in found} == {(None, 0.0, 0)}


def test_where_no_slot_fires_scores_are_0_and_without_objects_too_there_are_none(
    clips: VideoDataset, tiny_network: RCF
) -> None:
    silent = EvaluationConfig(class_threshold=1.0)
    assert {(each.ap, each.hota, each.identities) for each in compare_rules(tiny_network, clips, silent)} == {
        (0.0, 0.0, 0)
    }
    bare = with_truth(clips, replace(clips.annotations, tracks=()))
    assert {(each.ap, each.hota, each.assa) for each in compare_rules(tiny_network, bare, silent)} == {
        (None, None, None)
    }


def test_a_network_of_nan_is_refused_with_the_video_named(clips: VideoDataset, tiny_network: RCF) -> None:
    with torch.no_grad():
        next(iter(tiny_network.parameters())).fill_(float("nan"))
    with pytest.raises(CheckpointError, match=r"video 1: got NaN or infinity.*earlier checkpoint"):
        compare_rules(tiny_network.train(), clips, WAY)
    assert tiny_network.training
