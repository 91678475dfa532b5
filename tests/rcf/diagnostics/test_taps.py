"""Taps see everything and leave nothing: the same bits out, no hook behind, every module in its mode of before."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rcf.config import AudioConfig, ModelConfig
from rcf.diagnostics.taps import Call, attention_weights, pixel_weight, tapped, undisturbed
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.model.reference import StaticWeight

Tiny = Callable[..., ModelConfig]


def answers(network: RCF, video: Tensor) -> list[Tensor]:
    with torch.no_grad():
        answer = network(video[None])
    return [answer.classes, answer.masks, answer.codes]


def all_names(network: nn.Module) -> list[str]:
    return [name for name, _ in network.named_modules() if name]


def hooked(network: nn.Module) -> list[str]:
    return [name for name, part in network.named_modules() if part._forward_hooks or part._forward_pre_hooks]


@pytest.mark.parametrize(
    "reference",
    [{}, {"tokens": "full"}, {"frames": 0}, {"tokens": "full", "join": "decoder"}, {"pixel_weight": "static"}],
    ids=["compressed", "full", "none", "method B", "static weight"],
)
@pytest.mark.parametrize("listens", [False, True])
def test_a_tapped_network_gives_the_same_answer_bit_for_bit(
    tiny_model: Tiny, video: Tensor, reference: dict[str, object], listens: bool
) -> None:
    config = tiny_model(**{"frames": 2, **reference})
    audio = AudioConfig(features="small", mel_frames=16, lstm_width=8) if listens else config.audio
    network = build_network(config.model_copy(update={"audio": audio}), categories=3, seed=0).eval()
    plain = answers(network, video)
    with tapped(network, all_names(network)) as calls:
        watched = answers(network, video)
    assert all(torch.equal(one, other) for one, other in zip(plain, watched, strict=True))
    assert len(calls["fusion"]) == 1
    assert hooked(network) == []


def test_hooks_are_gone_after_an_error_too(tiny_network: RCF, video: Tensor) -> None:
    with pytest.raises(RuntimeError, match="stop"), tapped(tiny_network, ["fusion", "decoder"]):
        assert hooked(tiny_network) == ["fusion", "decoder"]
        raise RuntimeError("stop")
    with pytest.raises(AttributeError, match="nothing"), tapped(tiny_network, ["fusion", "nothing"]):
        pass
    assert hooked(tiny_network) == []


def test_hooks_of_others_stay(tiny_network: RCF) -> None:
    tiny_network.fusion.register_forward_hook(lambda part, inputs, output: None)
    with tapped(tiny_network, ["fusion"]):
        pass
    assert hooked(tiny_network) == ["fusion"]


def test_calls_come_in_order_with_what_was_given_by_place_and_by_name() -> None:
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    network = nn.Sequential(layer)
    first, second = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    with tapped(network, ["0"]) as calls:
        layer(first, first, first, need_weights=False)
        layer(second, second, second)
    assert [call.inputs[0].shape[1] for call in calls["0"]] == [3, 5]
    assert [dict(call.options) for call in calls["0"]] == [{"need_weights": False}, {}]


def test_undisturbed_brings_every_module_back_to_its_own_mode() -> None:
    network = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2), nn.Sequential(nn.Dropout()))
    network[1].eval()
    before = [part.training for part in network.modules()]
    with pytest.raises(RuntimeError), undisturbed(network):
        assert not any(part.training for part in network.modules())
        assert not torch.is_grad_enabled()
        raise RuntimeError
    assert [part.training for part in network.modules()] == before
    assert torch.is_grad_enabled()


def test_weights_are_those_of_the_softmax_and_padding_gets_none() -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2, batch_first=True).eval()
    asks, seen = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    padding = torch.tensor([[False, False, True, False, True]])
    found = attention_weights(
        layer, Call((asks, seen, seen), {"key_padding_mask": padding, "need_weights": False}, None)
    )
    query = asks[0] @ layer.in_proj_weight[:4].T + layer.in_proj_bias[:4]
    key = seen[0] @ layer.in_proj_weight[4:8].T + layer.in_proj_bias[4:8]
    for head in range(2):
        part = slice(2 * head, 2 * head + 2)
        logits = (query[:, part] @ key[:, part].T / 2**0.5).masked_fill(padding, -torch.inf)
        torch.testing.assert_close(found[0, head], logits.softmax(-1))


def test_the_weight_of_a_pixel_is_what_its_feature_was_multiplied_with(tiny_model: Tiny, video: Tensor) -> None:
    for kind in ("predicted", "static"):
        network = build_network(tiny_model(frames=2, pixel_weight=kind), categories=3, seed=0).eval()
        weight = network.references.weight
        if isinstance(weight, StaticWeight):
            nn.init.normal_(weight.logits)
        with undisturbed(network), tapped(network, ["references.weight"]) as calls:
            network(video[None, :3])
            (call,) = calls["references.weight"]
            found = pixel_weight(weight, call)
        assert found is not None
        assert found.shape == (3, 2, 3)
        assert 0 < float(found.min()) < float(found.max()) < 1
        torch.testing.assert_close(call.inputs[0] * found[:, None], call.output)


def test_a_part_that_weighs_nothing_has_no_weights() -> None:
    assert pixel_weight(nn.Identity(), Call((torch.ones(1, 2, 3, 3),), {}, None)) is None
