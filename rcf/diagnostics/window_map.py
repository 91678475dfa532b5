"""F of the Lipschitz argument as a function that torch can differentiate: one window in, the stacked outputs out.

    images R+1 3 H W (normalised, the target last), sound R+1 A E --Window--> one vector of all that F sees
        --network in evaluation mode--> classes Q G, masks Q h w --probabilities, x weights of a measure--> one vector

The network is only borrowed: its parameters are frozen, and kernels without a forward derivative are switched off,
for as long as `differentiable` lasts. Attention's fast paths have none (pytorch issue 128971), nor have the LSTMs of
oneDNN and cuDNN.
"""

import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from rcf.model.audio import AudioTokens, NoAudio
from rcf.model.network import RCF
from rcf.structures import Segmentation

Part = Literal["classes", "masks", "both", "balanced"]


@contextmanager
def differentiable(network: RCF) -> Generator[RCF]:
    """`network` in evaluation mode, with frozen parameters and with kernels that can be differentiated both ways."""
    learns = [weight for weight in network.parameters() if weight.requires_grad]
    was_training = network.training
    fast = torch.backends.mha.get_fastpath_enabled()
    tf32 = bool(torch.backends.cudnn.allow_tf32), bool(torch.backends.cuda.matmul.allow_tf32)
    with ExitStack() as after:
        after.callback(network.train, was_training)
        after.callback(_let_learn, learns, True)
        after.callback(torch.backends.mha.set_fastpath_enabled, fast)
        after.callback(_allow_tf32, *tf32)
        after.enter_context(warnings.catch_warnings())
        # torch loads its own forward derivatives with what it calls deprecated: nothing that a user could mend.
        warnings.filterwarnings("ignore", message=".*torch.jit.script", category=FutureWarning)
        after.enter_context(cast("AbstractContextManager[object]", sdpa_kernel(SDPBackend.MATH)))
        after.enter_context(_plain_lstm(network.audio))
        after.enter_context(cast("AbstractContextManager[object]", torch.compiler.set_stance("force_eager")))
        torch.backends.mha.set_fastpath_enabled(False)
        _allow_tf32(False, False)
        _let_learn(learns, False)
        yield network.eval()


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """All that the network sees for one target; P = R + 1 frames, the target last."""

    images: Float[Tensor, "P 3 H W"]
    """Normalised."""
    sound: Float[Tensor, "P A E"] | None = None
    """Patches of log-mel, for a network that listens."""

    @property
    def stacked(self) -> Float[Tensor, " n"]:
        """As one vector: a point between two windows lies between their images and between their sounds."""
        images = self.images.flatten()
        return images if self.sound is None else torch.cat((images, self.sound.flatten()))

    def unstacked(self, vector: Float[Tensor, " n"]) -> "Window":
        """The window of this size that `vector` is."""
        images, sound = vector[: self.images.numel()], vector[self.images.numel() :]
        return Window(images.view_as(self.images), None if self.sound is None else sound.view_as(self.sound))


@dataclass(frozen=True, slots=True, eq=False)
class WindowMap:
    """The map from one window to its weighted outputs; use it inside `differentiable`."""

    network: RCF
    part: Part
    usual_area: float
    """Of a true mask, in pixels of the network's masks: see pair_gaps.Reading."""
    like: Window
    """A window of the size that is meant."""
    slot: int | None = None
    """One slot's outputs alone; all of them by default."""

    def __call__(self, point: Float[Tensor, " n"]) -> Float[Tensor, " m"]:
        """The stacked probabilities of a stacked window."""
        answer = segment_window(self.network, self.like.unstacked(point))
        slots = slice(None) if self.slot is None else slice(self.slot, self.slot + 1)
        classes = answer.classes[-1, 0, slots].softmax(-1).flatten()
        masks = answer.masks[-1, 0, slots].sigmoid().flatten()
        match self.part:
            case "classes":
                return classes
            case "masks":
                return masks
            case "both":
                return torch.cat((classes, masks))
            case "balanced":
                return torch.cat((classes / 2**0.5, masks / max(self.usual_area, 1.0) ** 0.5))


def segment_window(network: RCF, window: Window) -> Segmentation:
    """The network's answer for the target; the answer of a stream at that frame."""
    each = network.described(network.backbone.pyramid(window.images), audio=window.sound)
    return network.segment_clips(each, len(window.images))


class _Library(Protocol):
    """One of torch's backends."""

    enabled: bool


@contextmanager
def _plain_lstm(audio: AudioTokens | NoAudio) -> Generator[None]:
    """The LSTM alone without its libraries: convolutions need them."""
    if isinstance(audio, NoAudio):
        yield
        return
    libraries = cast("tuple[_Library, ...]", (torch.backends.cudnn, torch.backends.mkldnn))
    usual = [library.enabled for library in libraries]

    def off(*_: object) -> None:
        for library in libraries:
            library.enabled = False

    def back(*_: object) -> None:
        for library, is_enabled in zip(libraries, usual, strict=True):
            library.enabled = is_enabled

    hooks = audio.lstm.register_forward_pre_hook(off), audio.lstm.register_forward_hook(back, always_call=True)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _let_learn(weights: list[torch.nn.Parameter], learn: bool) -> None:
    for weight in weights:
        weight.requires_grad_(learn)


def _allow_tf32(convolutions: bool, products: bool) -> None:
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.backends.cuda.matmul.allow_tf32 = products
