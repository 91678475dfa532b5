"""The results file of YouTube-VIS: a list of tracks, as servers take it and `rcflab eval` reads it.

    TrackPredictions --write_results--> results.json --load_results (every fault at once)--> TrackPredictions

A row: {"video_id", "category_id", "score", "segmentations": [{"size", "counts"} or null, one a frame]}.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rcf.data.annotations import Annotations, Video
from rcf.data.fields import Row
from rcf.data.json_file import Json, describe, read_json
from rcf.data.masks_json import read_mask
from rcf.data.problems import refuse
from rcf.evaluation.checks import TrackChecks
from rcf.structures import Rle, TrackPrediction


def load_results(path: Path, annotations: Annotations) -> tuple[TrackPrediction, ...]:
    """Read and check a results file against the annotations it answers to.

    Raises rcf.errors.InputError with all problems (50 spelled out, the rest counted): not JSON or cut short, no list,
    fields missing or of another type, unknown ids, NaN, tracks of another length, masks of another size, corrupt
    counts.
    """
    document = read_json(path)
    if not isinstance(document, list):
        refuse(path, "", describe(document), "a list of tracks, each with video_id, category_id, score, segmentations")
    checks = TrackChecks.against(annotations, str(path))
    found: list[TrackPrediction] = []
    for index, value in enumerate(document):
        prediction = read_prediction(checks, index, value)
        if prediction is not None:
            found.append(prediction)
    checks.finish(decode=True)
    return tuple(found)


def write_results(path: Path, predictions: Sequence[TrackPrediction]) -> None:
    """Write a results file, whole or not at all."""
    rows = [row_of(prediction) for prediction in predictions]
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with neighbour.open("w", encoding="utf-8") as file:
            json.dump(rows, file, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)


def row_of(prediction: TrackPrediction) -> dict[str, object]:
    """A row of the file."""
    return {
        "video_id": prediction.video_id,
        "category_id": prediction.category_id,
        "score": prediction.score,
        "segmentations": list(prediction.segmentations),
    }


def read_prediction(checks: TrackChecks, index: int, value: Json) -> TrackPrediction | None:
    """One row of a results file; None where it cannot be used, with its faults noted in `checks`."""
    if not isinstance(value, dict):
        checks.problems.add(f"/{index}", describe(value), "an object")
        return None
    row = Row(checks.problems, f"/{index}", value)
    if "id" in value:
        checks.row_id(row.place)
    video_id, category_id, score = row.integer("video_id"), row.integer("category_id"), _score(checks, row)
    if category_id is not None:
        checks.category(row.place, category_id)
    video = None if video_id is None else checks.video(row.place, video_id)
    entries = row.array("segmentations")
    if video is None or entries is None:
        return None
    masks = _masks(checks, row.place, entries, video)
    if category_id is None or score is None:
        return None
    return TrackPrediction(video.id, category_id, score, masks)


def _score(checks: TrackChecks, row: Row) -> float | None:
    value = row.values.get("score")
    if isinstance(value, bool) or not isinstance(value, int | float):
        row.fault("score", "a number")
        return None
    try:
        score = float(value)
    except OverflowError:  # a whole number beyond all floats
        score = float("inf")
    checks.score(row.place, score)
    return score


def _masks(checks: TrackChecks, place: str, entries: list[Json], video: Video) -> tuple[Rle | None, ...]:
    """Each entry as a mask. The common form is checked later, all together; rarer ones (polygons, lists) one by one."""
    masks: list[Rle | None] = []
    for frame, entry in enumerate(entries):
        compressed = _compressed(entry)
        if compressed is None and not checks.absent(entry):
            read = read_mask(checks.problems, f"{place}/segmentations/{frame}", entry, video.height, video.width)
            compressed = read[0] if read is not None else None
        masks.append(compressed)
    checks.masks(place, masks, video)
    return tuple(masks)


def _compressed(entry: Json) -> Rle | None:
    """The entry as it stands when it is a compressed mask in form; its size and counts are yet to be checked."""
    if not isinstance(entry, dict):
        return None
    counts, size = entry.get("counts"), entry.get("size")
    if not isinstance(counts, str) or not isinstance(size, list):
        return None
    return {"size": [side for side in size if isinstance(side, int)], "counts": counts}
