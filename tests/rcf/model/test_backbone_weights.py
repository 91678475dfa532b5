"""Where weights come from, and what is said when they do not come. Nothing here reaches for a network."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rcf.config import BackboneConfig
from rcf.errors import InputError, Problem
from rcf.model import weights
from rcf.model.backbone import Backbone, backbone_problems
from rcf.tensors import load_tensors, save_tensors, state_of


def problems_of_building(config: BackboneConfig) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        Backbone(config)
    return list(caught.value.problems)


def test_the_packaged_weights_fill_every_tensor_of_the_backbone() -> None:
    random = Backbone(BackboneConfig())
    packaged = Backbone(BackboneConfig(weights="package:efficientnet-lite0"))
    same = [
        name
        for (name, a), b in zip(random.body.named_parameters(), packaged.body.parameters(), strict=True)
        if a.dim() > 1 and torch.equal(a, b)
    ]
    assert same == []


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (BackboneConfig(name="resnet_none"), "model.backbone.name"),
        (BackboneConfig(weights="internet"), "model.backbone.weights"),
        (BackboneConfig(name="resnet10t", weights="package:efficientnet-lite0"), "model.backbone.weights"),
        (BackboneConfig(weights="file:/nowhere.safetensors"), "model.backbone.weights"),
        (BackboneConfig(name="resnet10t.best"), "model.backbone.name"),
        (BackboneConfig(name="resnet10t", weights="imagenet"), "model.backbone.weights"),
        (BackboneConfig(name="test_vit4", weights="imagenet"), "model.backbone.weights"),
    ],
)
def test_a_backbone_that_is_not_to_be_had_names_the_field(config: BackboneConfig, place: str) -> None:
    assert [problem.place for problem in backbone_problems(config)] == [place]


def test_weights_that_are_not_in_the_cache_are_an_input_error_with_three_ways_out() -> None:
    (problem,) = problems_of_building(BackboneConfig(name="resnet10t.c3_in1k", weights="imagenet"))
    assert "HF_HUB_OFFLINE" in problem.got
    for way in (weights.export_command("resnet10t.c3_in1k"), "package:efficientnet-lite0", "HF_HOME"):
        assert way in problem.wanted


def test_a_download_that_fails_gives_its_reason_and_the_same_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads are allowed as far as we know, and then the hub's client does not get there."""
    monkeypatch.setattr(weights, "imagenet_problem", lambda config: None)
    (problem,) = problems_of_building(BackboneConfig(name="resnet10t.c3_in1k", weights="imagenet"))
    assert "LocalEntryNotFoundError" in problem.got
    assert "HF_HOME" in problem.wanted


def test_the_command_of_the_message_writes_a_file_that_fits(tmp_path: Path) -> None:
    """As it stands, but for the download."""
    command = weights.export_command("test_resnet").replace("pretrained=True", "pretrained=False")
    first, *rest = shlex.split(command)
    assert first == "python"
    subprocess.run([sys.executable, *rest], check=True, cwd=tmp_path)
    path = tmp_path / "test_resnet.safetensors"
    loaded = Backbone(BackboneConfig(name="test_resnet", weights=f"file:{path}"))
    torch.testing.assert_close(state_of(loaded.body.network)["conv1.0.weight"], load_tensors(path)["conv1.0.weight"])


def test_a_filled_cache_is_enough_for_imagenet_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout of the hub's cache; what the third way promises."""
    source = Backbone(BackboneConfig(name="test_resnet"))
    folder = tmp_path / "models--timm--test_resnet.r160_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_tensors(state_of(source.body.network), folder / "snapshots" / ("0" * 40) / "model.safetensors")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    config = BackboneConfig(name="test_resnet", weights="imagenet")
    assert backbone_problems(config) == []
    torch.testing.assert_close(state_of(Backbone(config)), state_of(source), atol=0, rtol=0)


def test_a_file_that_is_torn_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "torn.safetensors").write_bytes(b"no tensors")
    for build in (backbone_problems, problems_of_building):
        assert len(build(BackboneConfig(name="resnet10t", weights=f"file:{tmp_path}/torn.safetensors"))) == 1


def test_tensors_that_are_missing_or_of_another_shape_are_named(tmp_path: Path) -> None:
    tensors = state_of(Backbone(BackboneConfig(name="test_resnet")).body.network)
    del tensors["bn1.weight"]
    tensors["layer2.0.conv1.weight"] = torch.zeros(1, 2)
    tensors["stranger"] = torch.zeros(1)
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "other.safetensors")
    config = BackboneConfig(name="test_resnet", weights=f"file:{tmp_path}/other.safetensors")
    for build in (backbone_problems, problems_of_building):
        (problem,) = build(config)
        assert "network.bn1.weight is missing" in problem.got
        assert "network.layer2.0.conv1.weight is (1, 2) instead of (48, 32, 3, 3)" in problem.got
        assert "stranger" in problem.hint


def test_checking_the_weights_of_a_file_reads_its_header_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is compared by its header: reading its tensors would fail here."""
    save_tensors(state_of(Backbone(BackboneConfig(name="test_resnet")).body), tmp_path / "own.safetensors")
    monkeypatch.setattr(weights, "load_tensors", lambda path: pytest.fail(f"{path} was read"))
    assert backbone_problems(BackboneConfig(name="test_resnet", weights=f"file:{tmp_path}/own.safetensors")) == []
