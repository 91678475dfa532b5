"""On which pixels the mask terms are computed: an option that trades accuracy of the gradient for time and memory.

EveryPixel(stride)   logits S N Q h w --average to the stride--> S N Q L       ground truth: covered share of each cell
RandomPoints(count)  ... the same `count` of these cells in all masks of a step, drawn without replacement
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor

from rcf.config import LossConfig


@runtime_checkable
class PixelChoice(Protocol):
    """Chooses cells; the choice of one step is the same for predictions and ground truth."""

    def at(self, height: int, width: int, seed: int) -> "Cells":
        """The cells of a step for masks of height x width at stride 4."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of stride 4 (`chosen`: some of them), or coarser ones by averaging."""

    height: int
    width: int
    factor: int = 1
    chosen: Int[Tensor, " L"] | None = None

    def of(self, masks: Float[Tensor, "*B h w"]) -> Float[Tensor, "*B L"]:
        """Masks of stride 4 on these cells."""
        if self.factor > 1:
            # Masks on the batch axis, which may be empty: a frame may show no instance.
            flat = masks.flatten(0, -3)[:, None]
            flat = functional.avg_pool2d(flat, self.factor, ceil_mode=True, count_include_pad=False)
            masks = flat.reshape(*masks.shape[:-2], *flat.shape[-2:])
        cells = masks.flatten(-2)
        return cells if self.chosen is None else cells[..., self.chosen.to(cells.device)]


@dataclass(frozen=True, slots=True)
class EveryPixel:
    """All cells, at stride 4 x `factor`."""

    factor: int = 1

    def at(self, height: int, width: int, seed: int) -> Cells:
        """All of them."""
        return Cells(height, width, self.factor)


@dataclass(frozen=True, slots=True)
class RandomPoints:
    """`count` random cells, at stride 4 x `factor`."""

    count: int
    factor: int = 1

    def at(self, height: int, width: int, seed: int) -> Cells:
        """Drawn from `seed`; all of them where there are no more."""
        generator = torch.Generator().manual_seed(seed)
        cells = -(-height // self.factor) * -(-width // self.factor)
        chosen = torch.randperm(cells, generator=generator)[: self.count]
        return Cells(height, width, self.factor, chosen)


def pixel_choice(config: LossConfig) -> PixelChoice:
    """The choice that `config` names."""
    factor = config.mask_stride // 4
    return RandomPoints(config.mask_points, factor) if config.mask_points else EveryPixel(factor)


def at_stride_4(masks: Tensor, height: int, width: int) -> Float[Tensor, "M h w"]:
    """Ground truth as the share of each stride-4 cell that is covered."""
    return functional.interpolate(masks[None].float(), size=(height, width), mode="area")[0]
