"""From a configuration to a network: the only place where options choose parts.

ModelConfig, number of categories, seed --> RCF, in evaluation mode, on the CPU
"""

import math

from torch import nn

from rcf.config import ModelConfig, ReferenceConfig
from rcf.model.attention import Decoder, Encoder
from rcf.model.backbone import Backbone
from rcf.model.mask_head import DynamicMasks, InstanceHead, PixelDecoder
from rcf.model.network import RCF
from rcf.model.tokens import CompressedReferences, NoReferences, PixelWeight, TargetTokens
from rcf.seeding import stream_seed
from rcf.tensors import seeded


def build_network(config: ModelConfig, categories: int, seed: int) -> RCF:
    """A network with random heads (stream "init" of `seed`) and the backbone weights that `config` names.

    Raises InputError where the backbone or its weights are not to be had. Leaves the global random state as it was.
    """
    with seeded(stream_seed(seed, "init")):
        return _assemble(config, categories).eval()


def _assemble(config: ModelConfig, categories: int) -> RCF:
    backbone = Backbone(config.backbone)
    channels, width = backbone.channels, config.width
    encoder, decoder = Encoder(width, config.encoder), Decoder(width, config.queries, config.decoder)
    for part in (encoder, decoder):
        _spread(part)
    return RCF(
        backbone=backbone,
        target=TargetTokens(channels[-1], width),
        references=_references(config.reference, channels[-1], width),
        encoder=encoder,
        decoder=decoder,
        pixels=PixelDecoder(channels, width, config.mask.fpn_width),
        head=InstanceHead(
            DynamicMasks(width, config.mask.fpn_width, config.mask.filter_width), nn.Linear(width, categories + 1)
        ),
    )


def _references(config: ReferenceConfig, channels: int, width: int) -> CompressedReferences | NoReferences:
    if config.frames == 0:
        return NoReferences(width)
    weight = PixelWeight(channels) if config.pixel_weight == "predicted" else nn.Identity()
    return CompressedReferences(channels, width, config.frames, math.isqrt(config.tokens), weight)


def _spread(part: nn.Module) -> None:
    """Xavier for all matrices, as DETR and MaskFormer start their transformers."""
    for weight in part.parameters():
        if weight.dim() > 1:
            nn.init.xavier_uniform_(weight)
