"""Which slots show which categories (figure 9), and what a slot says of the category.

    sightings --count--> slots that fired x categories --.
                                                         +--> usual slot of all, of a category; usual category of a slot
                                                         +--> information, in bits, against that of exchanged categories

The paper sees most objects in one slot and some categories (person, duck, earless seal) in slots of their own: "the
network encodes some class-specific information in the slot". It counts predicted categories; here they are the true
ones of objects that a slot showed, so slots that fired on nothing are not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from rcf.diagnostics.sightings import Sighting, slot_classes
from rcf.tensors import integers


@dataclass(frozen=True, slots=True)
class Usual:
    """The most frequent partner of a row or a column."""

    index: int
    """Number of the slot, or index of the category."""
    share: float
    """Of the sightings of the row or the column, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class SlotMatrix:
    """Only slots that showed something; all categories."""

    slots: tuple[int, ...]
    categories: tuple[str, ...]
    counts: Int[Tensor, "M C"]
    """Sightings: an object counts once a frame."""

    @property
    def total(self) -> int:
        """All sightings."""
        return int(self.counts.sum())

    @property
    def slot_totals(self) -> tuple[int, ...]:
        """Sightings of each slot."""
        return tuple(integers(self.counts.sum(1)))

    @property
    def category_totals(self) -> tuple[int, ...]:
        """Sightings of each category."""
        return tuple(integers(self.counts.sum(0)))

    def busiest(self) -> Usual | None:
        """The slot that shows most; None where nothing was seen."""
        return self._slot(self.counts.sum(1)) if self.total else None

    def usual_categories(self) -> tuple[Usual, ...]:
        """Of each slot of `slots`."""
        return tuple(_usual(row) for row in self.counts)

    def usual_slots(self) -> tuple[Usual | None, ...]:
        """Of each category; None where it was not seen. One other than the busiest may be a slot of its own."""
        seen = zip(self.counts.T, self.category_totals, strict=True)
        return tuple(self._slot(column) if total else None for column, total in seen)

    def information_bits(self) -> float:
        """Mutual information of slot and category; 0 where a slot says nothing of the category, or nothing was seen.

        Finite counts make it larger than it is: see `chance_bits`.
        """
        return _information(self.counts.numpy())

    def category_bits(self) -> float:
        """Entropy of the categories, the most that a slot could say of them."""
        return _entropy(self.counts.sum(0).numpy())

    def _slot(self, counts: Int[Tensor, " M"]) -> Usual:
        found = _usual(counts)
        return Usual(self.slots[found.index], found.share)


def slot_matrix(seen: Sequence[Sighting], slots: int, categories: Sequence[str]) -> SlotMatrix:
    """Of a network with `slots` slots; sightings may come from many videos."""
    counts = slot_classes(seen, slots, len(categories))
    fired = integers(counts.sum(1).nonzero()[:, 0])
    return SlotMatrix(tuple(fired), tuple(categories), counts[fired])


def chance_bits(
    seen: Sequence[Sighting], slots: int, categories: int, rng: np.random.Generator, draws: int = 200
) -> NDArray[np.float64]:
    """What `information_bits` would be if a slot knew nothing of the category: that of `draws` exchanges, ascending.

    Objects exchange their categories, sightings do not: those of one object stay in a slot, whatever it is.
    """
    tracks = sorted({each.track for each in seen})
    place = {track: index for index, track in enumerate(tracks)}
    shown, labels = np.zeros((len(tracks), slots)), np.zeros(len(tracks), dtype=np.int64)
    for each in seen:
        shown[place[each.track], each.slot] += 1
        labels[place[each.track]] = each.label
    one_of = np.eye(categories)[labels]
    return np.sort([_information(shown.T @ one_of[rng.permutation(len(tracks))]) for _ in range(draws)])


def _usual(counts: Int[Tensor, " n"]) -> Usual:
    index = int(counts.argmax())
    return Usual(index, float(counts[index] / counts.sum()))


def _information(counts: NDArray[np.number]) -> float:
    bits = _entropy(counts.sum(0)) + _entropy(counts.sum(1)) - _entropy(counts.reshape(-1))
    return max(bits, 0.0)


def _entropy(counts: NDArray[np.number]) -> float:
    there = counts[counts > 0].astype(np.float64)
    shares = there / max(there.sum(), 1.0)
    return max(-float((shares * np.log2(shares)).sum()), 0.0)
