"""Box "audio" (section III-C): the sound around the target and its references becomes tokens.

patches N A E --Vgg or SmallEar--> features N V, one a frame, computed once    (a stream keeps them with its references)
features N R+1 V --two-layer bi-LSTM--> N R+1 2h --linear, ReLU, linear--> tokens N R+1 D, placed by a sine over time

The oldest reference comes first, the target last. The second linear layer has no ReLU: the paper leaves it open, and
the other tokens have negative entries too. A frame without a patch is silent.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn

from rcf.config import AudioConfig
from rcf.errors import InputError, Problem
from rcf.model.position import sine_axis
from rcf.model.tokens import Tokens
from rcf.sound import MEL_BINS, SILENCE
from rcf.tensors import load_tensors, state_of

_PLACE = "model.audio.weights"


class NoAudio(nn.Module):
    """A network that does not listen: no feature, no tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def describe(self, patches: Float[Tensor, "N A E"]) -> Float[Tensor, "N 0"]:
        """Nothing."""
        return patches.new_zeros(patches.shape[0], 0)

    def tokens(self, heard: Float[Tensor, "N W V"]) -> Tokens:
        """Zero tokens."""
        empty = heard.new_zeros(heard.shape[0], 0, self.width)
        return Tokens(empty, empty[:1])


class Vgg(nn.Module):
    """VGGish (Hershey et al. 2017) without its last linear layer: a feature of 4096 numbers.

    Tensors have the names of the port torchvggish, `features.0.weight` .. `embeddings.2.bias`. Its file becomes ours by
    `safetensors.torch.save_file(torch.load("vggish-10086976.pth", weights_only=True), "vggish.safetensors")`; what it
    holds beside these is left alone. Patches come as they are: VGGish was trained on log(mel + 0.01).
    """

    outputs = 4096
    unit = 1.0
    """Of log-mel, in the first layer's input."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in (64, None, 128, None, 256, 256, None, 512, 512, None):
            if width is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)
        # A patch of 96 hops gives this size by itself; longer and shorter ones fit the same weights.
        self.pool = nn.AdaptiveAvgPool2d((6, 4))
        self.embeddings = nn.Sequential(nn.Linear(512 * 6 * 4, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU())
        _spread(self, size=4.0)

    def forward(self, patches: Float[Tensor, "N A E"]) -> Float[Tensor, "N V"]:
        """Features of patches."""
        maps = self.pool(self.features(patches[:, None]))
        # TensorFlow's order, which the weights of the first linear layer were trained in: time, frequency, channel.
        return self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))


class SmallEar(nn.Module):
    """A network of a fifth of a million weights for a CPU: 128 numbers a patch."""

    outputs = 128
    unit = 4.0
    """Of log-mel, in the first layer's input."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in ((1, 16), (16, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        # Pitch must stay apart, so frequency is not averaged; the last third of a patch is the nearest to its frame.
        self.pool = nn.AdaptiveAvgPool2d((3, 4))
        self.embeddings = nn.Sequential(nn.Linear(64 * 3 * 4, self.outputs), nn.ReLU())
        _spread(self)

    def forward(self, patches: Float[Tensor, "N A E"]) -> Float[Tensor, "N V"]:
        """Features of patches; silence is zero on the way in, and a loud bin about 2."""
        maps = self.pool(self.features((patches[:, None] - SILENCE) / self.unit))
        return self.embeddings(maps.flatten(1))


def _spread(ear: nn.Module, size: float = 1.0) -> None:
    """He's start: without norms, torch's own would fade to nothing over eight layers.

    `size` is that of the inputs (root mean square); the first layer takes it out, or the LSTM would start saturated.
    """
    first = True
    for layer in ear.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
            if first:
                layer.weight.data.div_(size)
            first = False


class AudioTokens(nn.Module):
    """One token for each of the R + 1 frames of a window."""

    def __init__(self, ear: Vgg | SmallEar, mel_frames: int, lstm_width: int, width: int) -> None:
        super().__init__()
        self.ear = ear
        self.mel_frames, self.width = mel_frames, width
        self.lstm = nn.LSTM(ear.outputs, lstm_width, num_layers=2, bidirectional=True, batch_first=True)
        self.project = nn.Sequential(nn.Linear(2 * lstm_width, width), nn.ReLU(), nn.Linear(width, width))

    def describe(self, patches: Float[Tensor, "N A E"]) -> Float[Tensor, "N V"]:
        """Feature of the sound at each frame; patches of no hops are silence."""
        count, hops, _ = patches.shape
        if hops == 0:
            patches = patches.new_full((count, self.mel_frames, MEL_BINS), SILENCE)
        elif hops != self.mel_frames or patches.shape[2] != MEL_BINS:
            got = f"{hops} hops and {patches.shape[2]} bins"
            raise ValueError(f"expected patches of {self.mel_frames} hops and {MEL_BINS} bins, got {got}")
        return self.ear(patches)

    def tokens(self, heard: Float[Tensor, "N W V"]) -> Tokens:
        """Tokens of windows of frames, the target last."""
        sequence, _ = self.lstm(heard)
        contents: Tensor = self.project(sequence)
        return Tokens(contents, time_positions(heard.shape[1], self.width, contents))


def time_positions(length: int, channels: int, like: Tensor) -> Float[Tensor, "1 W D"]:
    """Sines over the frames of a window, a full turn from before the oldest to the target."""
    whole = torch.tensor([length], device=like.device)
    return sine_axis(length, whole, channels).to(like.dtype)


def audio_part(config: AudioConfig, width: int) -> AudioTokens | NoAudio:
    """The part that `config` names, with its weights. Raises rcf.errors.InputError where they do not fit."""
    if config.features == "none":
        return NoAudio(width)
    ear = Vgg() if config.features == "vgg" else SmallEar()
    load_ear_weights(ear, config)
    return AudioTokens(ear, config.mel_frames, config.lstm_width, width)


def audio_weights_problem(config: AudioConfig) -> Problem | None:
    """What is wrong with the weights' name or file, without loading them."""
    if config.features == "none" or config.weights == "none":
        return None
    if not config.weights.startswith("file:"):
        return Problem("configuration", _PLACE, repr(config.weights), "none or file:PATH")
    path = _path(config)
    return None if path.is_file() else Problem("configuration", _PLACE, f"no file {path}", "a safetensors file")


def load_ear_weights(ear: Vgg | SmallEar, config: AudioConfig) -> None:
    """Fill `ear` in place. Raises rcf.errors.InputError where weights are missing or do not fit."""
    problem = audio_weights_problem(config)
    if problem is not None:
        raise InputError([problem])
    if config.weights == "none":
        return
    path, wanted = _path(config), state_of(ear)
    try:
        tensors = load_tensors(path)
    except (OSError, SafetensorError) as error:
        raise InputError([Problem(str(path), _PLACE, str(error), "a safetensors file")]) from error
    wrong = [name for name in wanted if name not in tensors or tensors[name].shape != wanted[name].shape]
    if wrong:
        got = f"{len(wrong)} of {len(wanted)} tensors missing or of another shape, first {wrong[0]}"
        raise InputError([Problem(str(path), _PLACE, got, f"weights of audio features {config.features!r}")])
    ear.load_state_dict({name: tensors[name] for name in wanted})


def _path(config: AudioConfig) -> Path:
    return Path(config.weights.removeprefix("file:"))
