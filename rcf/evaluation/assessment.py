"""All there is to say of a results file, in one pass over its videos: what `rcflab eval` prints and draws.

    ResultsFile --video by video: compare_video--> records (area, length, gaps, occlusion, no category) --> AP of slices
                                               `-> breakdown of errors      `-> HOTA, IDF1, switches (TrackEval)

Memory is that of the annotations, of the largest video and of the match records.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcf.config.evaluation import FrameChoice
from rcf.data.annotations import Annotations
from rcf.data.json_file import Json, read_json
from rcf.evaluation.breakdown import Breakdown, BreakdownOf
from rcf.evaluation.chosen_frames import restrict, restrict_video
from rcf.evaluation.compared import EVERYTHING, compare_video
from rcf.evaluation.matching import IOU_THRESHOLDS
from rcf.evaluation.results_file import ResultsFile
from rcf.evaluation.rules import Rules
from rcf.evaluation.slices import BY_GAPS, BY_LENGTH, Slicing, by_stated_occlusion
from rcf.evaluation.statistics import RECALLS, Floats, Records, Stats, precision_grid
from rcf.evaluation.track_ap import AgnosticRecords, TrackRecords, by_video
from rcf.evaluation.tracking import Tracking, TrackingOf

LEVELS = {"no_occlusion": 0.0, "slight_occlusion": 0.25, "severe_occlusion": 0.75}
"""What OVIS's annotators wrote for each frame, as numbers; these numbers are our choice."""
_BLOCK = 1 << 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Score:
    """AP of some tracks, percent points; None where no true track counts."""

    ap: float | None
    ap50: float | None
    tracks: int
    """True tracks that count."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Precision at 101 recalls, mean over categories, (101,)."""

    at_50: Floats
    at_75: Floats
    mean: Floats
    """Mean over the ten thresholds."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What was found."""

    stats: Stats
    rules: str
    categories: dict[str, Score]
    videos: dict[int, Score]
    slices: dict[str, dict[str, Score]]
    """By property, then by range."""
    agnostic: Stats
    """With all categories taken for one."""
    breakdown: Breakdown
    tracking: Tracking | None
    """None where it was not asked for."""
    curves: Curves | None
    """None without ground truth."""
    predictions: int
    largest_video: int
    """Bytes of its rows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to look at."""

    frames: FrameChoice = "all"
    tracking: bool = True
    least_score: float = 0.0
    """Of predictions that the tracking measures look at."""


def assess(
    annotations: Annotations, results: ResultsFile, rules: Rules, asked: Asked, progress: Progress = lambda d, t: None
) -> Assessment:
    """Look at every video once. Raises rcf.errors.InputError for annotations that are refused, or without TrackEval."""
    truth, _ = restrict(annotations, [], asked.frames)
    rules.check_truth(truth)
    by_area, agnostic = TrackRecords(truth, rules), AgnosticRecords(truth, rules)
    sliced = {name: (slicing, TrackRecords(truth, rules, slicing)) for name, slicing in _slicings(truth).items()}
    errors = BreakdownOf(truth, rules)
    tracking = TrackingOf(truth, asked.least_score) if asked.tracking else None
    parts = [by_area, agnostic, errors, *(records for _, records in sliced.values())]
    for done, (video, tracks) in enumerate(by_video(truth), start=1):
        predictions = restrict_video(video, rules.admit(truth, results.of(video.id)), asked.frames)
        compared = compare_video(video, tracks, predictions, rules, EVERYTHING)
        for part in parts:
            part.add(compared)
        if tracking is not None:
            tracking.add(compared)
        progress(done, len(truth.videos))
    records = by_area.records()
    rules.note(records)
    names = {category.id: category.name for category in truth.categories}
    return Assessment(
        rules.stats(records),
        rules.name,
        _by_category(records, names),
        _by_video(records),
        {name: _by_range(slicing, each.records()) for name, (slicing, each) in sliced.items()},
        rules.stats(agnostic.records()),
        errors.result(),
        None if tracking is None else tracking.result(),
        _curves(records),
        results.rows,
        results.largest(),
    )


def _slicings(truth: Annotations) -> Mapping[str, Slicing]:
    stated = stated_occlusion(truth.path)
    more = {"stated occlusion": by_stated_occlusion(stated)} if stated else {}
    return {"visible frames": BY_LENGTH, "gaps": BY_GAPS, **more}


