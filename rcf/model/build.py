"""From a configuration to a network: the only place where options choose parts.

ModelConfig, number of categories, seed --> RCF, in evaluation mode, on the CPU
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from torch import nn

from rcf.config import ModelConfig, ReferenceConfig
from rcf.model.attention import Decoder, Encoder
from rcf.model.audio import audio_part
from rcf.model.backbone import Backbone
from rcf.model.fusion import JoinInDecoder, JoinInEncoder, NoTokenTypes, TokenTypes
from rcf.model.mask_head import DynamicMasks, InstanceHead, PixelDecoder, SlotSoftmax
from rcf.model.network import RCF
from rcf.model.position import LearnedPositions, SinePositions
from rcf.model.reference import (
    ChannelMerge,
    CompressedReferences,
    DepthwiseConvolution,
    FullReferences,
    NoReferences,
    Pooling,
    PredictedWeight,
    StaticWeight,
    TokenMerge,
)
from rcf.model.tokens import Positions, TargetTokens, TokenMap
from rcf.seeding import stream_seed
from rcf.tensors import seeded

Part = TypeVar("Part", bound=nn.Module)
Make = Callable[[str, Callable[[], Part]], Part]


def build_network(config: ModelConfig, categories: int, seed: int) -> RCF:
    """A network with random heads (streams "init/PART" of `seed`) and the weights that `config` names.

    Each part has a stream of its own, so arms that differ in one part start from the same weights in all the others.
    Raises InputError where the backbone or its weights are not to be had. Leaves the global random state as it was.
    """
    make = partial(_seeded_part, seed)
    width, mask = config.width, config.mask
    backbone = make("backbone", lambda: Backbone(config.backbone))
    channels = backbone.channels
    token_map = TokenMap(config.token_stride, channels)
    positions = make("positions", _POSITIONS[config.position], width)
    classes = make("classes", nn.Linear, width, categories + 1)
    masks = make("masks", DynamicMasks, width, mask.fpn_width, mask.filter_width)
    return RCF(
        backbone=backbone,
        token_map=token_map,
        target=make("target", TargetTokens, token_map.channels, width, positions),
        references=_references(config.reference, token_map.channels, width, positions, make),
        audio=make("audio", audio_part, config.audio, width),
        fusion=_fusion(config, make),
        decoder=make("decoder", Decoder, width, config.queries, config.decoder),
        pixels=make("pixels", PixelDecoder, channels[: token_map.level], width, mask.fpn_width),
        head=InstanceHead(masks, classes, SlotSoftmax() if mask.slot_softmax else nn.Identity()),
    ).eval()


def _seeded_part(seed: int, name: str, make: Callable[..., Part], *arguments: object) -> Part:
    with seeded(stream_seed(seed, f"init/{name}")):
        return make(*arguments)


_POSITIONS: dict[str, type[SinePositions] | type[LearnedPositions]] = {
    "sine": SinePositions,
    "learned": LearnedPositions,
}


def _references(
    config: ReferenceConfig, channels: int, width: int, positions: Positions, make: Callable[..., nn.Module]
) -> CompressedReferences | FullReferences | NoReferences:
    if config.frames == 0:
        return NoReferences(width)
    if config.tokens == "full":
        full = make("references/merge", FullReferences, config.frames, channels, width, positions)
        assert isinstance(full, FullReferences)
        return full
    side = math.isqrt(config.tokens)
    weight = {"predicted": lambda: PredictedWeight(channels), "static": StaticWeight, "none": nn.Identity}
    compression = {"pool": lambda: Pooling(side), "dwconv": lambda: DepthwiseConvolution(channels, side)}
    merge = {"channel": ChannelMerge, "token": TokenMerge}[config.merge]
    return CompressedReferences(
        config.frames,
        make("references/weight", weight[config.pixel_weight]),
        make("references/compression", compression[config.compression]),
        make("references/merge", merge, config.frames, channels, width, positions),
    )


def _fusion(config: ModelConfig, make: Callable[..., nn.Module]) -> JoinInEncoder | JoinInDecoder:
    encoder = make("encoder", Encoder, config.width, config.encoder)
    types = make("types", TokenTypes, config.width) if config.token_types else NoTokenTypes()
    assert isinstance(encoder, Encoder)
    assert isinstance(types, TokenTypes | NoTokenTypes)
    if config.reference.join == "encoder" or config.reference.frames == 0:
        return JoinInEncoder(encoder, types)
    if config.reference.encoder_pass == "shared":
        return JoinInDecoder(encoder, encoder, types)
    apart = make("reference_encoder", Encoder, config.width, config.encoder)
    assert isinstance(apart, Encoder)
    return JoinInDecoder(encoder, apart, types)
