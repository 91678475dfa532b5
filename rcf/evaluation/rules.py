"""Two sets of rules for one metric: what is an error in a file, how tracks are compared, which match counts.

    STRICT    what cannot be right is an error (checks); numbers equal the official ones wherever a file is sound
    Compat    the official evaluator as it is, with all that it lets pass; counts what it met in `quirks` (compat.py)

An evaluation is given one of them and asks nothing else.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rcf.data.annotations import Annotations, Track
from rcf.evaluation.checks import TrackChecks, check_predictions, check_tracks
from rcf.evaluation.matching import Credit, every
from rcf.evaluation.overlap import Overlaps, Segmentations, Shape, overlaps
from rcf.evaluation.statistics import Records, Stats, stats_from_records
from rcf.structures import TrackPrediction


@runtime_checkable
class Rules(Protocol):
    """What an evaluation is given."""

    @property
    def name(self) -> str:
        """How a table names them."""
        ...

    def check_truth(self, annotations: Annotations, decode: bool = False) -> None:
        """Raise rcf.errors.InputError with everything that these rules do not allow; `decode`: look at all masks."""
        ...

    def check_predictions(
        self, annotations: Annotations, predictions: Sequence[TrackPrediction], source: str, decode: bool = False
    ) -> None:
        """The same for predictions."""
        ...

    def reading(self, annotations: Annotations, file: str) -> TrackChecks:
        """What a results file is read with."""
        ...

    def admit(self, annotations: Annotations, predictions: Sequence[TrackPrediction]) -> Sequence[TrackPrediction]:
        """The predictions of a video that take part."""
        ...

    def compare(
        self,
        shape: Shape,
        truth: Sequence[Segmentations],
        predicted: Sequence[Segmentations],
        ranges: Sequence[tuple[int, int]],
        floor: float,
    ) -> Overlaps:
        """As `overlap.overlaps`."""
        ...

    def credit(self, tracks: Sequence[Track]) -> Credit:
        """Which matches with these true tracks count as found."""
        ...

    def stats(self, records: Records) -> Stats:
        """The twelve numbers."""
        ...

    def note(self, records: Records) -> None:
        """Look at the match records of the official numbers, those that an evaluation is named after."""
        ...


class Strict:
    """Wrong input is an error; every track can be found."""

    name = "strict"

    def check_truth(self, annotations: Annotations, decode: bool = False) -> None:
        """Lengths, sizes, ids."""
        check_tracks(annotations, decode)

    def check_predictions(
        self, annotations: Annotations, predictions: Sequence[TrackPrediction], source: str, decode: bool = False
    ) -> None:
        """Lengths, sizes, ids, scores."""
        check_predictions(annotations, predictions, source, decode)

    def reading(self, annotations: Annotations, file: str) -> TrackChecks:
        """Every fault is noted."""
        return TrackChecks.against(annotations, file)

    def admit(self, annotations: Annotations, predictions: Sequence[TrackPrediction]) -> Sequence[TrackPrediction]:
        """All of them: they have been checked."""
        return predictions

    def compare(
        self,
        shape: Shape,
        truth: Sequence[Segmentations],
        predicted: Sequence[Segmentations],
        ranges: Sequence[tuple[int, int]],
        floor: float,
    ) -> Overlaps:
        """All masks have the video's size, all tracks its length."""
        return overlaps(shape, truth, predicted, ranges, floor)

    def credit(self, tracks: Sequence[Track]) -> Credit:
        """All."""
        return every

    def stats(self, records: Records) -> Stats:
        """As everywhere in this package."""
        return stats_from_records(records)

    def note(self, records: Records) -> None:
        """What could be said has been an error before."""


STRICT = Strict()