def stated_occlusion(path: Path) -> dict[int, float]:
    """Mean level over the frames of each annotation that has a field `occlusion`, as OVIS's have; {} without."""
    if not path.is_file() or not _mentions(path, b'"occlusion"'):
        return {}
    document = read_json(path)
    rows = document.get("annotations") if isinstance(document, dict) else None
    found: dict[int, float] = {}
    for row in rows if isinstance(rows, list) else []:
        number, levels = (row.get("id"), row.get("occlusion")) if isinstance(row, dict) else (None, None)
        if isinstance(number, int) and isinstance(levels, list):
            known = [LEVELS[level] for level in levels if isinstance(level, str) and level in LEVELS]
            found[number] = float(np.mean(known)) if known else 0.0
    return found


def _mentions(path: Path, word: bytes) -> bool:
    """Whether the file has these bytes somewhere; block by block, since parsing it again for nothing costs memory."""
    end = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if word in end + block:
                return True
            end = block[1 - len(word) :]
    return False


def _score(grid: Floats, tracks: int) -> Score:
    """grid: (K', T, 101)."""
    if not grid.size:
        return Score(None, None, tracks)
    return Score(100 * float(grid.mean()), 100 * float(grid[:, 0].mean()), tracks)


def _by_category(records: Records, names: Mapping[int, str]) -> dict[str, Score]:
    present, grid = precision_grid(records)
    counts = records["positives"][0].astype(np.int64).sum(axis=0)
    row = {int(k): place for place, k in enumerate(present)}
    nothing = np.zeros((0, len(IOU_THRESHOLDS), RECALLS.size))
    return {
        f"{names[int(number)]}": _score(grid[row[k]][None] if k in row else nothing, int(counts[k]))
        for k, number in enumerate(records["category_ids"].astype(np.int64).tolist())
    }


def _by_video(records: Records) -> dict[int, Score]:
    """Each video as if it were the whole set."""
    order = np.argsort(records["video"], kind="stable")  # within a video they stay by category and score
    ids = records["video_ids"].astype(np.int64).tolist()
    ends = np.searchsorted(records["video"][order], np.arange(len(ids) + 1))
    found: dict[int, Score] = {}
    for place, video in enumerate(ids):
        mine, positives = order[ends[place] : ends[place + 1]], records["positives"][:1, place : place + 1]
        flags = {name: records[name][:1, :, mine] for name in ("true_positive", "ignored")}
        _, grid = precision_grid({"category": records["category"][mine], "positives": positives, **flags})
        found[video] = _score(grid, int(positives.astype(np.int64).sum()))
    return found


def _by_range(slicing: Slicing, records: Records) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for place, (name, _, _) in enumerate(slicing.ranges):
        _, grid = precision_grid(records, place)
        found[name] = _score(grid, int(records["positives"][place].astype(np.int64).sum()))
    return found


def _curves(records: Records) -> Curves | None:
    present, grid = precision_grid(records)
    if not present.size:
        return None
    mean: NDArray[np.float64] = grid.mean(axis=0)
    at = {value: mean[np.equal(IOU_THRESHOLDS, value)][0] for value in (0.5, 0.75)}
    return Curves(at[0.5], at[0.75], mean.mean(axis=0))


def as_json(found: Assessment) -> dict[str, Json]:
    """For programs; points, counts and null where there is no ground truth."""
    tracking = found.tracking
    return {
        "stats": dict(found.stats),
        "mode": found.rules,
        "predictions": found.predictions,
        "categories": {name: _score_json(score) for name, score in found.categories.items()},
        "videos": {str(video): _score_json(score) for video, score in found.videos.items()},
        "slices": {
            name: {each: _score_json(score) for each, score in scores.items()} for name, scores in found.slices.items()
        },
        "class_agnostic": dict(found.agnostic),
        "errors": {
            "iou": 0.5,
            "predictions": dict(found.breakdown.predictions),
            "tracks": dict(found.breakdown.tracks),
            "ap50_gained_if_mended": dict(found.breakdown.gains),
        },
        "tracking": None if tracking is None else _tracking_json(tracking),
    }


def _score_json(score: Score) -> Json:
    return {"ap": score.ap, "ap50": score.ap50, "tracks": score.tracks}


def _tracking_json(tracking: Tracking) -> Json:
    def row(name: str) -> Json:
        scores = tracking.overall if name == "all" else tracking.by_category[int(name)]
        if scores is None:
            return None
        return {
            "hota": scores.hota, "deta": scores.deta, "assa": scores.assa, "idf1": scores.idf1,
            "switches": scores.switches,
        }  # fmt: skip

    by_category = {str(category): row(str(category)) for category in tracking.by_category}
    return {
        "all": row("all"), "mean_hota": tracking.mean_hota, "least_score": tracking.least_score,
        "category_ids": by_category,
    }  # fmt: skip
