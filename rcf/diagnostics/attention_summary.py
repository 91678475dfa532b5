"""What the pictures of figures 4 and 8 show, as numbers over a data set; each number is a mean over windows.

    frames of a data set --window_places--> k places --watched_windows--> WindowShares --summarised--> AttentionSummary
                                                                          shares of each head and layer, of fired slots
                                                                          how much lies on true objects, by who looks

Two networks, say with full and with compressed references, are compared by two summaries over the same places.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention import WindowAttention, window_attention
from rcf.diagnostics.attention_share import AttentionShare, attention_shares, mean_shares, share_on_objects, slot_shares
from rcf.diagnostics.local_norms import evenly
from rcf.model.network import RCF
from rcf.tensors import floats

Who = Literal["target", "references", "sound", "slots"]


@dataclass(frozen=True, slots=True)
class OnObjects:
    """How much of the attention to the target lies on its true objects."""

    who: Who
    """Who looks; `slots` are those that fired."""
    layer: int
    """Of the decoder for slots, else of the encoder."""
    share: float
    """0..1, mean of the heads."""
    area: float
    """Share of the frame that the objects cover: what even attention would give."""

    @property
    def preference(self) -> float | None:
        """1: objects are nothing special; 2: they get twice as much as their area. None where none were seen."""
        return self.share / self.area if self.area else None


@dataclass(frozen=True, slots=True)
class WindowShares:
    """Of one window."""

    encoder: tuple[AttentionShare, ...]
    slots: tuple[AttentionShare, ...]
    """Of the decoder; empty where no slot fired."""
    on_objects: tuple[OnObjects, ...]


@dataclass(frozen=True, slots=True)
class AttentionSummary:
    """Of all windows, each head and layer by itself; `attention_share.layer_shares` takes heads together."""

    windows: int
    encoder: tuple[AttentionShare, ...]
    slots: tuple[AttentionShare, ...]
    on_objects: tuple[OnObjects, ...]


def window_places(dataset: VideoDataset, count: int) -> list[tuple[int, int]]:
    """At most `count` pairs of video (index) and frame, evenly spread over all frames."""
    places = [(index, frame) for index, video in enumerate(dataset.videos) for frame in range(video.length)]
    return evenly(places, count)


def watched_windows(
    network: RCF, dataset: VideoDataset, places: Iterable[tuple[int, int]], fires_above: float
) -> Iterator[WindowShares]:
    """One pass for each place; slots fire above a class probability. The network is left as it came.

    Raises rcf.errors.InputError where a frame or the sound is damaged, ValueError where the attention is not finite.
    """
    for video, frame in places:
        # The window of a frame is that of the last frame of what came before: no other frame has to be read.
        numbers = range(max(frame - network.references.frames, 0), frame + 1)
        frames, patches = dataset.frames(video, numbers), dataset.heard(video, numbers)
        seen = window_attention(network, frames, len(numbers) - 1, patches)
        yield window_shares(seen, dataset.targets(video, frame).masks, seen.fired(fires_above))


def window_shares(seen: WindowAttention, masks: Bool[Tensor, "M H W"], fired: Sequence[int]) -> WindowShares:
    """The numbers of a window with true masks `masks` whose slots `fired`."""
    encoder, parts = seen.encoder, seen.encoder.parts
    found = _on_objects("target", encoder.target_to_target(), masks)
    if parts.references:
        found += _on_objects("references", encoder.reference_to_target(), masks)
    if parts.sounds:
        found += _on_objects("sound", encoder.audio_to_target(), masks)
    if fired:
        found += _on_objects("slots", seen.decoder.slots_to_target(fired).mean(2), masks)
    return WindowShares(attention_shares(encoder), slot_shares(seen.decoder, fired), tuple(found))


def summarised(windows: Iterable[WindowShares]) -> AttentionSummary:
    """Means over windows; all of one network. Slots count in those where some fired."""
    all_of_them = list(windows)
    groups: dict[tuple[Who, int], list[OnObjects]] = {}
    for window in all_of_them:
        for each in window.on_objects:
            groups.setdefault((each.who, each.layer), []).append(each)
    return AttentionSummary(
        len(all_of_them),
        mean_shares(share for window in all_of_them for share in window.encoder),
        mean_shares(share for window in all_of_them for share in window.slots),
        tuple(
            OnObjects(who, layer, fmean(each.share for each in found), fmean(each.area for each in found))
            for (who, layer), found in groups.items()
        ),
    )


def _on_objects(who: Who, maps: Float[Tensor, "S heads h w"], masks: Bool[Tensor, "M H W"]) -> list[OnObjects]:
    area = float(share_on_objects(torch.ones_like(maps[0, 0]), masks))
    shares = floats(share_on_objects(maps, masks).mean(1))
    return [OnObjects(who, layer, share, area) for layer, share in enumerate(shares)]
