"""Identity as arithmetic says what the rules of identity say, on any sequence of frames."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rcf.export.identity_steps import RuleState, forced_identities, settled
from rcf.identity import SlotIdentity, SlotIouIdentity
from rcf.tensors import integers

SLOTS = 5
CODES = torch.zeros(SLOTS, 4)


def videos(seed: int, frames: int) -> list[tuple[Tensor, Tensor]]:
    """Fired slots and masks of each frame: rectangles on a small grid, so that they overlap, tie and change slots."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(frames):
        fired = torch.rand(SLOTS, generator=generator) < 0.7
        masks = torch.zeros(SLOTS, 4, 6, dtype=torch.bool)
        for slot in range(SLOTS):
            top, left, height, width = torch.randint(0, 3, (4,), generator=generator).tolist()
            masks[slot, top : top + height + 1, left : left + width + 1] = True
        found.append((fired, masks & fired[:, None, None]))
    return found


def by_steps(video: list[tuple[Tensor, Tensor]], threshold: float | None) -> list[list[int]]:
    zeros = torch.zeros(SLOTS, dtype=torch.int64)
    state: RuleState = (zeros, zeros, torch.zeros(SLOTS, 4, 6, dtype=torch.bool), torch.zeros(1, dtype=torch.int64))
    said = []
    for fired, masks in video:
        forced = zeros if threshold is None else forced_identities(fired, masks, state, threshold)
        identities, own, count = settled(fired, forced, state)
        state = (own, identities, masks, count)
        said.append(integers(identities[fired]))
    return said


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
@settings(max_examples=60)
def test_the_rule_with_iou_is_the_same(seed: int, threshold: float) -> None:
    video, rule = videos(seed, 12), SlotIouIdentity(threshold)
    said = [integers(rule.assign(f.nonzero()[:, 0], masks[f], CODES).identities) for f, masks in video]
    assert by_steps(video, threshold) == said


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_rule_of_slots_alone_is_the_same(seed: int) -> None:
    video, rule = videos(seed, 12), SlotIdentity()
    said = [integers(rule.assign(f.nonzero()[:, 0], masks[f], CODES).identities) for f, masks in video]
    assert by_steps(video, None) == said


def test_the_sequences_make_the_iou_rule_override() -> None:
    video, rule = videos(0, 40), SlotIouIdentity(0.3)
    overridden = [rule.assign(f.nonzero()[:, 0], masks[f], CODES).overridden.any() for f, masks in video]
    assert sum(map(bool, overridden)) == pytest.approx(20, abs=19)
