"""From a timm network to four maps, whatever the network and the size of the images.

    hierarchical (ResNet, EfficientNet, ConvNeXt, Swin, ...)
        images --pad--> network --> maps at strides 4, 8, 16, 32 --crop--> LayerNorm, where it has no batch norm
    plain (ViT, DINO): one map, made into four by a simple feature pyramid (ViTDet, arXiv 2203.16527)
        images --pad, resize--> network --> N C h w at 16 --2 x transposed conv--> 4
                                                          --transposed conv------> 8
                                                          -----------------------> 16
                                                          --max-pool-------------> 32    each with a LayerNorm, cropped

Which of them, and how much padding, is read off the network; there are no lists of names.
"""

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from rcf.errors import InputError, Problem
from rcf.model.backbone_windows import pad_windows

STRIDES = (4, 8, 16, 32)

Pyramid = tuple[Tensor, Tensor, Tensor, Tensor]
"""Maps at strides 4, 8, 16, 32, channels first, ceil(H / stride) x ceil(W / stride)."""

_ODD = (33, 65)
"""Height and width whose halves, rounded up, are odd down to stride 32: rounding down at any stage shows."""


class _TimmNetwork(Protocol):
    """What is used of a timm network beside nn.Module."""

    feature_info: Sequence[dict[str, Any]]
    pretrained_cfg: dict[str, Any]

    def forward_intermediates(
        self, x: Tensor, *, indices: Sequence[int], norm: bool, intermediates_only: bool
    ) -> list[Tensor]: ...
    def prune_intermediate_layers(self, indices: list[int], *, prune_norm: bool) -> object: ...


