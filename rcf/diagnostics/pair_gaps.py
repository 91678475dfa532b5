"""How far input and output move between adjacent frames, and what another order of the slots would have cost.

    images T 3 H W, sound  --over_windows--> d_in: of the target image alone, and of the window (references, target)
    logits of T frames --probabilities--> N N costs of classes and of masks --slot_swaps--> d_out, d_swap, d_self

    classes   masks   both = classes and masks as they are; the masks outweigh the classes by far
    balanced  classes x 1 / sqrt 2: one class for another counts 1;  masks x 1 / sqrt(usual area): one object counts 1

The input of F is the whole window: with references, the target alone does not determine the output. What is absent
(a gap of 0, fewer than two slots) is None, never 0 or infinity.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from torch import Tensor

from rcf.diagnostics.slot_swaps import Matrix, Norm, identity_gap, self_gap, slot_costs, swap_gap
from rcf.diagnostics.window_gaps import over_windows, squared_steps
from rcf.reading import fired_slots
from rcf.tensors import floats, integers

Measure = Literal["classes", "masks", "both", "balanced", "both_inf"]
MEASURES: tuple[Measure, ...] = ("classes", "masks", "both", "balanced", "both_inf")

_INSIDE = 0.5
"""Probability above which a pixel is the object's."""


@dataclass(frozen=True, slots=True)
class SlotGaps:
    """Distances between the outputs of two frames in one measure."""

    output: float
    """d_out."""
    swap: float | None
    """d_swap over all slots."""
    swap_fired: float | None
    """d_swap over the slots that fired in either frame: two silent slots are nearly equal and cost nothing."""
    own: float | None
    """d_self of the frame before, over all slots."""
    own_fired: float | None
    """d_self over the slots that fired in the frame before: known before the present one is seen."""


@dataclass(frozen=True, slots=True)
class PairGaps:
    """Two adjacent frames."""

    frame: int
    """The later one."""
    image: float
    """d_in of the target image alone, normalised, 2-norm: the paper's."""
    window: float
    """d_in of all that the network sees, sound too."""
    fired: int
    """Slots that fired in either frame."""
    gaps: Mapping[Measure, SlotGaps]
    overlap: float | None = None
    """Mean IoU of a slot's masks in the two frames, over the slots that fired in both; None where there is none."""

    def secant(self, measure: Measure = "both") -> float | None:
        """K_hat = d_out / d_in: a lower bound of any Lipschitz constant; None where nothing moved."""
        return self.gaps[measure].output / self.window if self.window > 0 else None

    def swap_ratio(self, measure: Measure = "both") -> float | None:
        """K_star = d_swap / d_in over the fired slots; None where nothing moved, or fewer than two slots fired."""
        swap = self.gaps[measure].swap_fired
        return swap / self.window if swap is not None and self.window > 0 else None

    def margin(self, measure: Measure = "both") -> float | None:
        """d_swap - d_out over the fired slots: positive says that the identity is the cheapest assignment."""
        gaps = self.gaps[measure]
        return None if gaps.swap_fired is None else gaps.swap_fired - gaps.output


@dataclass(frozen=True, slots=True)
class Reading:
    """What does not depend on the frames that are compared."""

    class_threshold: float
    """A slot fires above it."""
    usual_share: float
    """Mean share of the frame that a true mask of the data set covers: fixed by the data, so that arms that are
    compared share it."""

    def usual_area(self, pixels: int) -> float:
        """The same in pixels of masks that have so many; never less than one."""
        return max(self.usual_share * pixels, 1.0)


def pair_gaps(
    images: Float[Tensor, "T 3 H W"],
    classes: Float[Tensor, "T Q G"],
    masks: Float[Tensor, "T Q h w"],
    references: int,
    reading: Reading,
    sound: Float[Tensor, "T A E"] | None = None,
) -> list[PairGaps]:
    """All adjacent pairs of a video, from normalised images and logits; none for a video of one frame.

    `sound`: what a network that listens hears at each frame.
    """
    steps = squared_steps(images)
    targets = floats(steps.sqrt())
    if sound is not None:
        steps = steps + squared_steps(sound)
    windows = floats(over_windows(steps, references))
    frames = _outputs(classes, masks, reading.class_threshold)
    found: list[PairGaps] = []
    before = next(frames, None)
    for frame, after in enumerate(frames, start=1):
        assert before is not None, "a frame comes before the second one"
        fired = sorted(before.fired | after.fired)
        moved, apart = _between(before, after), _between(before, before)
        gaps: dict[Measure, SlotGaps] = {
            measure: _gaps(moved.costs(measure, reading), apart.costs(measure, reading), measure, fired, before.fired)
            for measure in MEASURES
        }
        overlap = _overlap(before, after)
        found.append(PairGaps(frame, targets[frame - 1], windows[frame - 1], len(fired), gaps, overlap))
        before = after
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Output:
    """One frame: probabilities of all slots, in double precision."""

    classes: Matrix
    masks: Matrix
    fired: frozenset[int]


def _outputs(classes: Tensor, masks: Tensor, threshold: float) -> Iterator[_Output]:
    for class_logits, mask_logits in zip(classes, masks, strict=True):
        # What fires is decided in float32, as FrameReader decides it.
        fired = frozenset(integers(fired_slots(class_logits.float().softmax(-1), threshold)))
        shapes = mask_logits.double().sigmoid().flatten(1)
        yield _Output(class_logits.double().softmax(-1).numpy(), shapes.numpy(), fired)


@dataclass(frozen=True, slots=True, eq=False)
class _Distances:
    """Of each slot of one frame to each of another: squares of the 2-norm, and the inf-norm."""

    classes: Matrix
    masks: Matrix
    largest: Matrix
    pixels: int
    """Of a mask."""

    def costs(self, measure: Measure, reading: Reading) -> Matrix:
        """In one measure."""
        match measure:
            case "classes":
                return self.classes
            case "masks":
                return self.masks
            case "both":
                return self.classes + self.masks
            case "balanced":
                return self.classes / 2 + self.masks / reading.usual_area(self.pixels)
            case "both_inf":
                return self.largest


def _overlap(before: _Output, after: _Output) -> float | None:
    stayed = sorted(before.fired & after.fired)
    old, new = before.masks[stayed] > _INSIDE, after.masks[stayed] > _INSIDE
    either = (old | new).sum(1)
    there = either > 0
    return float(((old & new).sum(1)[there] / either[there]).mean()) if there.any() else None


def _between(before: _Output, other: _Output) -> _Distances:
    far = [slot_costs(mine, theirs, "inf") for mine, theirs in _sides(before, other)]
    classes, masks = [slot_costs(mine, theirs, "2") for mine, theirs in _sides(before, other)]
    return _Distances(classes, masks, np.maximum(*far), before.masks.shape[1])


def _sides(before: _Output, other: _Output) -> tuple[tuple[Matrix, Matrix], tuple[Matrix, Matrix]]:
    return (before.classes, other.classes), (before.masks, other.masks)


def _gaps(
    moved: Matrix, apart: Matrix, measure: Measure, fired: Sequence[int], fired_before: frozenset[int]
) -> SlotGaps:
    norm: Norm = "inf" if measure == "both_inf" else "2"
    return SlotGaps(
        identity_gap(moved, norm),
        swap_gap(moved, norm),
        swap_gap(moved, norm, fired),
        self_gap(apart, norm),
        self_gap(apart, norm, sorted(fired_before)),
    )
