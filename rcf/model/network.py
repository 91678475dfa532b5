"""RCF, the whole figure 2.

frames --backbone--> pyramid ----------------------------------------------+-> pixel decoder --> pixels --+
             |-> target tokens ----+                     +-> target part --+                              |
             |-> reference tokens -+-> fusion --> memory +-> decoder --> codes --+-> filters --> masks <--+
sound -------+-> audio tokens -----+                                             +-> classes
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from rcf.model.attention import Decoder
from rcf.model.audio import AudioTokens, NoAudio
from rcf.model.backbone import Backbone, Pyramid
from rcf.model.fusion import JoinInDecoder, JoinInEncoder
from rcf.model.mask_head import InstanceHead, PixelDecoder
from rcf.model.reference import CompressedReferences, FullReferences, NoReferences
from rcf.model.tokens import TargetTokens, TokenMap, sizes_at
from rcf.structures import Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class FrameFeatures:
    """What N frames give each by itself."""

    pyramid: Pyramid
    kept: Tensor
    """N ...: what a frame leaves behind as a reference."""
    heard: Float[Tensor, "N V"]
    """Feature of the sound at each frame; V = 0 in a network without audio."""
    sizes: Int[Tensor, "N 2"] | None = None
    """Height and width before padding, pixels; None where nothing is padded."""


class RCF(nn.Module):
    """Online video instance segmentation via robust context fusion (arXiv 2207.05580)."""

    def __init__(  # noqa: PLR0913  one argument for each box of the figure
        self,
        backbone: Backbone,
        token_map: TokenMap,
        target: TargetTokens,
        references: CompressedReferences | FullReferences | NoReferences,
        audio: AudioTokens | NoAudio,
        fusion: JoinInEncoder | JoinInDecoder,
        decoder: Decoder,
        pixels: PixelDecoder,
        head: InstanceHead,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.token_map = token_map
        self.target = target
        self.references = references
        self.audio = audio
        self.fusion = fusion
        self.decoder = decoder
        self.pixels = pixels
        self.head = head

    def describe(
        self,
        frames: UInt8[Tensor, "N 3 H W"],
        sizes: Int[Tensor, "N 2"] | None = None,
        audio: Float[Tensor, "N A E"] | None = None,
    ) -> FrameFeatures:
        """What each frame and its sound give by themselves; a stream calls this once a frame."""
        return self.described(self.backbone(frames), sizes, audio)

    def described(
        self, pyramid: Pyramid, sizes: Int[Tensor, "N 2"] | None = None, audio: Float[Tensor, "N A E"] | None = None
    ) -> FrameFeatures:
        """The same from the maps of the frames."""
        kept = self.references.compress(self.token_map(pyramid), sizes_at(sizes, self.token_map.stride))
        heard = self.audio.describe(pyramid[-1].new_zeros(len(pyramid[-1]), 0, 0) if audio is None else audio)
        return FrameFeatures(pyramid, kept, heard, sizes)

    def segment(self, targets: FrameFeatures, windows: Tensor, heard: Float[Tensor, "N W V"]) -> Segmentation:
        """Segment N target frames.

        `windows` N R ...: what the R frames before each have kept, oldest first. `heard` N R+1 V: the sound of those
        frames and of the target itself.
        """
        top = self.token_map(targets.pyramid)
        sizes = sizes_at(targets.sizes, self.token_map.stride)
        memory = self.fusion(
            self.target(top, sizes),
            self.references.tokens(windows, sizes),
            self.audio.tokens(heard),
            self.references.groups,
        )
        codes = self.decoder(memory.contents, memory.positions, memory.ignore)
        height, width = top.shape[-2:]
        target_map = memory.contents[:, : height * width].transpose(1, 2).unflatten(2, (height, width))
        answer: Segmentation = self.head(codes, self.pixels(targets.pyramid, target_map))
        return answer

    def forward(
        self,
        frames: UInt8[Tensor, "B P 3 H W"],
        sizes: Int[Tensor, "B 2"] | None = None,
        audio: Float[Tensor, "B P A E"] | None = None,
    ) -> Segmentation:
        """Segment the P - R targets of each clip; frame n = b (P - R) + j of the answer is target j of clip b.

        `sizes`: height and width of each clip; what is right of it and below is padding, which no token looks at. The
        convolutions and group norms of the pixel decoder do see it, as in MaskFormer.
        """
        count = frames.shape[1]
        whole = None if sizes is None else sizes.repeat_interleave(count, 0)
        each = self.describe(frames.flatten(0, 1), whole, None if audio is None else audio.flatten(0, 1))
        return self.segment_clips(each, count)

    def segment_clips(self, each: FrameFeatures, count: int) -> Segmentation:
        """Segment the targets of clips of `count` frames whose features stand one behind the other: see `forward`."""
        clips, references = each.kept.shape[0] // count, self.references.frames

        def windows(values: Tensor, length: int) -> Tensor:
            """Of each target: the entries of its R references, and with a length of R + 1 its own."""
            grouped = values.reshape(clips, count, *values.shape[1:])
            ends = range(references, count)
            return torch.stack([grouped[:, end - references :][:, :length] for end in ends], dim=1).flatten(0, 1)

        def targets(values: Tensor) -> Tensor:
            return values.reshape(clips, count, *values.shape[1:])[:, references:].flatten(0, 1)

        fine, middle, coarse, top = (targets(level) for level in each.pyramid)
        here = FrameFeatures(
            (fine, middle, coarse, top),
            targets(each.kept),
            targets(each.heard),
            None if each.sizes is None else targets(each.sizes),
        )
        return self.segment(here, windows(each.kept, references), windows(each.heard, references + 1))
