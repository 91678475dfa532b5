"""The layer-product bound of the whole network (theorem 1, corollary 1 and section VI-B of the paper), in log10.

    window --backbone, by its graph--> pyramid --1x1--> target tokens ---------.
                                         `--pixel weight, pooling--> references +--encoder--> memory --decoder--> codes
    sound --ear, LSTM--> audio tokens, which join the encoder too
    pyramid, memory --pixel decoder--> S;  codes --filters--> theta;  masks = theta S: |theta| dS + |S| dtheta
    codes --linear, softmax--> classes                        masks --sigmoid--> 1/4 (slots that compete: 1/2)

It is a true upper bound over all images of the size and all sounds, and vacuous in practice: every LayerNorm counts
1 / sqrt(eps), every attention the square of its longest token. It certifies nothing; it shows where the constant comes
from.
"""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from rcf.diagnostics.graph_bound import ModuleBound, graph_bound
from rcf.diagnostics.layer_constants import UnboundedError, growing_norm, layer_constant, pooling_norm
from rcf.diagnostics.magnitudes import ONE, ZERO, Magnitude, hypot, magnitude
from rcf.diagnostics.sound_bound import sound_bound, sound_reach
from rcf.diagnostics.spectral_norms import convolution_bound
from rcf.diagnostics.transformer_bound import Growth, TokensBound, decoded, encoded
from rcf.diagnostics.window_map import Window
from rcf.model.audio import NoAudio
from rcf.model.backbone_body import HierarchicalBody
from rcf.model.fusion import JoinInEncoder, TokenTypes
from rcf.model.mask_head import InstanceHead, PixelDecoder, SlotSoftmax
from rcf.model.network import RCF
from rcf.model.reference import (
    ChannelMerge,
    CompressedReferences,
    FullReferences,
    Pooling,
    PredictedWeight,
    StaticWeight,
    TokenMerge,
)
from rcf.model.tokens import Tokens
from rcf.tensors import length, lengths


@dataclass(frozen=True, slots=True)
class NetworkBound:
    """Constants from the window to the outputs."""

    classes: Magnitude
    masks: Magnitude
    stages: tuple[tuple[str, Magnitude], ...]
    """From the window to the end of each stage, in order."""
    backbone: tuple[ModuleBound, ...]
    """Of each layer of the backbone by itself."""

    @property
    def both(self) -> Magnitude:
        """Classes and masks stacked."""
        return hypot(self.classes, self.masks)


def network_bound(network: RCF, window: Window) -> NetworkBound:
    """The bound for windows of this size; `network` in evaluation mode.

    Raises UnboundedError for parts of which no constant is known.
    """
    with torch.no_grad():
        return _Composer(network, window).composed()


