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
from rcf.model.backbone import Backbone
from rcf.model.mask_head import DynamicMasks, InstanceHead, PixelDecoder
from rcf.model.network import RCF
from rcf.model.tokens import CompressedReferences, NoReferences, PixelWeight, TargetTokens
from rcf.seeding import stream_seed
from rcf.tensors import seeded

Part = TypeVar("Part", bound=nn.Module)


def build_network(config: ModelConfig, categories: int, seed: int) -> RCF:
    """A network with random heads (streams "init/PART" of `seed`) and the backbone weights that `config` names.

    Each part has a stream of its own, so arms that differ in one part start from the same weights in all the others.
    Raises InputError where the backbone or its weights are not to be had. Leaves the global random state as it was.
    """
    make = partial(_seeded_part, seed)
    width, mask = config.width, config.mask
    backbone = make("backbone", lambda: Backbone(config.backbone))
    channels = backbone.channels
    classes = make("classes", lambda: nn.Linear(width, categories + 1))
    masks = make("masks", lambda: DynamicMasks(width, mask.fpn_width, mask.filter_width))
    return RCF(
        backbone=backbone,
        target=make("target", lambda: TargetTokens(channels[-1], width)),
        references=make("references", lambda: _references(config.reference, channels[-1], width)),
        encoder=make("encoder", lambda: Encoder(width, config.encoder)),
        decoder=make("decoder", lambda: Decoder(width, config.queries, config.decoder)),
        pixels=make("pixels", lambda: PixelDecoder(channels, width, mask.fpn_width)),
        head=InstanceHead(masks, classes),
    ).eval()


def _seeded_part(seed: int, name: str, make: Callable[[], Part]) -> Part:
    with seeded(stream_seed(seed, f"init/{name}")):
        return make()


def _references(config: ReferenceConfig, channels: int, width: int) -> CompressedReferences | NoReferences:
    if config.frames == 0:
        return NoReferences(width)
    weight = PixelWeight(channels) if config.pixel_weight == "predicted" else nn.Identity()
    return CompressedReferences(channels, width, config.frames, math.isqrt(config.tokens), weight)
