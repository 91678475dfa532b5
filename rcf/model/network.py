"""RCF, the whole figure 2.

frames --backbone--> pyramid ----------------------------------------------+-> pixel decoder --> pixels --+
             |-> target tokens ----+                     +-> target part --+                              |
             |-> reference tokens -+-> encoder --> fused +-> decoder --> codes --+-> filters --> masks <--+
                                                                                 +-> classes
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from rcf.model.attention import Decoder, Encoder
from rcf.model.backbone import Backbone, Pyramid
from rcf.model.mask_head import InstanceHead, PixelDecoder
from rcf.model.tokens import CompressedReferences, NoReferences, TargetTokens
from rcf.structures import Segmentation


class RCF(nn.Module):
    """Online video instance segmentation via robust context fusion (arXiv 2207.05580)."""

    def __init__(
        self,
        backbone: Backbone,
        target: TargetTokens,
        references: CompressedReferences | NoReferences,
        encoder: Encoder,
        decoder: Decoder,
        pixels: PixelDecoder,
        head: InstanceHead,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.target = target
        self.references = references
        self.encoder = encoder
        self.decoder = decoder
        self.pixels = pixels
        self.head = head

    def describe(self, frames: UInt8[Tensor, "N 3 H W"]) -> tuple[Pyramid, Tensor]:
        """What each frame gives by itself: its pyramid, and what to keep of it as a reference (N C K K)."""
        pyramid = self.backbone(frames)
        kept: Tensor = self.references.compress(pyramid[-1])
        return pyramid, kept

    def segment(self, pyramid: Pyramid, windows: Tensor) -> Segmentation:
        """Segment N target frames, given their pyramids and the kept references N R C K K before each."""
        contents, places = self.target(pyramid[-1])
        context, context_places = self.references.tokens(windows)
        positions = torch.cat((places, context_places), dim=1)
        fused = self.encoder(torch.cat((contents, context), dim=1), positions)
        codes = self.decoder(fused, positions)
        height, width = pyramid[-1].shape[-2:]
        target_map = fused[:, : height * width].transpose(1, 2).unflatten(2, (height, width))
        answer: Segmentation = self.head(codes, self.pixels(pyramid, target_map))
        return answer

    def forward(self, frames: UInt8[Tensor, "B P 3 H W"]) -> Segmentation:
        """Segment the P - R targets of each clip; frame n = b (P - R) + j of the answer is target j of clip b."""
        clips, count = frames.shape[:2]
        references = self.references.frames
        pyramid, flat = self.describe(frames.flatten(0, 1))
        kept = flat.reshape(clips, count, *flat.shape[1:])
        positions = torch.arange(count, device=frames.device)[references:]
        windows = torch.stack([kept[:, end - references : end] for end in range(references, count)], dim=1)

        def targets(features: Float[Tensor, "BP C h w"]) -> Tensor:
            return features.reshape(clips, count, *features.shape[1:])[:, positions].flatten(0, 1)

        fine, middle, coarse, top = (targets(level) for level in pyramid)
        return self.segment((fine, middle, coarse, top), windows.flatten(0, 1))
