"""F of the Lipschitz argument as a function that torch can differentiate: one window in, the stacked outputs out.

    window R+1 3 H W (normalised, the target last) --network in evaluation mode--> classes Q G, masks Q h w
        --probabilities, x the weights of a measure--> one vector

The network is only borrowed: its parameters are frozen, and kernels without a forward derivative are switched off,
for as long as `differentiable` lasts. Attention's fast paths have none (pytorch issue 128971).
"""

import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

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
        after.enter_context(cast("AbstractContextManager[object]", torch.compiler.set_stance("force_eager")))
        torch.backends.mha.set_fastpath_enabled(False)
        _allow_tf32(False, False)
        _let_learn(learns, False)
        yield network.eval()


@dataclass(frozen=True, slots=True, eq=False)
class WindowMap:
    """The map from one window to its weighted outputs; use it inside `differentiable`."""

    network: RCF
    part: Part
    usual_area: float
    """Of a true mask, in pixels of the network's masks: see pair_gaps.Reading."""
    audio: Float[Tensor, "P A E"] | None = None
    """The sound of the window, which stays as it is."""
    slot: int | None = None
    """One slot's outputs alone; all of them by default."""

    def __call__(self, window: Float[Tensor, "P 3 H W"]) -> Float[Tensor, " n"]:
        """The stacked probabilities; P = R + 1."""
        answer = segment_window(self.network, window, self.audio)
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


def segment_window(
    network: RCF, window: Float[Tensor, "P 3 H W"], audio: Float[Tensor, "P A E"] | None = None
) -> Segmentation:
    """The network's answer for the last of P = R + 1 normalised images; the answer of a stream at that frame."""
    return network.segment_clips(network.described(network.backbone.pyramid(window), audio=audio), len(window))


def _let_learn(weights: list[torch.nn.Parameter], learn: bool) -> None:
    for weight in weights:
        weight.requires_grad_(learn)


def _allow_tf32(convolutions: bool, products: bool) -> None:
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.backends.cuda.matmul.allow_tf32 = products
