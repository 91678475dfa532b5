"""What an evaluation pass says of the order of slots and of smoothness: a few numbers, and all pairs behind them.

    each video: sightings of true objects, gaps of adjacent frames --OrderResult--> metrics   order/*, lipschitz/*
                                                                    `-> rows: one a pair, for a file and for pictures

A metric that nothing was counted for is left out: never 0, never infinity.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rcf.diagnostics.pair_gaps import PairGaps
from rcf.diagnostics.prediction import Auc, Judged, roc_auc, smooth_score
from rcf.diagnostics.sightings import Sighting, Step, overrides, steps


@dataclass(frozen=True, slots=True)
class VideoOrder:
    """One video."""

    video: int
    """Index in the data set."""
    seen: tuple[Sighting, ...]
    gaps: tuple[PairGaps, ...]
    fired: int
    """Slots that fired, over all frames but the first, whose identities come from nowhere."""
    overridden: int
    """Those of them that got another identity than their own."""

    @property
    def adjacent(self) -> list[Step]:
        """Objects that were found in two adjacent frames."""
        return [step for step in steps(self.seen) if step.is_adjacent]


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two adjacent frames: their gaps, and what became of the objects that were found in both."""

    video: int
    gaps: PairGaps
    kept: int
    changed: int
    previous: PairGaps | None
    """The pair before in the same video: all that is known before this one is seen."""

    @property
    def previous_secant(self) -> float | None:
        """K_hat of the pair before."""
        return None if self.previous is None else self.previous.secant()

    @property
    def is_watched(self) -> bool:
        """Whether some object was found in both frames, so that an order could be kept or lost."""
        return self.kept + self.changed > 0

    @property
    def smooth(self) -> float | None:
        """The score of `order/auc`: the previous pair's secant times d_in, over half of d_self of the frame before."""
        secant = self.previous_secant
        return None if secant is None else self.smooth_at(secant)

    def smooth_at(self, constant: float) -> float | None:
        """The same with another constant K that is known before frame t is seen."""
        return smooth_score(constant, self.gaps.window, self.gaps.gaps["both"].own_fired)


class OrderResult:
    """All videos of a pass."""

    def __init__(self, videos: Sequence[VideoOrder]) -> None:
        self.videos = tuple(videos)
        adjacent = [each.adjacent for each in self.videos]
        self.steps: tuple[Step, ...] = tuple(step for found in adjacent for step in found)
        """Objects that were found in two adjacent frames."""
        self.changes: tuple[tuple[int, Step], ...] = tuple(
            (each.video, step)
            for each, found in zip(self.videos, adjacent, strict=True)
            for step in found
            if not step.kept_slot
        )
        """Order changes: index of the video, and the object in both frames."""
        self.pairs: tuple[PairRow, ...] = tuple(
            row for each, found in zip(self.videos, adjacent, strict=True) for row in _rows(each, found)
        )

    def metrics(self) -> dict[str, float]:
        """The numbers that are logged."""
        fired = sum(each.fired for each in self.videos)
        overridden = sum(each.overridden for each in self.videos)
        right = [is_right for each in self.videos for _, is_right in overrides(each.seen)]
        watched = [row.changed > 0 for row in self.pairs if row.is_watched]
        margins = [margin for row in self.pairs if (margin := row.gaps.margin()) is not None]
        secants = self._ratios([row.gaps.secant() for row in self.pairs])
        swaps = self._ratios([row.gaps.swap_ratio() for row in self.pairs])
        auc = self.auc()
        found = {
            "order/consistency_pct": _percentage([step.kept_slot for step in self.steps]),
            "order/changes_per_100": _percentage(watched),
            "order/override_pct": 100 * overridden / fired if fired else None,
            "order/override_right_pct": _percentage(right),
            "order/margin_positive_pct": _percentage([margin > 0 for margin in margins]),
            "order/auc": None if auc is None else auc.value,
            "lipschitz/secant_mean": float(secants.mean()) if secants.size else None,
            "lipschitz/secant_p95": float(np.quantile(secants, 0.95)) if secants.size else None,
            "lipschitz/swap_ratio": float(np.median(swaps)) if swaps.size else None,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def returns(self) -> list[Step]:
        """Objects that were found again after frames in which they were not: hidden, outside, or missed."""
        return [step for each in self.videos for step in steps(each.seen) if not step.is_adjacent]

    def auc(self) -> Auc | None:
        """How well smoothness foretells in which pairs the order changes, from what is known before."""
        judged = [
            Judged(row.video, row.smooth, row.changed > 0)
            for row in self.pairs
            if row.smooth is not None and row.is_watched
        ]
        return roc_auc(judged)

    @staticmethod
    def _ratios(found: Sequence[float | None]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.array([each for each in found if each is not None], dtype=np.float64)


def _rows(each: VideoOrder, adjacent: Sequence[Step]) -> Iterator[PairRow]:
    kept = Counter(step.after.frame for step in adjacent if step.kept_slot)
    changed = Counter(step.after.frame for step in adjacent if not step.kept_slot)
    previous: PairGaps | None = None
    for gaps in each.gaps:
        yield PairRow(each.video, gaps, kept[gaps.frame], changed[gaps.frame], previous)
        previous = gaps


def _percentage(values: Sequence[bool]) -> float | None:
    return 100 * sum(values) / len(values) if values else None
