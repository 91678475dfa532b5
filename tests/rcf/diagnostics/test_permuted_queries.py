"""A network made to swap its slots half-way through a clip: every change is found, in exactly that frame."""

import pytest
import torch
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.config.data import FrameSizeConfig
from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.sightings import Sighting, sightings
from rcf.model.network import RCF
from rcf.streaming import OnlineSegmenter
from rcf.structures import FramePrediction, FrameTargets

HALF_WAY = 4


def answers(network: RCF, video: Tensor, order: Tensor | None = None) -> list[FramePrediction]:
    """Frame by frame; from `HALF_WAY` on the queries stand in another order."""
    way = EvaluationConfig(class_threshold=0.0, identity="slot")
    segmenter = OnlineSegmenter(network, FrameSizeConfig(height=64, width=96), way)
    slots = network.decoder.slots.weight
    kept, found = slots.detach().clone(), list[FramePrediction]()
    for number, frame in enumerate(video):
        if order is not None and number == HALF_WAY:
            with torch.no_grad():
                slots.copy_(kept[order])
        found.append(segmenter.push(frame))
    with torch.no_grad():
        slots.copy_(kept)
    return found


def seen(truth: list[FramePrediction], predicted: list[FramePrediction]) -> tuple[Sighting, ...]:
    """What each slot showed when nothing was permuted is the true object; only slots that show something."""
    found: list[Sighting] = []
    for number, (true, prediction) in enumerate(zip(truth, predicted, strict=True)):
        there = true.masks.flatten(1).any(1)
        targets = FrameTargets(torch.zeros(int(there.sum()), dtype=torch.int64), true.masks[there], true.slots[there])
        found += sightings(number, prediction, prediction.masks, targets)
    return tuple(found)


def test_permuted_queries_are_changes_in_exactly_that_frame(tiny_network: RCF, video: Tensor) -> None:
    torch.nn.init.normal_(tiny_network.decoder.slots.weight, std=3.0)  # slots that are well apart
    queries = tiny_network.decoder.slots.weight.shape[0]
    order = torch.arange(queries).roll(1)
    truth = answers(tiny_network, video)
    plain = OrderResult([VideoOrder(0, seen(truth, truth), (), 0, 0)])
    swapped = OrderResult([VideoOrder(0, seen(truth, answers(tiny_network, video, order)), (), 0, 0)])

    assert plain.metrics()["order/consistency_pct"] == 100.0
    assert plain.changes == ()
    assert len(swapped.steps) == len(plain.steps) > 0
    assert {step.after.frame for _, step in swapped.changes} == {HALF_WAY}
    moved = [step for _, step in swapped.changes]
    objects = {step.after.track for step in plain.steps if step.after.frame == HALF_WAY}
    assert {step.after.track for step in moved} == objects, "each object that is found in both frames"
    assert all(step.after.slot == (step.before.slot + 1) % queries for step in moved)
    kept = 100 * (len(swapped.steps) - len(moved)) / len(swapped.steps)
    assert swapped.metrics()["order/consistency_pct"] == pytest.approx(kept)
