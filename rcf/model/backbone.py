"""Box "backbone": a timm network as a feature pyramid.

frames N 3 H W uint8 --normalise--> body --> maps at strides 4, 8, 16, 32   N C_i ceil(H/s) ceil(W/s)
                                     |
body: which network it suits (backbone_body) <- weights (weights) <- what learns, what is kept (backbone_options)
"""

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from rcf.config import BackboneConfig
from rcf.errors import InputError, Problem
from rcf.model.backbone_body import STRIDES, Pyramid, pyramid_body
from rcf.model.backbone_options import batch_norms, checkpoint_blocks, freeze_stages
from rcf.model.weights import imagenet_problem, load_backbone_weights, timm_network

__all__ = ["STRIDES", "Backbone", "Pyramid", "backbone_problems"]


class _Pretrained(Protocol):
    pretrained_cfg: dict[str, Sequence[float]]


class Backbone(nn.Module):
    """Normalise frames as the weights want it and return four feature maps of `channels`."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        network = timm_network(config)
        settings = cast(_Pretrained, network).pretrained_cfg
        self.body = pyramid_body(network)
        self.channels = self.body.channels
        self.register_buffer("mean", torch.tensor(settings["mean"]).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(settings["std"]).view(3, 1, 1) * 255, persistent=False)
        load_backbone_weights(self.body, config)
        if config.gradient_checkpointing:
            checkpoint_blocks(self.body)
        self._frozen: list[nn.Module] = freeze_stages(self.body, config.frozen_stages)
        self._norms_frozen = config.norm == "frozen"
        if self._norms_frozen:
            for norm in batch_norms(self.body):
                norm.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> "Backbone":
        """As `nn.Module.train`, but frozen stages and frozen norms stay in evaluation mode."""
        super().train(mode)
        for module in (*self._frozen, *(batch_norms(self.body) if self._norms_frozen else ())):
            module.eval()
        return self

    def normalise(self, frames: UInt8[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 H W"]:
        """Pixels 0..255 to the range that the weights were trained on."""
        return (frames.to(self.mean.dtype) - self.mean) / self.std

    def forward(self, frames: UInt8[Tensor, "N 3 H W"]) -> Pyramid:
        """Four maps, finest first."""
        return self.pyramid(self.normalise(frames))

    def pyramid(self, images: Float[Tensor, "N 3 H W"]) -> Pyramid:
        """The same from normalised images."""
        kernels = (weight for weight in self.body.parameters() if weight.dim() == 4)
        last = next(kernels).is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        maps: Pyramid = self.body(images.contiguous(memory_format=layout))
        return maps


def backbone_problems(config: BackboneConfig) -> list[Problem]:
    """What is wrong with a backbone and its weights, found without memory for the network and without a download."""
    unread = config.model_copy(update={"weights": "none"}) if config.weights == "imagenet" else config
    try:
        with torch.device("meta"):
            Backbone(unread)
    except InputError as error:
        return list(error.problems)
    missing = imagenet_problem(config)
    return [missing] if missing else []
