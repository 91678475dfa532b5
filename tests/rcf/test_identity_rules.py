"""Identity by slot, and the IoU override."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.identity import CosineIdentity, IdentityRule, SlotIdentity, SlotIouIdentity, mask_iou


def _masks(*columns: range) -> torch.Tensor:
    """Masks of 4 x 12 pixels that fill the given columns."""
    masks = torch.zeros(len(columns), 4, 12, dtype=torch.bool)
    for mask, column in zip(masks, columns, strict=True):
        mask[:, list(column)] = True
    return masks


_NO_CODES = torch.zeros(6, 2)


def _slots(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int64)


def test_a_slot_keeps_its_identity_through_silence() -> None:
    rule = SlotIdentity()
    first = rule.assign(_slots(1, 3), _masks(range(2), range(4, 6)), _NO_CODES).identities.tolist()
    rule.assign(_slots(3), _masks(range(4, 6)), _NO_CODES)
    assert rule.assign(_slots(1, 3), _masks(range(2), range(4, 6)), _NO_CODES).identities.tolist() == first


def test_a_mask_that_moves_to_another_slot_takes_its_identity_along() -> None:
    rule = SlotIouIdentity(0.5)
    before = rule.assign(_slots(0, 1), _masks(range(4), range(6, 12)), _NO_CODES)
    after = rule.assign(_slots(0, 1), _masks(range(6, 12), range(4)), _NO_CODES)
    assert after.identities.tolist() == before.identities.tolist()[::-1]
    assert after.overridden.tolist() == [True, True]


def test_an_overlap_of_exactly_one_half_does_not_override() -> None:
    """Strictly greater, as the paper says: 2 of 4 columns shared is an IoU of 0.5."""
    rule = SlotIouIdentity(0.5)
    rule.assign(_slots(0), _masks(range(4)), _NO_CODES)
    after = rule.assign(_slots(1), _masks(range(2)), _NO_CODES)
    assert after.identities.tolist() == [2]


def test_the_greater_overlap_wins_and_the_loser_whose_identity_is_taken_gets_a_new_one() -> None:
    rule = SlotIouIdentity(0.5)
    rule.assign(_slots(0), _masks(range(8)), _NO_CODES)
    after = rule.assign(_slots(1, 2), _masks(range(6), range(7)), _NO_CODES)
    assert after.identities.tolist() == [2, 1]
    assert after.overridden.tolist() == [False, True]


def test_two_slots_on_one_object_keep_their_identities_while_each_overlaps_its_own_former_mask() -> None:
    """Slot 1's mask is nearer to slot 0's former one than slot 0's is, and yet nothing has moved to another slot."""
    rule = SlotIouIdentity(0.5)
    before = rule.assign(_slots(0, 1), _masks(range(8), range(6)), _NO_CODES)
    after = rule.assign(_slots(0, 1), _masks(range(6), range(8)), _NO_CODES)
    assert after.identities.tolist() == before.identities.tolist()
    assert after.overridden.tolist() == [False, False]


def test_an_overlap_with_the_own_former_mask_is_no_override() -> None:
    rule = SlotIouIdentity(0.5)
    rule.assign(_slots(2), _masks(range(5)), _NO_CODES)
    assert rule.assign(_slots(2), _masks(range(4)), _NO_CODES).overridden.tolist() == [False]


@given(st.data())
def test_no_identity_is_used_twice_in_a_frame(data: st.DataObject) -> None:
    rules: list[IdentityRule] = [SlotIdentity(), SlotIouIdentity(0.5)]
    for _ in range(4):
        slots = data.draw(st.lists(st.integers(0, 5), unique=True, max_size=5))
        starts = [data.draw(st.integers(0, 8)) for _ in slots]
        masks = _masks(*(range(start, start + 4) for start in starts))
        for rule in rules:
            identities = rule.assign(_slots(*slots), masks, _NO_CODES).identities.tolist()
            assert len(set(identities)) == len(identities)


def test_mask_iou_of_known_masks() -> None:
    overlap = mask_iou(_masks(range(4), range(0)), _masks(range(2, 6), range(0)))
    torch.testing.assert_close(overlap, torch.tensor([[1 / 3, 0.0], [0.0, 0.0]], dtype=torch.float64))


def test_a_slot_that_wakes_up_does_not_take_back_an_identity_that_another_slot_carries() -> None:
    """Slot 0 falls silent, slot 3 takes its identity along, both fire: slot 3 is slot 3 at t-1."""
    rule = SlotIouIdentity(0.5)
    rule.assign(_slots(0), _masks(range(4)), _NO_CODES)
    rule.assign(_slots(3), _masks(range(4)), _NO_CODES)
    after = rule.assign(_slots(0, 3), _masks(range(8, 12), range(5, 7)), _NO_CODES)
    assert after.identities.tolist() == [2, 1]


@given(st.permutations(range(6)), st.integers(0, 99))
def test_cosine_rule_follows_codes_that_change_their_slots(order: list[int], seed: int) -> None:
    """Slot k of the second frame carries the code, a little turned and scaled, of slot order[k] of the first."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.eye(6) + 0.05 * torch.randn(6, 6, generator=generator)
    moved = 3 * codes[order] + 0.05 * torch.randn(6, 6, generator=generator)
    rule = CosineIdentity()
    every = _slots(*range(6))
    first = rule.assign(every, _masks(*[range(1)] * 6), codes)
    second = rule.assign(every, _masks(*[range(1)] * 6), moved)
    assert first.identities.tolist() == [1, 2, 3, 4, 5, 6]
    assert second.identities.tolist() == [place + 1 for place in order]


def test_cosine_rule_knows_a_slot_again_that_was_silent() -> None:
    """All slots are paired in every frame, also those that do not fire."""
    rule, codes = CosineIdentity(), torch.eye(3)
    rule.assign(_slots(2), _masks(range(1)), codes)
    rule.assign(_slots(), _masks(), codes[[2, 0, 1]])
    assert rule.assign(_slots(0), _masks(range(1)), codes[[2, 0, 1]]).identities.tolist() == [3]
