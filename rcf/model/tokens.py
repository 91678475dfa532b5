"""Box "token construction" (section III-B, equations 1 and 2): the paper's contribution.

target     f_t N C H W  --1x1 conv--> flatten --> N HW D
reference  f_r N C H W  --pixel weight--> --pool to K x K--> C K K      kept for later targets: constant memory
           R of them    --concatenate on channels, 1x1 conv--> flatten --> N KK D
"""

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from rcf.model.position import sine_positions

Tokens = tuple[Float[Tensor, "N L D"], Float[Tensor, "1 L D"]]
"""Contents and positions."""


class TargetTokens(nn.Module):
    """Every position of the target's last map becomes a token."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, width, 1)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Tokens:
        """Equation 1."""
        tokens: Tensor = self.project(features).flatten(2).transpose(1, 2)
        return tokens, sine_positions(features.shape[-2], features.shape[-1], tokens.shape[-1], like=tokens)


class PixelWeight(nn.Module):
    """A weight in (0, 1) for each pixel, predicted from the feature itself, so that it works at any size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.predict = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Weighted features."""
        return features * self.predict(features).sigmoid()


class CompressedReferences(nn.Module):
    """K x K tokens for all reference frames together (equation 2)."""

    def __init__(self, channels: int, width: int, frames: int, side: int, weight: nn.Module) -> None:
        super().__init__()
        self.frames, self.side = frames, side
        self.weight = weight
        self.merge = nn.Conv2d(frames * channels, width, 1)

    def compress(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C K K"]:
        """Weight, then pool: acts on each frame alone, so a stream keeps C K K numbers per reference."""
        return functional.adaptive_avg_pool2d(self.weight(features), self.side)

    def tokens(self, windows: Float[Tensor, "N R C K K"]) -> Tokens:
        """Merge the references on channels: K * K tokens however many frames there are."""
        tokens: Tensor = self.merge(windows.flatten(1, 2)).flatten(2).transpose(1, 2)
        return tokens, sine_positions(self.side, self.side, tokens.shape[-1], like=tokens)


class NoReferences(nn.Module):
    """The row "0 reference frames": no tokens at all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frames, self.width = 0, width

    def compress(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C 0 0"]:
        """Nothing to keep."""
        return features[:, :, :0, :0]

    def tokens(self, windows: Tensor) -> Tokens:
        """Zero tokens."""
        empty = torch.zeros(windows.shape[0], 0, self.width, dtype=windows.dtype, device=windows.device)
        return empty, empty[:1]