class HierarchicalBody(nn.Module):
    """A network with maps at the four strides. What comes after the last of them is removed from it."""

    def __init__(self, network: nn.Module, levels: Sequence[int]) -> None:
        super().__init__()
        timm_network = cast(_TimmNetwork, network)
        info = [timm_network.feature_info[level] for level in levels]
        self.channels: tuple[int, ...] = tuple(level["num_chs"] for level in info)
        self.stage_ends: tuple[str, ...] = tuple(level["module"] for level in info)
        """The modules of `network` that the maps leave."""
        timm_network.prune_intermediate_layers(list(levels), prune_norm=True)
        pad_windows(network)
        self.network = network
        self.levels = list(levels)
        # Residual streams of networks without batch norm are not normalised, and grow with depth.
        bare = not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
        self.norms = nn.ModuleList(LayerNorm2d(count) if bare else nn.Identity() for count in self.channels)
        self._multiple = self._smallest_padding()

    def _smallest_padding(self) -> int:
        """Pad images to multiples of it. ResNets round sizes up by themselves, ConvNeXts round them down: 32."""
        got = ""
        for multiple in (1, 4, 32):
            images = _padded(_probe(self.network), multiple)
            wanted = [(count, *_ceil(images, stride)) for count, stride in zip(self.channels, STRIDES, strict=True)]
            try:
                with _looking_at(self.network):
                    maps = [tuple(level.shape[1:]) for level in self._maps(images)]
            except (AssertionError, RuntimeError, ValueError) as error:
                got = str(error)
                continue
            if maps == wanted:
                return multiple
            got = f"maps of {maps}"
        raise _refused(self.network, got)

    def _maps(self, images: Tensor) -> list[Tensor]:
        network = cast(_TimmNetwork, self.network)
        return network.forward_intermediates(images, indices=self.levels, norm=False, intermediates_only=True)

    def padded(self, images: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 h w"]:
        """As large as the network needs them."""
        return _padded(images, self._multiple)

    def forward(self, images: Float[Tensor, "N 3 H W"]) -> Pyramid:
        """Four maps, finest first."""
        maps = self._maps(self.padded(images))
        fine, middle, coarse, top = (
            norm(_cropped(level, images, stride)) for norm, level, stride in zip(self.norms, maps, STRIDES, strict=True)
        )
        return fine, middle, coarse, top


class PlainBody(nn.Module):
    """A network of one stride P, and the four maps made from its last one.

    P need not be a power of two: with patches of 14 pixels, images are resized by 14/16, so that each patch stands for
    16 x 16 pixels of the image. Position embeddings are resampled by timm.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        info = cast(_TimmNetwork, network).feature_info
        depth = len(info)
        self._last = depth - 1
        self._patch = int(info[-1]["reduction"])
        self._stride = 2 ** round(math.log2(self._patch))
        self.stage_ends: tuple[str, ...] = tuple(info[depth * part // 4 - 1]["module"] for part in (1, 2, 3, 4))
        """The ends of the four quarters of `network`."""
        cast(_TimmNetwork, network).prune_intermediate_layers([self._last], prune_norm=False)
        self.network = network
        width = int(info[-1]["num_chs"])
        factors = [self._stride / stride for stride in STRIDES]
        self.channels: tuple[int, ...] = tuple(width // max(1, int(factor)) for factor in factors)
        self.levels = nn.ModuleList(
            _rescaled(width, factor, count) for factor, count in zip(factors, self.channels, strict=True)
        )
        self._refuse_other_maps()

    def _refuse_other_maps(self) -> None:
        images = _probe(self.network)
        try:
            with _looking_at(self.network):
                got = tuple(self._map(images).shape[1:])
        except (AssertionError, RuntimeError, ValueError) as error:
            raise _refused(self.network, str(error)) from error
        if got[1:] != _ceil(images, self._stride):
            raise _refused(self.network, f"a map of {got}")

    def _map(self, images: Tensor) -> Tensor:
        padded = _padded(images, self._stride)
        if self._patch != self._stride:
            size = [side // self._stride * self._patch for side in padded.shape[-2:]]
            padded = functional.interpolate(padded, size=size, mode="bilinear", antialias=True)
        network = cast(_TimmNetwork, self.network)
        (last,) = network.forward_intermediates(padded, indices=[self._last], norm=True, intermediates_only=True)
        return last

    def forward(self, images: Float[Tensor, "N 3 H W"]) -> Pyramid:
        """Four maps, finest first."""
        last = self._map(images)
        fine, middle, coarse, top = (
            _cropped(level(last), images, stride) for level, stride in zip(self.levels, STRIDES, strict=True)
        )
        return fine, middle, coarse, top


PyramidBody = HierarchicalBody | PlainBody


def pyramid_body(network: nn.Module) -> PyramidBody:
    """The body that suits a timm network. Raises InputError where none does."""
    if not hasattr(network, "forward_intermediates"):
        raise _refused(network, "a network that does not give its maps")
    reductions = [int(level["reduction"]) for level in cast(_TimmNetwork, network).feature_info]
    if set(STRIDES) <= set(reductions):
        last = {stride: level for level, stride in enumerate(reductions)}
        return HierarchicalBody(network, [last[stride] for stride in STRIDES])
    if len(reductions) >= len(STRIDES) and len(set(reductions)) == 1 and 6 <= reductions[0] <= 45:
        return PlainBody(network)
    raise _refused(network, f"strides {sorted(set(reductions))}")


def _rescaled(width: int, factor: float, channels: int) -> nn.Sequential:
    """A map of `width` channels, made `factor` times as large."""
    layers: list[nn.Module] = []
    while factor > 1:
        layers += [LayerNorm2d(width), nn.GELU()] if layers else []
        layers.append(nn.ConvTranspose2d(width, width // 2, 2, stride=2))
        width, factor = width // 2, factor / 2
    if factor < 1:
        layers.append(nn.MaxPool2d(int(1 / factor), ceil_mode=True))
    return nn.Sequential(*layers, LayerNorm2d(channels))


def _ceil(images: Tensor, stride: int) -> tuple[int, int]:
    return -(-images.shape[-2] // stride), -(-images.shape[-1] // stride)


def _padded(images: Tensor, multiple: int) -> Tensor:
    """Zeros (the mean colour) to the right and below."""
    height, width = images.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return functional.pad(images, (0, right, 0, below)) if below or right else images


def _cropped(level: Tensor, images: Tensor, stride: int) -> Tensor:
    height, width = _ceil(images, stride)
    return level[..., :height, :width]


def _probe(network: nn.Module) -> Tensor:
    return torch.zeros(1, 3, *_ODD, device=next(network.parameters()).device)


@contextmanager
def _looking_at(network: nn.Module) -> Generator[None]:
    """Run the network once without leaving a trace: no gradients, no statistics."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)


def _refused(network: nn.Module, got: str) -> InputError:
    got = f"{cast(_TimmNetwork, network).pretrained_cfg.get('architecture')}: {got}"
    aim = f"a network with maps at strides {STRIDES}, or at one stride from 8 to 32, for images of any size"
    return InputError([Problem("configuration", "model.backbone.name", got, aim, "Choose another network")])
