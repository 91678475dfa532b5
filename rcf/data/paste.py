"""Objects of one clip pasted onto another, frame by frame (Ghiasi et al. 2021, arXiv 2012.07177).

    host  ----------------------------------------shown--+
                                                         +--> in each frame: pixels of the objects over the host's,
    donor --draw_kept, chosen--> some of its objects, ---+    masks of the host cut to what is left
                                 the same in all frames, shown

Both are shown first, each by its own window, flip and colour, so a pair is never seen twice in the same way.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor
from torch.nn import functional

from rcf.data.augment import FEWEST_PIXELS
from rcf.data.collate import ShownClip
from rcf.structures import FrameTargets
from rcf.tensors import integers


def draw_kept(rng: np.random.Generator, targets: Sequence[FrameTargets]) -> set[int]:
    """Tracks of the objects of a clip that are pasted: each with a chance of one half, but at least one."""
    tracks = sorted({track for frame in targets for track in integers(frame.tracks)})
    if not tracks:
        return set()
    chosen = rng.random(len(tracks)) < 0.5
    chosen[rng.integers(len(tracks))] = True
    return {track for track, kept in zip(tracks, chosen.tolist(), strict=True) if kept}


def chosen(targets: FrameTargets, kept: set[int]) -> FrameTargets:
    """The objects of one frame that are among the tracks `kept`."""
    wanted = torch.tensor([track in kept for track in integers(targets.tracks)], dtype=torch.bool)
    return FrameTargets(targets.labels[wanted], targets.masks[wanted], targets.tracks[wanted])


def paste(host: ShownClip, frames: Sequence[UInt8[Tensor, "3 h w"]], objects: Sequence[FrameTargets]) -> ShownClip:
    """`host` with objects of another clip in front of its own; what the host heard is unchanged.

    `frames` are the other clip's, as many as the host's, `objects` those that are pasted, in each of them. The corners
    of both clips meet: what of a larger one lies outside the host is cut off. Objects of which fewer than
    FEWEST_PIXELS are left by this drop out.
    """
    height, width = host.size
    corner = (0, width - frames[0].shape[-1], 0, height - frames[0].shape[-2])
    pasted = [_cut(frame, corner) for frame in objects]
    covered = torch.stack([frame.masks.any(dim=0) for frame in pasted])
    shown = [
        torch.where(cover, functional.pad(above, corner), below)
        for cover, above, below in zip(covered, frames, host.frames, strict=True)
    ]
    # Targets are the last frames of a clip.
    first = len(pasted) - len(host.targets)
    targets = [
        _joined(below, above, cover)
        for below, above, cover in zip(host.targets, pasted[first:], covered[first:], strict=True)
    ]
    return ShownClip(shown, tuple(targets), host.audio)


def _cut(targets: FrameTargets, corner: tuple[int, int, int, int]) -> FrameTargets:
    masks = functional.pad(targets.masks, corner)
    seen = masks.flatten(1).sum(dim=1) >= FEWEST_PIXELS
    return FrameTargets(targets.labels[seen], masks[seen], targets.tracks[seen])


def _joined(below: FrameTargets, above: FrameTargets, covered: Bool[Tensor, "H W"]) -> FrameTargets:
    """What nothing was pasted upon stays as it is, however small."""
    if not above.masks.shape[0]:
        return below
    touched = (below.masks & covered).flatten(1).any(dim=1)
    left = below.masks & ~covered
    seen = ~touched | (left.flatten(1).sum(dim=1) >= FEWEST_PIXELS)
    return FrameTargets(
        torch.cat((below.labels[seen], above.labels)),
        torch.cat((left[seen], above.masks)),
        torch.cat((below.tracks[seen], above.tracks)),
    )
