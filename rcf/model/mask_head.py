"""Boxes "FPN" and "dynamic convolution" (section III-C).

    fused target tokens N D h w --3x3--> + lateral 16 --3x3--> + lateral 8 --3x3--> + lateral 4 --3x3--> pixels N P H W
    codes S N Q D --FC, ReLU, FC--> filters S N Q F;   masks = filters . (1x1 conv of pixels to F)   S N Q H W
    codes S N Q D --linear--> classes S N Q G

The last 1x1 conv and the filters are both linear, so the conv is folded into the filters: Q instead of F channels are
computed per pixel, and the result is the same.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rcf.model.backbone import Pyramid
from rcf.model.tokens import grown_onto
from rcf.structures import Segmentation

_GROUPS = 8


def _smooth(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.GroupNorm(_GROUPS, width), nn.ReLU())


class PixelDecoder(nn.Module):
    """FPN from the fused target tokens up to stride 4; `channels` are those of the maps finer than the tokens'."""

    def __init__(self, channels: tuple[int, ...], token_width: int, width: int) -> None:
        super().__init__()
        self.top = _smooth(token_width, width)
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(count, width, 1, bias=False), nn.GroupNorm(_GROUPS, width)) for count in channels
        )
        self.smooth = nn.ModuleList(_smooth(width, width) for _ in channels)

    def forward(self, pyramid: Pyramid, fused: Float[Tensor, "N D h w"]) -> Float[Tensor, "N P H W"]:
        """Pixel features at stride 4."""
        pixels = self.top(fused)
        for level in reversed(range(len(self.lateral))):
            side = self.lateral[level](pyramid[level])
            pixels = self.smooth[level](side + grown_onto(pixels, side, 2))
        return pixels


class DynamicMasks(nn.Module):
    """Each instance code becomes a 1x1 filter over the segmentation map."""

    def __init__(self, code_width: int, pixel_width: int, filter_width: int) -> None:
        super().__init__()
        self.filters = nn.Sequential(nn.Linear(code_width, code_width), nn.ReLU(), nn.Linear(code_width, filter_width))
        self.project = nn.Conv2d(pixel_width, filter_width, 1)

    def forward(self, codes: Float[Tensor, "S N Q D"], pixels: Float[Tensor, "N P H W"]) -> Float[Tensor, "S N Q H W"]:
        """Mask logits at stride 4; `project` is folded into the filters."""
        filters = self.filters(codes)
        kernel = self.project.weight.flatten(1)
        bias = self.project.bias
        assert bias is not None
        weights, offsets = filters @ kernel, filters @ bias
        layers, count, queries, _ = weights.shape
        per_frame = weights.transpose(0, 1).flatten(1, 2)
        flat = pixels.permute(0, 2, 3, 1).flatten(1, 2)
        logits = torch.bmm(per_frame, flat.transpose(1, 2)).view(count, layers, queries, *pixels.shape[-2:])
        return logits.transpose(0, 1) + offsets[..., None, None]


class SlotSoftmax(nn.Module):
    """Slots compete for each pixel: logits whose sigmoid is the softmax over the slots, of which there are two or more.

    That is each slot's logit minus the log of the summed exponentials of all others: log p - log(1 - p).
    """

    def forward(self, logits: Float[Tensor, "S N Q H W"]) -> Float[Tensor, "S N Q H W"]:
        """Finite, and with a gradient, also where one slot has a pixel all to itself."""
        exact = logits.float()
        # Taking a slot out of the sum of all cancels for the greatest alone, so for that one the others are summed.
        greatest = torch.zeros_like(exact, dtype=torch.bool).scatter(2, exact.argmax(2, keepdim=True), True)
        rest = exact.masked_fill(greatest, -torch.inf).logsumexp(2, keepdim=True)
        whole = exact.logsumexp(2, keepdim=True)
        share = (exact - whole).masked_fill(greatest, -1.0).exp()
        return (exact - torch.where(greatest, rest, whole + torch.log1p(-share))).to(logits.dtype)


class InstanceHead(nn.Module):
    """What an instance code says: a class, and a filter for its mask."""

    def __init__(self, masks: DynamicMasks, classes: nn.Linear, compete: SlotSoftmax | nn.Identity) -> None:
        super().__init__()
        self.masks = masks
        self.classes = classes
        self.compete = compete

    def forward(self, codes: Float[Tensor, "S N Q D"], pixels: Float[Tensor, "N P H W"]) -> Segmentation:
        """Class and mask logits of each layer's codes."""
        return Segmentation(self.classes(codes), self.compete(self.masks(codes, pixels)), codes[-1])
