"""Box "backbone": a timm network as a feature pyramid.

frames N 3 H W uint8 --normalise--> timm --> maps at strides 4, 8, 16, 32   (N C_i H/s W/s)
"""

from collections.abc import Sequence
from typing import Protocol, cast

import timm
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from rcf.config import BackboneConfig
from rcf.errors import InputError, Problem
from rcf.model.weights import load_backbone_weights

STRIDES = (4, 8, 16, 32)

Pyramid = tuple[Tensor, Tensor, Tensor, Tensor]
"""Maps at strides 4, 8, 16, 32."""


class _FeatureInfo(Protocol):
    def reduction(self) -> Sequence[int]: ...
    def channels(self) -> Sequence[int]: ...


class Backbone(nn.Module):
    """Normalise frames as the weights want it and return four feature maps."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.body = _pyramid_network(config.name)
        info = cast(_FeatureInfo, self.body.feature_info)
        self.channels = tuple(info.channels())
        settings = cast("dict[str, Sequence[float]]", self.body.pretrained_cfg)
        self.register_buffer("mean", torch.tensor(settings["mean"]).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(settings["std"]).view(3, 1, 1) * 255, persistent=False)
        load_backbone_weights(self.body, config)
        self._norms_frozen = config.norm == "frozen"
        if self._norms_frozen:
            for norm in self._batch_norms():
                norm.requires_grad_(False)

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        return [module for module in self.body.modules() if isinstance(module, nn.BatchNorm2d)]

    def train(self, mode: bool = True) -> "Backbone":
        """As `nn.Module.train`, but frozen norms keep using the statistics of their weights."""
        super().train(mode)
        if self._norms_frozen:
            for norm in self._batch_norms():
                norm.eval()
        return self

    def normalise(self, frames: UInt8[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 H W"]:
        """Pixels 0..255 to the range that the weights were trained on."""
        return (frames.to(self.mean.dtype) - self.mean) / self.std

    def forward(self, frames: UInt8[Tensor, "N 3 H W"]) -> Pyramid:
        """Four maps, finest first."""
        images = self.normalise(frames)
        if next(self.body.parameters()).is_contiguous(memory_format=torch.channels_last):
            images = images.contiguous(memory_format=torch.channels_last)
        fine, middle, coarse, top = self.body(images)
        return fine, middle, coarse, top


def _pyramid_network(name: str) -> nn.Module:
    """The timm network `name` with outputs at the four strides; InputError names what is wrong with it."""
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "see timm.list_models()"
        raise InputError([Problem("configuration", "model.backbone.name", repr(name), "a timm model", f"Near: {near}")])
    probe = timm.create_model(name, features_only=True)
    reductions = list(cast(_FeatureInfo, probe.feature_info).reduction())
    missing = [stride for stride in STRIDES if stride not in reductions]
    if missing:
        raise InputError(
            [Problem("configuration", "model.backbone.name", f"{name} with strides {reductions}", f"strides {STRIDES}")]
        )
    indices = tuple(reductions.index(stride) for stride in STRIDES)
    body = timm.create_model(name, features_only=True, out_indices=indices)
    _refuse_unusual_maps(name, body)
    return body


def _refuse_unusual_maps(name: str, body: nn.Module) -> None:
    """Some networks (Swin) take one input size only, or put channels last: say so here, not in the first step."""
    channels = list(cast(_FeatureInfo, body.feature_info).channels())
    wanted = [(1, count, 64 // stride, 96 // stride) for count, stride in zip(channels, STRIDES, strict=True)]
    try:
        with torch.inference_mode():
            got = [tuple(level.shape) for level in body.eval()(torch.zeros(1, 3, 64, 96))]
    except (AssertionError, RuntimeError) as error:
        got = str(error)
    body.train()
    if got != wanted:
        aim = "maps N C H/s W/s at any input size"
        raise InputError([Problem("configuration", "model.backbone.name", f"{name}: {got}", aim, "Choose another")])


def backbone_problems(config: BackboneConfig) -> list[Problem]:
    """What is wrong with a backbone and its weights. Downloads nothing: `imagenet` is taken on trust."""
    offline = config.model_copy(update={"weights": "none"}) if config.weights == "imagenet" else config
    try:
        Backbone(offline)
    except InputError as error:
        return list(error.problems)
    return []
