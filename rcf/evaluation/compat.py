"""The official evaluator's numbers, with everything that it lets pass in silence; what it met is counted by name.

    Compat --compare--> frames of the shorter list only, masks of unlike sizes add nothing     } IoU
           --credit---> a match with annotation id 0 is none                                   } matches
           --stats----> the twelve numbers, summed in the official order: equal to the last bit
           --quirks---> {sentence: how often}

docs/evaluation.md lists all quirks with what `strict` does in their place.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Annotations, Track, Video
from rcf.evaluation.bulk_runs import damaged
from rcf.evaluation.checks import TrackChecks
from rcf.evaluation.lenient_overlap import LenientOverlaps, compare_leniently
from rcf.evaluation.matching import IOU_THRESHOLDS, Credit, Flags
from rcf.evaluation.overlap import LARGEST_HEIGHT, Overlaps, Segmentations, Shape
from rcf.evaluation.statistics import MOST_PREDICTIONS, STAT_NAMES, Floats, Records, Stats, precision_grid
from rcf.structures import Rle, TrackPrediction

SHORT = "tracks whose list of masks is shorter or longer than their video: frames beyond the shorter list are left out"
SIZES = "masks of another size than their video: a frame in which two sizes meet counts neither as shared nor as union"
NO_UNION = "pairs of tracks without a pixel in any frame that counts: their IoU is 0"
POISON = "annotations with id 0: whoever finds one counts as a false positive, and the track as missed"
NOT_A_NUMBER = "scores that are NaN: ranked last"
UNKNOWN = "predictions of a category that the annotations do not have: left out"
MANY = "predictions beyond the best 100 of their video and category: left out"
NO_TRUTH = "categories without a true track that counts: left out of all means"
NOTHING = "results without a single prediction: the official code fails, here every AP is 0"
RENUMBERED = "rows with an id of their own: the official code overwrites it with 1, 2, 3, ..."


class Compat:
    """Rules of the official evaluator, as `rules.Rules`; one for each evaluation, since it counts."""

    name = "compat"

    def __init__(self) -> None:
        self.quirks: Counter[str] = Counter()
        """What was met, by the sentences of this module."""

    def check_truth(self, annotations: Annotations, decode: bool = False) -> None:
        """Corrupt masks only."""
        checks = self.reading(annotations, str(annotations.path))
        for index, track in enumerate(annotations.tracks):
            checks.masks(f"/annotations/{index}", track.segmentations, checks.videos[track.video_id])
        checks.finish(decode)
        self.quirks[POISON] += sum(track.id == 0 for track in annotations.tracks)

    def check_predictions(
        self, annotations: Annotations, predictions: Sequence[TrackPrediction], source: str, decode: bool = False
    ) -> None:
        """Only what the official code could not read either: unknown videos, corrupt masks."""
        checks = self.reading(annotations, source)
        for index, prediction in enumerate(predictions):
            place = f"/{index}"
            checks.score(place, prediction.score)
            checks.category(place, prediction.category_id)
            video = checks.video(place, prediction.video_id)
            if video is not None:
                checks.masks(place, prediction.segmentations, video)
        checks.finish(decode)

    def reading(self, annotations: Annotations, file: str) -> "LenientChecks":
        """A results file is read with these; what they let pass is counted."""
        return LenientChecks.counting(annotations, file, self.quirks)

    def admit(self, annotations: Annotations, predictions: Sequence[TrackPrediction]) -> Sequence[TrackPrediction]:
        """Those of known categories."""
        known = {category.id for category in annotations.categories}
        kept = [prediction for prediction in predictions if prediction.category_id in known]
        sizes = Counter(prediction.category_id for prediction in kept)
        self.quirks[MANY] += sum(max(0, size - MOST_PREDICTIONS) for size in sizes.values())
        return kept

    def compare(
        self,
        shape: Shape,
        truth: Sequence[Segmentations],
        predicted: Sequence[Segmentations],
        ranges: Sequence[tuple[int, int]],
        floor: float,
    ) -> Overlaps:
        """Frame by frame to the end of the shorter list; no floor, since leaving frames out can raise any IoU."""
        found = compare_leniently(shape, truth, predicted, ranges)
        self.quirks[NO_UNION] += _without_union(found, ranges)
        return found

    def credit(self, tracks: Sequence[Track]) -> Credit:
        """The official code stores the id of what was found, and later takes 0 for nothing."""
        poison = np.array([track.id == 0 for track in tracks] + [True], np.bool_)  # the last one stands for -1

        def credited(found: NDArray[np.int64]) -> Flags:
            return ~poison[found]

        return credited

    def stats(self, records: Records) -> Stats:
        """Means over thresholds, recalls and categories in one go, as the official code takes them."""
        return official_stats(records)

    def note(self, records: Records) -> None:
        """Categories that are left out, and a file without predictions."""
        positives = records["positives"][0].astype(np.int64).sum(axis=0)
        self.quirks[NO_TRUTH] += int((positives == 0).sum())
        self.quirks[NOTHING] += int(not records["score"].size)


class LenientChecks(TrackChecks):
    """Checks that count what the official evaluator lets pass."""

    __slots__ = ("quirks",)
    quirks: Counter[str]

    @classmethod
    def counting(cls, annotations: Annotations, file: str, quirks: Counter[str]) -> "LenientChecks":
        """Checks of a file against `annotations`, into `quirks`."""
        made = cls.against(annotations, file)
        assert isinstance(made, LenientChecks)
        made.quirks = quirks
        return made

    def row_id(self, place: str) -> None:
        """A row that came with an id."""
        self.quirks[RENUMBERED] += 1

    def score(self, place: str, score: float) -> None:
        """Any number, and what is none."""
        self.quirks[NOT_A_NUMBER] += score != score

    def category(self, place: str, category_id: int) -> None:
        """Any."""
        self.quirks[UNKNOWN] += category_id not in self.categories

    def absent(self, entry: object) -> bool:
        """Whatever Python takes for false."""
        return not entry

    def length(self, place: str, frames: int, video: Video) -> None:
        """Any."""
        self.quirks[SHORT] += frames != video.length

    def size(self, place: str, mask: Rle, video: Video) -> None:
        """Any that a mask can have."""
        height, width = (*mask["size"], -1, -1)[:2]
        if len(mask["size"]) != 2 or not 0 < height <= LARGEST_HEIGHT or width < 1:
            self.problems.add(f"{place}/size", str(mask["size"])[:60], "[height, width], whole numbers above 0")
        self.quirks[SIZES] += mask["size"] != [video.height, video.width]

    def _damaged(self, masks: Sequence[Rle | None], video: Video) -> list[int]:
        found: list[int] = []
        for size in sorted({tuple(mask["size"]) for mask in masks if mask is not None}):
            frames = [frame for frame, mask in enumerate(masks) if mask is not None and tuple(mask["size"]) == size]
            texts = [mask["counts"] for mask in masks if mask is not None and tuple(mask["size"]) == size]
            if len(size) == 2 and min(size) > 0:
                found += [frames[index] for index in damaged(texts, size[0] * size[1])]
        return sorted(found)


def _without_union(found: LenientOverlaps, ranges: Sequence[tuple[int, int]]) -> int:
    nothing = found.union().sum(axis=2) == 0
    return sum(int(nothing[g, low:high].sum()) for g, (low, high) in enumerate(ranges))


def official_stats(records: Records) -> Stats:
    """AP and AR of match records, bit for bit as the official code adds them up; None where it says -1."""
    grids = [precision_grid(records, area)[1].transpose(1, 2, 0) for area in range(4)]  # T R K
    recalls = {(area, most): _recalls(records, area, most) for area, most in _RECALLS_ASKED.values()}
    at = {"AP50": IOU_THRESHOLDS == 0.5, "AP75": IOU_THRESHOLDS == 0.75}
    values: dict[str, Floats] = {
        "AP": grids[0],
        **{name: grids[0][chosen] for name, chosen in at.items()},
        "AP_small": grids[1], "AP_medium": grids[2], "AP_large": grids[3],
        **{name: recalls[asked] for name, asked in _RECALLS_ASKED.items()},
    }  # fmt: skip
    means = {name: values[name].ravel() for name in STAT_NAMES}
    return {name: 100 * float(np.mean(value)) if value.size else None for name, value in means.items()}


_RECALLS_ASKED = {
    "AR1": (0, 1), "AR10": (0, 10), "AR100": (0, 100),
    "AR_small": (1, 100), "AR_medium": (2, 100), "AR_large": (3, 100),
}  # fmt: skip
"""Name: place of the area range, predictions of a video and category."""


def _recalls(records: Records, area: int, most: int) -> Floats:
    """T K', of the categories with true tracks."""
    positives = records["positives"][area].astype(np.int64).sum(axis=0)
    chosen = records["rank"].astype(np.int64) < most
    true = records["true_positive"][area].astype(np.bool_) & chosen
    category = records["category"].astype(np.int64)
    columns = [true[:, category == k].sum(axis=1) / positives[k] for k in np.flatnonzero(positives).tolist()]
    return np.stack(columns, axis=1) if columns else np.zeros((len(IOU_THRESHOLDS), 0))
