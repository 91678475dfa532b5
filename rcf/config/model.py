"""The network of section III: which parts it is made of, and how wide they are.

ModelConfig = backbone + reference + audio + width, tokens + encoder + decoder + queries + mask
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rcf.config.base import Config


class BackboneConfig(Config):
    """A timm network with features at strides 4, 8, 16 and 32, or a plain transformer (ViT, DINO) of one stride."""

    name: str = "tf_efficientnet_lite0"
    weights: str = "none"
    """`imagenet` (timm downloads), `package:efficientnet-lite0` (comes with pip), `file:PATH` (safetensors), `none`."""
    norm: Literal["frozen", "batch"] = "batch"
    """`frozen` keeps the statistics and scales of the weights: right for small batches of pretrained networks."""
    frozen_stages: Annotated[int, Field(ge=0, le=5)] = 0
    """Parts that do not learn, from the input on: 1 is the stem alone, 5 the whole network of timm.

    What is put on top of it (norms of the maps, the pyramid of a plain transformer) has no weights from elsewhere, and
    learns all the same.
    """
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: less memory, a third more time."""


class ReferenceConfig(Config):
    """What the target sees of the frames before it (section III-B), and the two baselines of the fusion study."""

    frames: Annotated[int, Field(ge=0, le=5)] = 1
    tokens: Literal[1, 4, 16, 64, "full"] = 4
    """K * K: each reference map is compressed to K x K. `full`: every position of it is a token (no pixel weight)."""
    compression: Literal["pool", "dwconv"] = "pool"
    """How a map becomes K x K: average pooling, or depth-wise convolutions of stride 2 and then pooling."""
    merge: Literal["channel", "token"] = "channel"
    """Several frames: concatenated on channels (K * K tokens in all), or on tokens (K * K for each frame)."""
    pixel_weight: Literal["predicted", "static", "none"] = "predicted"
    """Weight of each pixel before compression: predicted from the feature, one learned map for all frames, or none."""
    join: Literal["encoder", "decoder"] = "encoder"
    """Where target and references meet. `decoder`: each reference goes through an encoder of its own first."""
    encoder_pass: Literal["separate", "shared"] = "separate"
    """With join: decoder, whether that encoder has weights of its own or those of the target's."""


class AudioConfig(Config):
    """Tokens of the sound around the target and its references (section III-C, appendix VIII)."""

    features: Literal["none", "vgg", "small"] = "none"
    """Network over log-mel patches: the VGGish layout with 4096 outputs, a small one for a CPU, or no audio at all."""
    weights: str = "none"
    """`file:PATH` (safetensors; the tensors of `vgg` have torchvggish's names, see rcf/model/audio.py), or `none`:
    trained from scratch."""
    mel_frames: Annotated[int, Field(ge=16, le=1000, multiple_of=16)] = 96
    """Length of the patch of one video frame, in hops of 10 ms; VGGish has 96."""
    causal: bool = True
    """The patch ends at the moment when its video frame is shown, frame / fps, so the first frame has heard nothing;
    false centres it there, which looks into the future."""
    lstm_width: Annotated[int, Field(ge=8)] = 512
    """Hidden size of the two-layer bidirectional LSTM, for each direction."""


class AttentionConfig(Config):
    """A stack of post-norm transformer layers."""

    layers: Annotated[int, Field(ge=1, le=12)] = 6
    heads: Annotated[int, Field(ge=1)] = 8
    feedforward: Annotated[int, Field(ge=1)] = 2048
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1


class MaskConfig(Config):
    """FPN pixel decoder and dynamic filters."""

    fpn_width: Annotated[int, Field(ge=8, multiple_of=8)] = 256
    filter_width: Annotated[int, Field(ge=1)] = 256
    """Length of the dynamic filters, one dot product a pixel."""
    slot_softmax: bool = False
    """Slots compete for each pixel by a softmax over them, as in the network before this one; false is a sigmoid."""


class ModelConfig(Config):
    """The network of section III."""

    backbone: BackboneConfig = BackboneConfig()
    reference: ReferenceConfig = ReferenceConfig()
    audio: AudioConfig = AudioConfig()
    width: Annotated[int, Field(ge=8, multiple_of=4)] = 256
    """Channels of a token (C')."""
    token_stride: Literal[16, 32] = 32
    """Stride of the map whose positions become tokens. The paper's is 32, at 640x360; 16 gives small frames as many."""
    position: Literal["sine", "learned"] = "sine"
    token_types: bool = False
    """Add a learned vector for each kind of token (target, reference, audio); not in the paper."""
    encoder: AttentionConfig = AttentionConfig()
    decoder: AttentionConfig = AttentionConfig()
    queries: Annotated[int, Field(ge=1, le=300)] = 10
    mask: MaskConfig = MaskConfig()

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        for name, part in (("encoder", self.encoder), ("decoder", self.decoder)):
            if self.width % part.heads:
                raise ValueError(f"{name}.heads must divide width, got {part.heads} heads for width {self.width}")
        return self

    @model_validator(mode="after")
    def _slots_have_rivals(self) -> Self:
        if self.mask.slot_softmax and self.queries == 1:
            raise ValueError("mask.slot_softmax needs at least 2 queries to choose from, got queries 1")
        return self
