"""The rule of identity of one who knows the truth: what a perfect rule would make of these masks.

    sightings of a video --shown_tracks--> slot -> track, of each frame --OracleIdentity--> identity = the track
                                                a slot that shows nothing true -----------> its own under the slot rule

A mask shows the true object that a sighting says: Hungarian on IoU, only above 0.5. Tracks and the slots' own numbers
are kept apart, so nothing false is ever joined to a true object. So it never switches an identity. It is no bound on
every score: masks that overlap their object by less than half are cut off from its track, which a luckier rule leaves.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rcf.diagnostics.sightings import Sighting
from rcf.identity import Assignment, SlotIdentity
from rcf.tensors import integers

Shown = Sequence[Mapping[int, int]]
"""For each frame of a video: slot -> true track."""


def shown_tracks(seen: Sequence[Sighting], frames: int) -> Shown:
    """What the slots show in each of the `frames` of a video."""
    shown: list[dict[int, int]] = [{} for _ in range(frames)]
    for each in seen:
        shown[each.frame][each.slot] = each.track
    return shown


class OracleIdentity:
    """Follows the true tracks through the slots that show them."""

    def __init__(self, shown: Shown) -> None:
        """`shown` is the truth of the one video that is read with this rule."""
        self._shown, self._frame = shown, 0
        self._last_track = max((track for frame in shown for track in frame.values()), default=0)
        self._slots = SlotIdentity()
        self._slot_of: dict[int, int] = {}
        """The slot that showed each track last."""

    def assign(self, slots: Int[Tensor, " M"], masks: Bool[Tensor, "M h w"], codes: Float[Tensor, "Q D"]) -> Assignment:
        """The next frame; overridden is what shows a track that another slot showed last.

        Raises IndexError after the last frame of the video.
        """
        shown = self._shown[self._frame]
        self._frame += 1
        own = [self._last_track + number for number in integers(self._slots.assign(slots, masks, codes).identities)]
        identities = [shown.get(slot, number) for slot, number in zip(integers(slots), own, strict=True)]
        moved = [slot in shown and self._slot_of.get(shown[slot], slot) != slot for slot in integers(slots)]
        self._slot_of.update({track: slot for slot, track in shown.items()})
        return Assignment(torch.tensor(identities, dtype=torch.int64), torch.tensor(moved, dtype=torch.bool))
