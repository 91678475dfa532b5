"""Arms of one seed start from the same weights wherever they share a part: differences come from the option alone."""

from collections.abc import Callable

import pytest
import torch

from rcf.config import ModelConfig
from rcf.model import build_network
from rcf.tensors import state_of

Tiny = Callable[..., ModelConfig]


def _weights(config: ModelConfig) -> dict[str, torch.Tensor]:
    return state_of(build_network(config, categories=3, seed=0))


def _unlike(one: ModelConfig, two: ModelConfig) -> set[str]:
    """Names of the weights that are in both networks, but not the same."""
    left, right = _weights(one), _weights(two)
    return {name for name in left.keys() & right.keys() if not torch.equal(left[name], right[name])}


@pytest.mark.parametrize(
    "knobs",
    [
        {"pixel_weight": "none"},
        {"pixel_weight": "static"},
        {"compression": "dwconv"},
        {"merge": "token"},
        {"tokens": 16},
        {"tokens": "full"},
        {"tokens": "full", "join": "decoder"},
        {"join": "decoder"},
        {"join": "decoder", "encoder_pass": "shared"},
        {"frames": 0},
    ],
    ids=str,
)
def test_an_option_of_the_references_changes_no_weight_that_both_arms_have(tiny_model: Tiny, knobs: dict) -> None:
    assert _unlike(tiny_model(), tiny_model(**knobs)) == set()


@pytest.mark.parametrize("other", [{"position": "learned"}, {"token_types": True}], ids=str)
def test_an_option_of_the_tokens_changes_no_weight_that_both_arms_have(tiny_model: Tiny, other: dict) -> None:
    assert _unlike(tiny_model(), tiny_model().model_copy(update=other)) == set()


def test_more_reference_frames_change_their_own_convolution_alone(tiny_model: Tiny) -> None:
    assert _unlike(tiny_model(1), tiny_model(3)) == {"references.merge.project.weight", "references.merge.project.bias"}


def test_more_queries_change_the_queries_alone(tiny_model: Tiny) -> None:
    more = tiny_model().model_copy(update={"queries": 9})
    assert _unlike(tiny_model(), more) == {"decoder.slots.weight"}


def test_full_references_of_method_a_and_b_are_made_alike(tiny_model: Tiny) -> None:
    a, b = tiny_model(tokens="full"), tiny_model(tokens="full", join="decoder")
    assert _unlike(a, b) == set()
    assert any(name.startswith("fusion.reference_encoder") for name in _weights(b).keys() - _weights(a).keys())


def test_an_encoder_pass_of_its_own_does_not_start_as_a_copy_of_the_targets(tiny_model: Tiny) -> None:
    weights = _weights(tiny_model(join="decoder"))
    name = "layers.0.feedforward.0.weight"
    assert not torch.equal(weights[f"fusion.encoder.{name}"], weights[f"fusion.reference_encoder.{name}"])


def test_a_shared_encoder_pass_has_no_weights_of_its_own(tiny_model: Tiny) -> None:
    apart, shared = (
        build_network(tiny_model(join="decoder", encoder_pass=kind), categories=3, seed=0)
        for kind in ("separate", "shared")
    )
    sizes = [sum(weight.numel() for weight in network.parameters()) for network in (apart, shared)]
    assert sizes[0] - sizes[1] == sum(weight.numel() for weight in shared.fusion.encoder.parameters())


def test_building_leaves_the_global_random_state_alone_and_depends_on_the_seed_only(tiny_model: Tiny) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again, other = (build_network(tiny_model(), categories=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    same = [torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(one.decoder.slots.weight, other.decoder.slots.weight)
