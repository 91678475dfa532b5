"""Where sound and picture meet in the encoder (figure 10), seen from outside: the network has no switch for it.

window of one frame --forward; hooks keep what each layer attends with--> weights of each head, all tokens to all tokens
    row of the target's own audio token, columns of the target    --> where the sound looks     S heads h w
    rows of the target, columns of all audio tokens, summed       --> how much a place listens  S heads h w

S counts the encoder's layers here, the first one first.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from rcf.data.clip_plan import window
from rcf.data.ytvis import VideoDataset
from rcf.model.attention import EncoderLayer
from rcf.model.audio import NoAudio
from rcf.model.network import RCF
from rcf.pictures import heat_strip, save_png


@dataclass(frozen=True, slots=True, eq=False)
class EncoderAttention:
    """Attention in the target's pass through the encoder.

    Its tokens are the target's, the references' unless those join in the decoder, and the sound's.
    """

    weights: Float[Tensor, "S heads L L"]
    """How much the token of the row looks at that of the column; rows sum to 1."""
    height: int
    width: int
    """Of the target's map: its cells are the first tokens."""
    sounds: int
    """Audio tokens, the last ones; the very last belongs to the target."""

    def audio_to_target(self) -> Float[Tensor, "S heads h w"]:
        """Where the sound at the target looks in it."""
        return self._as_maps(self.weights[:, :, -1, : self.height * self.width])

    def target_to_audio(self) -> Float[Tensor, "S heads h w"]:
        """How much each place of the target looks at the sounds."""
        rows = self.weights[:, :, : self.height * self.width, self.weights.shape[-1] - self.sounds :]
        return self._as_maps(rows.sum(-1))

    def _as_maps(self, rows: Float[Tensor, "S heads l"]) -> Float[Tensor, "S heads h w"]:
        return rows.reshape(rows.shape[0], rows.shape[1], self.height, self.width)


def encoder_attention(
    network: RCF, frames: UInt8[Tensor, "T 3 H W"], patches: Float[Tensor, "T A E"], frame: int
) -> EncoderAttention:
    """The attention while frame number `frame` of a video is segmented; the network is left as it came.

    Raises ValueError for a network that does not listen.
    """
    if isinstance(network.audio, NoAudio):
        raise ValueError("expected a network that listens, got model.audio.features: none")
    device, was_training = next(network.parameters()).device, network.training
    numbers = [*window(frame, network.references.frames), frame]
    layers = [cast(EncoderLayer, layer) for layer in network.fusion.encoder.layers]
    kept: dict[nn.Module, tuple[tuple[Tensor, ...], dict[str, Any]]] = {}
    sizes: list[torch.Size] = []

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> None:
        # A shared encoder sees the references after the target: only its first pass is the target's.
        kept.setdefault(layer, (inputs, options))

    def measure(part: nn.Module, inputs: object, output: Tensor) -> None:
        sizes.append(output.shape)

    with ExitStack() as hooks, torch.no_grad():
        hooks.callback(network.train, was_training)
        network.eval()
        hooks.enter_context(network.token_map.register_forward_hook(measure))
        for layer in layers:
            hooks.enter_context(layer.attention.register_forward_pre_hook(keep, with_kwargs=True))
        network(frames[None, numbers].to(device), audio=patches[None, numbers].to(device))
        weights = torch.stack([_weights(layer.attention, *kept[layer.attention]) for layer in layers])
    return EncoderAttention(weights.cpu(), int(sizes[-1][-2]), int(sizes[-1][-1]), len(numbers))


def _weights(
    attention: nn.MultiheadAttention, inputs: tuple[Tensor, ...], options: Mapping[str, Any]
) -> Float[Tensor, "heads L L"]:
    """The weights that `attention` used, which it did not keep."""
    _, weights = attention(*inputs, **{**options, "need_weights": True, "average_attn_weights": False})
    return weights[0]


def audio_attention(
    network: RCF, frames: UInt8[Tensor, "T 3 H W"], patches: Float[Tensor, "T A E"], frame: int
) -> Float[Tensor, "S heads h w"]:
    """Where the sound at frame number `frame` looks in it, in each head of each encoder layer."""
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
    numbers = range(dataset.videos[video].length)
    frames = torch.stack([dataset.frame(video, number) for number in numbers])
    patches = torch.stack([dataset.audio(video, number) for number in numbers])
    shown = [dataset.original(video, number).permute(1, 2, 0).numpy() for number in numbers]
    save_png(audio_picture(network, frames, patches, shown), path)
