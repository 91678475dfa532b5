"""Identity by the cosine of instance codes (MinVIS), and the three rules beside one another."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import EvaluationConfig, FrameSizeConfig, ModelConfig
from rcf.identity import CosineIdentity, IdentityRule, SlotIdentity, SlotIouIdentity, identity_rule
from rcf.model.network import RCF
from rcf.streaming import OnlineSegmenter

_SLOTS = 6
_PERMUTATIONS = st.permutations(range(_SLOTS))


def _codes(seed: int, width: int = 16) -> torch.Tensor:
    return torch.randn(_SLOTS, width, generator=torch.Generator().manual_seed(seed))


def _assign(rule: IdentityRule, slots: list[int], codes: torch.Tensor) -> list[int]:
    masks = torch.zeros(len(slots), 2, 2, dtype=torch.bool)
    return rule.assign(torch.tensor(slots, dtype=torch.int64), masks, codes).identities.tolist()


@given(seed=st.integers(0, 999), orders=st.lists(_PERMUTATIONS, min_size=1, max_size=4))
def test_objects_that_change_their_slots_keep_their_identities(seed: int, orders: list[list[int]]) -> None:
    """Frame after frame the codes come in another order, a little changed and at other lengths."""
    rule, codes = CosineIdentity(), _codes(seed)
    identity_of = dict(enumerate(_assign(rule, list(range(_SLOTS)), codes)))
    for number, order in enumerate(orders):
        shown = (codes + 0.02 * _codes(seed + number + 1)) * (number + 0.5)
        found = _assign(rule, list(range(_SLOTS)), shown[list(order)])
        assert found == [identity_of[was] for was in order]


@given(
    frames=st.lists(
        st.tuples(st.integers(0, 9), st.lists(st.integers(0, _SLOTS - 1), unique=True)), min_size=1, max_size=5
    )
)
def test_all_slots_together_always_have_all_identities_once(frames: list[tuple[int, list[int]]]) -> None:
    """Whatever fires: two rules that see the same codes, one with all slots fired, agree on those that fire in both."""
    some, every = CosineIdentity(), CosineIdentity()
    for seed, slots in frames:
        found, whole = _assign(some, slots, _codes(seed)), _assign(every, list(range(_SLOTS)), _codes(seed))
        assert sorted(whole) == list(range(1, _SLOTS + 1))
        assert found == [whole[slot] for slot in slots]


def test_a_silent_slot_is_followed_to_where_it_fires_again() -> None:
    rule, codes = CosineIdentity(), _codes(0)
    first = _assign(rule, [2], codes)
    _assign(rule, [], codes[[1, 2, 0, 3, 4, 5]])
    assert _assign(rule, [5], codes[[5, 1, 0, 3, 4, 2]]) == first


def test_the_first_frame_numbers_the_slots() -> None:
    assert _assign(CosineIdentity(), [0, 3, 5], _codes(0)) == [1, 4, 6]


def test_an_assignment_says_where_it_differs_from_the_slot_rule() -> None:
    rule, codes = CosineIdentity(), _codes(0)
    slots, masks = torch.arange(3), torch.zeros(3, 2, 2, dtype=torch.bool)
    assert not rule.assign(slots, masks, codes).overridden.any()
    assert rule.assign(slots, masks, codes[[1, 0, 2, 3, 4, 5]]).overridden.tolist() == [True, True, False]


def test_codes_that_say_nothing_keep_every_slot_its_identity() -> None:
    rule = CosineIdentity()
    first = _assign(rule, list(range(_SLOTS)), torch.zeros(_SLOTS, 4))
    assert _assign(rule, list(range(_SLOTS)), torch.zeros(_SLOTS, 4)) == first


def test_the_length_of_a_code_does_not_matter() -> None:
    one, two = CosineIdentity(), CosineIdentity()
    for seed in range(4):
        stretched = _codes(seed) * torch.linspace(0.1, 9, _SLOTS)[:, None]
        assert _assign(one, list(range(_SLOTS)), _codes(seed)) == _assign(two, list(range(_SLOTS)), stretched)


@pytest.mark.parametrize(
    ("name", "kind"), [("slot", SlotIdentity), ("slot_iou", SlotIouIdentity), ("cosine", CosineIdentity)]
)
def test_the_configuration_names_the_rule(name: str, kind: type) -> None:
    assert type(identity_rule(EvaluationConfig.model_validate({"identity": name}))) is kind


def test_three_rules_on_one_network_see_the_same_objects_and_differ_in_their_names_alone(
    tiny_model: Callable[..., ModelConfig], network_of: Callable[[ModelConfig], RCF], video: torch.Tensor
) -> None:
    network, shown = network_of(tiny_model()), []
    for name in ("slot", "slot_iou", "cosine"):
        rules = EvaluationConfig.model_validate({"identity": name, "class_threshold": 0.2})
        segmenter = OnlineSegmenter(network, FrameSizeConfig(), rules)
        shown.append([segmenter.push(frame) for frame in video])
    for slot, iou, cosine in zip(*shown, strict=True):
        assert slot.slots.tolist() == iou.slots.tolist() == cosine.slots.tolist() != []
        assert torch.equal(slot.masks, iou.masks)
        assert torch.equal(slot.masks, cosine.masks)
        assert not slot.overridden.any()
