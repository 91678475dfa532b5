"""Who looks at whom in the network while one frame is segmented (figures 4, 8 and 10), seen through taps.

window of a frame --forward, tapped--> weights of each encoder layer    --> EncoderAttention
                                       weights of each decoder layer    --> DecoderAttention
                                       pixel weight, frame by frame     --> P h w, the target last
row of the target's own audio token, columns of the target --> where the sound looks, audio_picture (figure 10)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from rcf.data.clip_plan import clip_frames
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention_maps import DecoderAttention, EncoderAttention, TokenParts
from rcf.diagnostics.taps import Call, attention_weights, pixel_weight, tapped, undisturbed
from rcf.model.audio import NoAudio
from rcf.model.fusion import JoinInDecoder
from rcf.model.network import RCF
from rcf.model.reference import CompressedReferences
from rcf.model.tokens import Tokens
from rcf.pictures import heat_strip, save_png
from rcf.reading import fired_slots
from rcf.structures import Segmentation
from rcf.tensors import integers


@dataclass(frozen=True, slots=True, eq=False)
class WindowAttention:
    """All that one pass over a window shows."""

    encoder: EncoderAttention
    decoder: DecoderAttention
    pixel_weight: Float[Tensor, "P h w"] | None
    """0..1, of the P = R + 1 frames of the window; the last one is the target's, for when it will be a reference."""
    answer: Segmentation
    """What the network said of the target, N = 1."""

    def fired(self, threshold: float) -> list[int]:
        """Slots whose most probable category is above `threshold`."""
        return integers(fired_slots(self.answer.classes[-1, 0].float().softmax(-1), threshold))


def window_attention(
    network: RCF, frames: UInt8[Tensor, "T 3 H W"], frame: int, patches: Float[Tensor, "T A E"] | None = None
) -> WindowAttention:
    """What is looked at while frame number `frame` of a video is segmented; the network is left as it came.

    `patches` are what is heard at each frame; without them a network that listens hears silence. Weights are on the
    CPU. Raises IndexError for a frame that the video has not, ValueError where the network's attention is not finite.
    """
    if not 0 <= frame < len(frames):
        raise IndexError(f"expected a frame from 0 to {len(frames) - 1}, got {frame}")
    device = next(network.parameters()).device
    numbers = clip_frames(len(frames), frame, 1, network.references.frames)
    encoder = [f"fusion.encoder.layers.{index}.attention" for index in range(len(network.fusion.encoder.layers))]
    decoder = [f"decoder.layers.{index}.cross_attention" for index in range(len(network.decoder.layers))]
    weight = ["references.weight"] if isinstance(network.references, CompressedReferences) else []
    with undisturbed(network):
        with tapped(network, ["token_map", "fusion", *weight, *encoder, *decoder]) as calls:
            heard = None if patches is None else patches[None, numbers].to(device)
            answer = network(frames[None, numbers].to(device), audio=heard)
        # A shared encoder sees the references after the target: only its first pass is the target's.
        here, there = (
            torch.stack([attention_weights(_attention(network, name), calls[name][0])[0].cpu() for name in names])
            for names in (encoder, decoder)
        )
        pixels = [pixel_weight(network.get_submodule(name), calls[name][0]) for name in weight]
    if not bool(torch.isfinite(here).all() and torch.isfinite(there).all()):
        raise ValueError("the attention is not finite: the weights of the network, or its frames, hold NaN or infinity")
    parts = _parts(calls["token_map"][-1], calls["fusion"][0], isinstance(network.fusion, JoinInDecoder))
    return WindowAttention(
        EncoderAttention(here, parts.without_references() if parts.references_last else parts),
        DecoderAttention(there, parts),
        next((each.cpu() for each in pixels if each is not None), None),
        answer,
    )


def _attention(network: RCF, name: str) -> nn.MultiheadAttention:
    return cast(nn.MultiheadAttention, network.get_submodule(name))


def _parts(token_map: Call, fusion: Call, references_last: bool) -> TokenParts:
    """Of the memory."""
    references, audio, groups = cast("tuple[Tokens, Tokens, int]", fusion.inputs[1:])
    height, width = cast(Tensor, token_map.output).shape[-2:]
    return TokenParts(height, width, references.contents.shape[1], audio.contents.shape[1], groups, references_last)


def encoder_attention(
    network: RCF, frames: UInt8[Tensor, "T 3 H W"], patches: Float[Tensor, "T A E"] | None, frame: int
) -> EncoderAttention:
    """The encoder's attention while frame number `frame` of a video is segmented; the network is left as it came."""
    return window_attention(network, frames, frame, patches).encoder


def audio_attention(
    network: RCF, frames: UInt8[Tensor, "T 3 H W"], patches: Float[Tensor, "T A E"], frame: int
) -> Float[Tensor, "S heads h w"]:
    """Where the sound at frame number `frame` looks in it, in each head of each encoder layer.

    Raises ValueError for a network that does not listen.
    """
    if isinstance(network.audio, NoAudio):
        raise ValueError("expected a network that listens, got model.audio.features: none")
    return encoder_attention(network, frames, patches, frame).audio_to_target()


def audio_picture(
    network: RCF, frames: UInt8[Tensor, "T 3 H W"], patches: Float[Tensor, "T A E"], shown: list[NDArray[np.uint8]]
) -> Image.Image:
    """A row of frames under the attention of their sound (last layer, mean of the heads), above what was heard.

    `frames` are those of network size, `shown` the same ones H W 3 as they are to be seen.
    """
    maps = [audio_attention(network, frames, patches, number)[-1].mean(0).numpy() for number in range(len(shown))]
    return heat_strip(shown, maps, [patch.numpy() for patch in patches])


def write_audio_picture(network: RCF, dataset: VideoDataset, video: int, path: Path) -> None:
    """The picture of one video (its index in `dataset`) as a PNG file.

    Raises rcf.errors.InputError when a frame or the sound is damaged, ValueError where nobody listens.
    """
    patches = dataset.heard(video)
    if patches is None:
        raise ValueError("expected a data set that is opened with its sounds, got one without")
    save_png(audio_picture(network, dataset.frames(video), patches, dataset.originals(video)), path)
