"""Which weights decay, at which rate they learn, and that one pass over each of them is AdamW."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from rcf.config import BackboneConfig, LossConfig, ModelConfig, TrainingConfig
from rcf.loss.criterion import SetLoss
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.structures import FrameTargets
from rcf.train.optimizer import build_optimizer, peak_lr, rate, set_rate

Tiny = Callable[..., ModelConfig]
_CONFIG = TrainingConfig(lr=1e-3, backbone_lr_multiplier=0.1, weight_decay=0.05, clips_per_step=4)


def _groups(network: RCF, config: TrainingConfig = _CONFIG) -> dict[str, dict[str, float]]:
    """Name of each weight that learns -> its group."""
    names = {id(weight): name for name, weight in network.named_parameters()}
    optimizer = build_optimizer(network, config)
    return {names[id(weight)]: group for group in optimizer.param_groups for weight in group["params"]}


def _undecayed(network: RCF) -> set[str]:
    return {name for name, group in _groups(network).items() if group["weight_decay"] == 0}


def test_matrices_decay_and_norms_biases_and_queries_do_not(tiny_model: Tiny) -> None:
    network = build_network(tiny_model(), categories=3, seed=0)
    wanted = {name for name, weight in network.named_parameters() if weight.dim() == 1} | {"decoder.slots.weight"}
    assert _undecayed(network) == wanted
    assert {group["weight_decay"] for group in _groups(network).values()} == {0.0, 0.05}


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ({"position": "learned"}, "target.positions.grid"),
        ({"token_types": True}, "fusion.types.vectors.weight"),
        ({"backbone": BackboneConfig(name="test_vit")}, ".pos_embed"),
    ],
    ids=["learned positions", "token types", "positions of a plain transformer"],
)
def test_tables_do_not_decay(tiny_model: Tiny, change: dict[str, object], table: str) -> None:
    network = build_network(tiny_model().model_copy(update=change), categories=3, seed=0)
    tables = [name for name, _ in network.named_parameters() if name.endswith(table)]
    assert len(tables) == 1
    assert tables[0] in _undecayed(network)


def test_a_static_pixel_weight_does_not_decay_and_a_predicted_one_does(tiny_model: Tiny) -> None:
    static, predicted = (
        build_network(tiny_model(pixel_weight=kind), categories=3, seed=0) for kind in ("static", "predicted")
    )
    assert "references.weight.logits" in _undecayed(static)
    assert "references.weight.predict.weight" not in _undecayed(predicted)


def test_the_backbone_learns_at_its_own_share_of_the_rate(tiny_model: Tiny) -> None:
    groups = _groups(build_network(tiny_model(), categories=3, seed=0))
    assert {group["peak_lr"] for name, group in groups.items() if name.startswith("backbone.")} == {1e-4}
    assert {group["peak_lr"] for name, group in groups.items() if not name.startswith("backbone.")} == {1e-3}


@pytest.mark.parametrize("frozen", [{"norm": "frozen"}, {"frozen_stages": 2}], ids=str)
def test_every_weight_that_learns_is_in_one_group_and_a_frozen_one_in_none(tiny_model: Tiny, frozen: dict) -> None:
    backbone = tiny_model().backbone.model_copy(update=frozen)
    network = build_network(tiny_model().model_copy(update={"backbone": backbone}), categories=3, seed=0)
    learns = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert sorted(_groups(network)) == sorted(learns)
    assert len(learns) < len(list(network.parameters()))


def test_the_rate_is_polynomial_after_a_linear_warm_up() -> None:
    config = TrainingConfig(steps=100, warmup_steps=10, poly_power=0.9)
    assert rate(0, config) == pytest.approx(0.1)
    assert rate(50, config) == pytest.approx(0.5**0.9)
    assert rate(99, config) == pytest.approx(0.01**0.9)


def test_every_group_follows_the_schedule_from_its_own_peak(tiny_model: Tiny) -> None:
    optimizer = build_optimizer(build_network(tiny_model(), categories=3, seed=0), _CONFIG)
    set_rate(optimizer, 0.25)
    assert {group["lr"] for group in optimizer.param_groups} == {0.25e-3, 0.25e-4}


@pytest.mark.parametrize(("lr_batch", "wanted"), [(0, 1e-3), (4, 1e-3), (8, 5e-4), (1, 4e-3)])
def test_the_rate_grows_with_the_batch_where_the_configuration_says_which_batch_it_is_for(
    lr_batch: int, wanted: float
) -> None:
    assert peak_lr(_CONFIG.model_copy(update={"lr_batch": lr_batch})) == pytest.approx(wanted)


def test_accumulation_does_not_change_the_rate() -> None:
    parts = _CONFIG.model_copy(update={"accumulate": 4, "lr_batch": 8})
    assert peak_lr(parts) == peak_lr(_CONFIG.model_copy(update={"lr_batch": 8}))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_one_pass_over_the_weights_is_adamw_step_by_step(
    tiny_model: Tiny, video: torch.Tensor, layout: torch.memory_format
) -> None:
    """The fused kernel takes weights, gradients and moments as flat memory: their layouts must agree."""
    one = build_network(tiny_model(), categories=3, seed=0).to(memory_format=layout).train()
    two = copy.deepcopy(one)
    fused = build_optimizer(one, _CONFIG)
    groups = [
        {"params": g["params"], "weight_decay": g["weight_decay"]} for g in build_optimizer(two, _CONFIG).param_groups
    ]
    plain = torch.optim.AdamW(groups, lr=1e-3, foreach=False)
    masks = torch.zeros(1, 64, 96, dtype=torch.bool)
    masks[0, 10:40, 10:60] = True
    truth = FrameTargets(torch.tensor([1]), masks, torch.tensor([0]))
    for group in fused.param_groups:
        group["lr"] = 1e-3
    for number in range(3):
        one.zero_grad()
        SetLoss(LossConfig())(one(video[number : number + 2][None]), [truth]).total.backward()
        _copy_gradients(one, two)
        fused.step()
        plain.step()
    for left, right in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-5)


def _copy_gradients(source: nn.Module, target: nn.Module) -> None:
    for left, right in zip(source.parameters(), target.parameters(), strict=True):
        right.grad = None if left.grad is None else left.grad.clone()