class _Composer:
    """Walks through the figure of the network."""

    def __init__(self, network: RCF, window: Window) -> None:
        body = network.backbone.body
        if not isinstance(body, HierarchicalBody):
            raise UnboundedError("a plain backbone has attention whose tokens are not bounded")
        self._network, self._sound = network, window.sound
        images = window.images
        self._stages: list[tuple[str, Magnitude]] = []
        # No image of the domain is farther from any of the window.
        low, high = (
            network.backbone.normalise(torch.full((1, 3, 1, 1), level, dtype=torch.uint8, device=images.device))
            for level in (0, 255)
        )
        farthest = torch.maximum(images - low, high - images).double().square().flatten(1).sum(1).sqrt()
        self._diameter = magnitude(float(farthest.max()))
        self._pyramid = network.backbone.pyramid(images)
        graph = graph_bound(body.network, body.levels, body.padded(images[-1:]), float(farthest.max()))
        self._layers = graph.modules
        self._levels = [level * layer_constant(norm, ()) for level, norm in zip(graph.maps, body.norms, strict=True)]

    def composed(self) -> NetworkBound:
        """Box after box."""
        network = self._network
        self._told("backbone", hypot(*self._levels))
        memory = self._memory()
        codes = decoded(network.decoder, memory)
        for number, each in enumerate(codes):
            self._told(
                f"decoder.{number}" if number < len(codes) - 1 else "decoder.norm", each.growth.least(each.count)
            )
        pixels, size = self._pixels(network.pixels, memory.growth.least(memory.count))
        self._told("pixels", pixels)
        classes, masks = _outputs(network.head, codes[-1], pixels, size, self._pyramid[0].shape[-2:].numel())
        self._told("classes", classes)
        self._told("masks", masks)
        return NetworkBound(classes, masks, tuple(self._stages), self._layers)

    def _told(self, name: str, constant: Magnitude) -> None:
        self._stages.append((name, constant))

    def _memory(self) -> TokensBound:
        network, fusion = self._network, self._network.fusion
        if not isinstance(fusion, JoinInEncoder):
            raise UnboundedError("no bound is known for references that join in the decoder")
        top = network.token_map.level
        maps = hypot(*(level * growing_norm(2**step) for step, level in enumerate(self._levels[top:])))
        features = network.token_map(self._pyramid)
        target = maps * magnitude(convolution_bound(network.target.project, (1, 1)))
        references = self._references(maps, features)
        self._told("target tokens", target)
        self._told("reference tokens", references)
        sound = sound_bound(network.audio, network.references.frames + 1)
        if not isinstance(network.audio, NoAudio):
            self._told("audio tokens", sound)
        each = network.described(self._pyramid, audio=self._sound)
        kept, heard = each.kept[None, : network.references.frames], each.heard[None]
        kinds = network.target(features[-1:]), network.references.tokens(kept), network.audio.tokens(heard)
        tokens = self._tokens(kinds, fusion.types, max(target, references), sound)
        layers = encoded(fusion.encoder, tokens)
        for number, layer in enumerate(layers):
            self._told(f"encoder.{number}", layer.growth.least(layer.count))
        return layers[-1] if layers else tokens

    def _tokens(
        self, kinds: tuple[Tokens, Tokens, Tokens], types: nn.Module, growth: Magnitude, sound: Magnitude
    ) -> TokensBound:
        """All tokens as the encoder gets them. How long can one be?

        One of an image as long as now, and what the farthest image adds by `growth`; one of sound as `sound_reach`.
        Their parts of the window are separate: the largest constant is that of all.
        """
        placed = cast("tuple[Tokens, ...]", types(*kinds)) if isinstance(types, TokenTypes) else kinds
        there = [each for each in placed if each.contents.shape[1]]
        now = max(float(lengths(each.contents, 2).max()) for each in placed[:2] if each.contents.shape[1])
        places = max(float(lengths(each.positions, 2).max()) for each in there)
        reach = magnitude(now) + growth * self._diameter * math.sqrt(max(1, kinds[1].contents.shape[1]) + 1)
        whole = max(growth, sound)
        count = sum(each.contents.shape[1] for each in there)
        return TokensBound(Growth(whole, whole), max(reach, sound_reach(self._network.audio)), magnitude(places), count)

    def _references(self, maps: Magnitude, features: Tensor) -> Magnitude:
        references = self._network.references
        if isinstance(references, FullReferences):
            return maps * magnitude(convolution_bound(references.project, (1, 1)))
        if not isinstance(references, CompressedReferences):
            return ZERO
        if not isinstance(references.compression, Pooling):
            raise UnboundedError(f"no bound is known for {type(references.compression).__name__}")
        height, width = features.shape[-2:]
        pooled = magnitude(pooling_norm((height, width), references.compression.side))
        merge = references.merge
        if not isinstance(merge, ChannelMerge | TokenMerge):
            raise UnboundedError(f"no bound is known for {type(merge).__name__}")
        longest = magnitude(float(lengths(features, 1).max())) + maps * self._diameter
        weighted = maps * _weight(references.weight, longest)
        return weighted * pooled * magnitude(convolution_bound(merge.project, (1, 1)))

    def _pixels(self, decoder: PixelDecoder, memory: Magnitude) -> tuple[Magnitude, Magnitude]:
        """Constant and size of the pixel features."""
        top = self._network.token_map.level
        pixels = memory * _smoothed(decoder.top, tuple(self._pyramid[top].shape))
        for level in reversed(range(len(decoder.lateral))):
            shape = tuple(self._pyramid[level].shape)
            side = self._levels[level] * _smoothed(cast(nn.Sequential, decoder.lateral[level]), shape)
            pixels = (side + pixels * growing_norm(2)) * _smoothed(cast(nn.Sequential, decoder.smooth[level]), shape)
        last = cast(nn.Sequential, decoder.smooth[0] if len(decoder.smooth) else decoder.top)[1]
        assert isinstance(last, nn.GroupNorm)
        cells = self._pyramid[0].shape[-2:].numel()
        return pixels, _normalised_size(last, cells)


def _weight(weight: nn.Module, longest: Magnitude) -> Magnitude:
    """f sigmoid(conv f): the weight is below 1, and moves by a quarter of its logit, times what it weighs."""
    if isinstance(weight, PredictedWeight):
        return 1.0 + longest * (convolution_bound(weight.predict, (1, 1)) / 4)
    if isinstance(weight, StaticWeight | nn.Identity):
        return ONE
    raise UnboundedError(f"no bound is known for {type(weight).__name__}")


def _smoothed(layers: nn.Sequential, shape: tuple[int, ...]) -> Magnitude:
    found = ONE
    for layer in layers:
        found = found * layer_constant(layer, shape)
    return found


def _normalised_size(norm: nn.GroupNorm, cells: int) -> Magnitude:
    """2-norm of all that a GroupNorm over `cells` cells can give; ReLU only takes away."""
    gain, bias = norm.weight.detach().double(), norm.bias.detach().double()
    return magnitude(float(gain.abs().max()) * math.sqrt(len(gain) * cells) + length(bias) * math.sqrt(cells))


def _outputs(
    head: InstanceHead, codes: TokensBound, pixels: Magnitude, size: Magnitude, cells: int
) -> tuple[Magnitude, Magnitude]:
    """Class and mask probabilities; `size` bounds the pixel features over `cells` cells."""
    moved = codes.growth.least(codes.count)
    classes = moved * layer_constant(head.classes, ()) * 0.5
    first, _, second = head.masks.filters
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    outer = layer_constant(second, ())
    filters = moved * layer_constant(first, ()) * outer
    inner = codes.reach * layer_constant(first, ()) + length(first.bias.detach())
    longest = outer * inner + length(second.bias.detach())
    project = head.masks.project
    assert project.bias is not None
    kernel = magnitude(convolution_bound(project, (1, 1)))
    map_size = kernel * size + length(project.bias.detach()) * math.sqrt(cells)
    logits = map_size * filters + longest * math.sqrt(codes.count) * (kernel * pixels)
    return classes, logits * (0.5 if isinstance(head.compete, SlotSoftmax) else 0.25)
