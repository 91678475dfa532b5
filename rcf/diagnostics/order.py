"""Do objects keep their slots? Counted over adjacent frames of a video, and added up over videos.

fired masks, true masks --Hungarian on IoU, only > 0.5--> slot of each object --compare t-1 and t--> kept / seen
"""

from jaxtyping import Bool, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from rcf.identity import mask_iou

_SAME_OBJECT_IOU = 0.5


class OrderCounter:
    """`order/consistency_pct` and `order/override_pct` (section III-D): one counter a video, added up into one."""

    def __init__(self) -> None:
        self.seen = 0
        """Objects that were found in two adjacent frames."""
        self.kept = 0
        """... and by the same slot."""
        self._fired = 0
        self._overridden = 0
        self._slot_of: dict[int, int] | None = None

    def add(
        self,
        slots: Int[Tensor, " M"],
        masks: Bool[Tensor, "M h w"],
        tracks: Int[Tensor, " P"],
        truth: Bool[Tensor, "P h w"],
        overridden: Bool[Tensor, " M"],
    ) -> None:
        """The next frame of the video: the slots that fired, and the objects that are there."""
        slot_of = _slots_of_objects(slots, masks, tracks, truth)
        if self._slot_of is not None:
            shared = slot_of.keys() & self._slot_of.keys()
            self.seen += len(shared)
            self.kept += sum(slot_of[track] == self._slot_of[track] for track in shared)
            self._fired += len(slots)
            self._overridden += int(overridden.sum())
        self._slot_of = slot_of

    def add_counts(self, other: "OrderCounter") -> None:
        """Add what was counted in another video: frames of different videos are not adjacent."""
        self.seen += other.seen
        self.kept += other.kept
        self._fired += other._fired
        self._overridden += other._overridden

    def metrics(self) -> dict[str, float]:
        """Percentages; a metric is left out where nothing could be counted."""
        found: dict[str, float] = {}
        if self.seen:
            found["order/consistency_pct"] = 100 * self.kept / self.seen
        if self._fired:
            found["order/override_pct"] = 100 * self._overridden / self._fired
        return found


def _slots_of_objects(
    slots: Int[Tensor, " M"], masks: Bool[Tensor, "M h w"], tracks: Int[Tensor, " P"], truth: Bool[Tensor, "P h w"]
) -> dict[int, int]:
    overlap = mask_iou(truth, masks).numpy()
    rows, columns = linear_sum_assignment(-overlap)
    return {
        int(tracks[row]): int(slots[column])
        for row, column in zip(rows, columns, strict=True)
        if overlap[row, column] > _SAME_OBJECT_IOU
    }
