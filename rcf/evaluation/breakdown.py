"""What went wrong with each prediction and each true track, at a track IoU of 0.5 (after TIDE, arXiv 2008.08115).

    ComparedVideo --match--> found, ignored --the rest: IoU with all true tracks, frames in which they meet--> kind
    predictions with one kind mended --AP50 once more--> points that this kind costs

    found            takes a true track of its category
    duplicate        fits a track of its category that a better prediction has
    classification   fits a track of another category
    identity         follows the objects frame by frame, but two or more of them, or one that others carry on
    mask             at the right object of its category, IoU of 0.1 to 0.5
    class and mask   the same with another category
    background       at no object
    missed           (true tracks) nobody fits it, nor would after mending the above

`follows` means: an IoU of 0.5 in a frame. A prediction that follows objects in half of its frames or more, none of them
well enough as a track, has a wrong identity if these are two objects (two frames each at least), or one object that
another prediction follows in two frames or more where this one does not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Annotations
from rcf.evaluation.compared import ComparedVideo
from rcf.evaluation.matching import Chosen, Flags, match
from rcf.evaluation.rules import STRICT, Rules
from rcf.evaluation.statistics import precision_grid

FOREGROUND, NEAR = 0.5, 0.1
"""IoU from which a prediction fits a track, and from which it is at the right place (TIDE's values)."""
KINDS = ("found", "duplicate", "classification", "identity", "mask", "class and mask", "background", "ignored")
MENDED = ("classification", "identity", "mask", "class and mask")
"""Mended, such a prediction finds its object; the others would not be there."""
_LEAST_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """One prediction."""

    video: int
    category: int
    """Places in the data set, as in the match records."""
    score: float
    kind: str
    track: int
    """Place of the true track among all that count, which it found or should have; -1 for none."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What went wrong, and how much of it."""

    predictions: dict[str, int]
    """By kind, `found` and `ignored` included."""
    tracks: dict[str, int]
    """True tracks: `found`, the kind of the best prediction that should have found it, or `missed`."""
    gains: dict[str, float | None]
    """Points of AP50 by kind, if this kind alone were mended; None without ground truth."""
    ap50: float | None


class BreakdownOf:
    """Gathers videos."""

    def __init__(self, annotations: Annotations, rules: Rules = STRICT) -> None:
        self._rules = rules
        self._videos = sorted(video.id for video in annotations.videos)
        self._categories = sorted(category.id for category in annotations.categories)
        self._judged: list[Judged] = []
        self._owners: list[tuple[int, int]] = []
        """(video, category) of each true track that counts."""

    def add(self, compared: ComparedVideo) -> None:
        """Judge the predictions of one video."""
        number = {
            g: len(self._owners) + place
            for place, g in enumerate(g for g, track in enumerate(compared.tracks) if not track.iscrowd)
        }
        video = self._videos.index(compared.video.id)
        self._owners += [(video, self._categories.index(compared.tracks[g].category_id)) for g in number]
        for p, (kind, g) in enumerate(judge(compared, self._rules)):
            prediction = compared.predictions[p]
            category = self._categories.index(prediction.category_id)
            self._judged.append(Judged(video, category, prediction.score, kind, number.get(g, -1)))

    def result(self) -> Breakdown:
        """After the last video."""
        found = {each.track for each in self._judged if each.kind == "found"}
        owed: dict[int, Judged] = {}
        for each in self._judged:
            if each.track >= 0 and each.track not in found and each.kind in MENDED:
                best = owed.get(each.track)
                if best is None or MENDED.index(each.kind) < MENDED.index(best.kind):
                    owed[each.track] = each
        kinds = [each.kind for each in self._judged]
        tracks = {"found": len(found), **{k: sum(each.kind == k for each in owed.values()) for k in MENDED}}
        tracks["missed"] = len(self._owners) - sum(tracks.values())
        before = self._ap50(self._judged, set())
        gains = {kind: _less(self._mended(kind), before) for kind in KINDS if kind not in ("found", "ignored")}
        missed = set(range(len(self._owners))) - found - set(owed)
        gains["missed"] = _less(self._ap50(self._judged, missed), before)
        return Breakdown({kind: kinds.count(kind) for kind in KINDS}, tracks, gains, before)

    def _mended(self, kind: str) -> float | None:
        """AP50 once all of one kind are right: the best for a track finds it, and the rest are gone."""
        taken = {each.track for each in self._judged if each.kind == "found"}
        kept: list[Judged] = [each for each in self._judged if each.kind != kind]
        wrong = [each for each in self._judged if each.kind == kind]
        for each in sorted(wrong, key=lambda each: -each.score) if kind in MENDED else ():
            if each.track >= 0 and each.track not in taken:
                taken.add(each.track)
                kept.append(Judged(each.video, self._owners[each.track][1], each.score, "found", each.track))
        return self._ap50(kept, set())

    def _ap50(self, judged: list[Judged], without: set[int]) -> float | None:
        category = np.array([each.category for each in judged], np.int64)
        scores = np.array([each.score for each in judged], np.float64)
        videos = np.array([each.video for each in judged], np.int64)
        order = np.lexsort((videos, -scores, category))
        positives = np.zeros((1, len(self._videos), len(self._categories)), np.int64)
        for place, owner in enumerate(self._owners):
            positives[(0, *owner)] += place not in without
        records = {
            "category": category[order],
            "true_positive": np.array([each.kind == "found" for each in judged], np.bool_)[order][None, None],
            "ignored": np.array([each.kind == "ignored" for each in judged], np.bool_)[order][None, None],
            "positives": positives,
        }
        present, grid = precision_grid(records)
        return 100 * float(grid.mean()) if present.size else None


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def judge(compared: ComparedVideo, rules: Rules = STRICT) -> list[tuple[str, int]]:
    """Kind of each prediction of a video, and the true track that it found or should have; -1 for none."""
    verdicts: list[tuple[str, int]] = [("background", -1)] * len(compared.predictions)
    of_track = np.array([track.category_id for track in compared.tracks], np.int64)
    crowd = np.array([track.iscrowd for track in compared.tracks], np.bool_)
    followed = _followed(compared, crowd)
    for category, (low, high) in compared.ranges.items():
        truth = np.flatnonzero(of_track == category)
        tracks = [compared.tracks[g] for g in truth.tolist()]
        chosen = Chosen(tuple(track.iscrowd for track in tracks), np.zeros(high - low, np.bool_))
        found = match(compared.iou[truth, low:high].T, chosen.skip, [chosen], rules.credit(tracks))
        for place, p in enumerate(range(low, high)):
            track = int(found.tracks[0, 0, place])
            if found.true_positive[0, 0, place]:
                verdicts[p] = "found", int(truth[track])
            elif found.ignored[0, 0, place]:
                verdicts[p] = "ignored", -1
            else:
                verdicts[p] = _fault(p, compared.iou[:, p], (of_track == category) & ~crowd, ~crowd, followed)
    return verdicts


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """Frames in which a prediction has an IoU of 0.5 with a true track."""

    where: Flags
    """G P T"""
    frames: NDArray[np.int64]
    """G P"""
    visible: NDArray[np.int64]
    """P: frames in which a prediction has a pixel."""


def _followed(compared: ComparedVideo, crowd: Flags) -> _Followed:
    where = (compared.overlaps.frame_iou() >= FOREGROUND) & ~crowd[:, None, None]
    return _Followed(where, where.sum(axis=2), np.count_nonzero(compared.overlaps.predicted, axis=1))


def _fault(p: int, iou: NDArray[np.float64], same: Flags, counts: Flags, followed: _Followed) -> tuple[str, int]:
    """Why prediction p, which found nothing, is wrong."""
    own, other = np.where(same, iou, 0.0), np.where(counts & ~same, iou, 0.0)
    if own.max(initial=0.0) >= FOREGROUND:
        return "duplicate", int(own.argmax())
    if other.max(initial=0.0) >= FOREGROUND:
        return "classification", int(other.argmax())
    if (track := _lost_identity(p, followed)) >= 0:
        return "identity", track
    if own.max(initial=0.0) >= NEAR:
        return "mask", int(own.argmax())
    if other.max(initial=0.0) >= NEAR:
        return "class and mask", int(other.argmax())
    return "background", -1


def _lost_identity(p: int, followed: _Followed) -> int:
    """The object that prediction p follows longest, if leaving it or beginning in its middle is the fault; else -1."""
    frames = followed.frames[:, p]
    if not frames.size or 2 * frames.sum() < followed.visible[p] or frames.max() < _LEAST_FRAMES:
        return -1
    longest = int(frames.argmax())
    if np.count_nonzero(frames >= _LEAST_FRAMES) > 1:
        return longest
    carried_on = followed.where[longest] & ~followed.where[longest, p]
    carried_on[p] = False
    apart = ~(followed.where[longest] & followed.where[longest, p]).any(axis=1)
    return longest if ((carried_on.sum(axis=1) >= _LEAST_FRAMES) & apart).any() else -1
