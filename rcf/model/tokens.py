"""Box "token construction" (section III-B, equations 1 and 2): maps become tokens that know where they are.

target      map N C H W --1x1 conv--> flatten --> N HW D                        every position is a token
references  windows N R ... --rcf/model/reference.py--> N L D                   few tokens, or all of them
audio       features N R+1 V --rcf/model/audio.py--> N R+1 D

Tokens = contents + positions + which of them are padding; `joined` puts several one behind the other
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as functional
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rcf.model.backbone import STRIDES, Pyramid

Sizes = Int[Tensor, "N 2"]
"""Height and width of each map before padding, in cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Contents, where they come from, and which of them are padding."""

    contents: Float[Tensor, "N L D"]
    positions: Float[Tensor, "n L D"]
    """n is N, or 1 where all frames have the same."""
    ignore: Bool[Tensor, "N L"] | None = None
    """True for padding; None where there is none."""


@runtime_checkable
class Positions(Protocol):
    """Gives a map's cells their position encoding; see rcf/model/position.py."""

    def __call__(self, height: int, width: int, like: Tensor, sizes: Sizes | None = None) -> Float[Tensor, "n L D"]: ...


def joined(*parts: Tokens) -> Tokens:
    """All tokens in one sequence."""
    count = max(part.positions.shape[0] for part in parts)
    positions = torch.cat([part.positions.expand(count, -1, -1) for part in parts], dim=1)
    ignore: Tensor | None = None
    if any(part.ignore is not None for part in parts):
        ignore = torch.cat([_ignored(part) for part in parts], dim=1)
    return Tokens(torch.cat([part.contents for part in parts], dim=1), positions, ignore)


def _ignored(tokens: Tokens) -> Bool[Tensor, "N L"]:
    if tokens.ignore is not None:
        return tokens.ignore
    return torch.zeros(tokens.contents.shape[:2], dtype=torch.bool, device=tokens.contents.device)


def flattened(contents: Float[Tensor, "N D H W"], positions: Positions, sizes: Sizes | None) -> Tokens:
    """Every position of a map as a token."""
    height, width = contents.shape[-2:]
    tokens = contents.flatten(2).transpose(1, 2)
    places = positions(height, width, tokens, sizes)
    return Tokens(tokens, places, None if sizes is None else padding(height, width, sizes))


def padding(height: int, width: int, sizes: Sizes) -> Bool[Tensor, "N L"]:
    """True for the cells of a height x width map that lie outside `sizes`."""
    rows = torch.arange(height, device=sizes.device)[None] >= sizes[:, :1]
    columns = torch.arange(width, device=sizes.device)[None] >= sizes[:, 1:]
    return (rows[:, :, None] | columns[:, None, :]).flatten(1)


def sizes_at(sizes: Int[Tensor, "N 2"] | None, stride: int) -> Sizes | None:
    """Sizes in pixels as sizes of the map at `stride`."""
    return None if sizes is None else torch.div(sizes + (stride - 1), stride, rounding_mode="floor")


class TokenMap(nn.Module):
    """The map whose cells become tokens: stride 32, or stride 16 with the coarser map beside it on channels."""

    def __init__(self, stride: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.stride = stride
        self.level = STRIDES.index(stride)
        self.channels = sum(channels[self.level :])

    def forward(self, pyramid: Pyramid) -> Float[Tensor, "N C H W"]:
        """The map; coarser levels are enlarged to its size."""
        first, *coarser = pyramid[self.level :]
        if not coarser:
            return first
        return torch.cat([first, *(grown_onto(level, first, 2**step) for step, level in enumerate(coarser, 1))], dim=1)


def grown_onto(
    coarse: Float[Tensor, "N C h w"], fine: Float[Tensor, "N D H W"], factor: int
) -> Float[Tensor, "N C H W"]:
    """Each cell of `coarse` as factor x factor cells, over those of `fine` that it was made from.

    Where a side of the frame is no multiple of the stride, the last cells reach over the edge and are cut. Stretching
    the map to the size of the other instead would shift it against it, by more at one end than at the other.
    """
    height, width = fine.shape[-2:]
    return functional.interpolate(coarse, scale_factor=float(factor), mode="nearest")[..., :height, :width]


class TargetTokens(nn.Module):
    """Every position of the target's map becomes a token (equation 1)."""

    def __init__(self, channels: int, width: int, positions: Positions) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, width, 1)
        self.positions = positions

    def forward(self, features: Float[Tensor, "N C H W"], sizes: Sizes | None = None) -> Tokens:
        """Tokens of the target frames."""
        return flattened(self.project(features), self.positions, sizes)
