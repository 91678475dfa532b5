"""The official evaluator once more, slowly: written from a description of its behaviour, on pycocotools.mask alone.

    reference(truth, predictions) -> the twelve numbers x 100, None for its -1

Shares nothing with rcf but the classes that carry the input. Its rules are those of the numbers in brackets in
docs/evaluation.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from rcf.data.annotations import Annotations
from rcf.structures import Rle, TrackPrediction

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = [(0.0, 1e5**2), (0.0, 128.0**2), (128.0**2, 256.0**2), (256.0**2, 1e5**2)]
MOST = [1, 10, 100]


def area(mask: Any) -> float:
    return float(coco_mask.area(mask))


def track_iou(one: list[Rle | None], other: list[Rle | None]) -> float:
    """(5) sums over frames, (6) zero pixels, (7) the shorter list, (8) unlike sizes merge to nothing."""
    shared = union = 0.0
    for d, g in zip(one, other, strict=False):
        if d and g:
            shared += area(coco_mask.merge([d, g], True))
            union += area(coco_mask.merge([d, g], False))
        elif g:
            union += area(g)
        elif d:
            union += area(d)
    return shared / union if union > 0 else 0.0


def mean_area(areas: list[float | None]) -> float:
    """(11)"""
    some = [value for value in areas if value]
    return float(np.array(some).mean()) if some else 0.0


def best_track(
    rows: list[dict[str, Any]], ignore: list[int], taken: NDArray[np.float64], iou: NDArray[np.float64], least: float
) -> int:
    """(13) the later of equal IoUs; -1 for none."""
    best, chosen = least, -1
    for g, row in enumerate(rows):
        if taken[g] > 0 and not row["iscrowd"]:
            continue
        if chosen > -1 and ignore[chosen] == 0 and ignore[g] == 1:
            break
        if iou[g] < best:
            continue
        best, chosen = iou[g], g
    return chosen


def match_video(
    truth: list[dict[str, Any]], guesses: list[dict[str, Any]], iou: NDArray[np.float64], limits: tuple[float, float]
) -> dict[str, Any] | None:
    """(9), (10), (13): one video, category and area range."""
    if not truth and not guesses:
        return None
    ignore = [int(g["iscrowd"] or g["avg_area"] < limits[0] or g["avg_area"] > limits[1]) for g in truth]
    order = np.argsort(ignore, kind="mergesort") if truth else np.zeros(0, int)
    rows = [truth[i] for i in order]
    ignore = [ignore[i] for i in order]
    taken = np.zeros((10, len(rows)))
    matched = np.zeros((10, len(guesses)))
    ignored = np.zeros((10, len(guesses)))
    for t, threshold in enumerate(THRESHOLDS):
        for d, guess in enumerate(guesses):
            chosen = best_track(rows, ignore, taken[t], iou[d, order], min(threshold, 1 - 1e-10))
            if chosen == -1:
                continue
            ignored[t, d] = ignore[chosen]
            matched[t, d] = rows[chosen]["id"]
            taken[t, chosen] = guess["id"]
    outside = np.array([guess["avg_area"] < limits[0] or guess["avg_area"] > limits[1] for guess in guesses], bool)
    ignored = np.logical_or(ignored, np.logical_and(matched == 0, outside[None]))
    return {"scores": [g["score"] for g in guesses], "matched": matched, "ignored": ignored, "ignore": ignore}


def prepared(truth: Annotations, predictions: list[TrackPrediction]) -> tuple[list[Any], list[Any]]:
    tracks = [
        {"id": t.id, "video": t.video_id, "category": t.category_id, "iscrowd": int(t.iscrowd),
         "masks": list(t.segmentations), "avg_area": mean_area(list(t.areas))}
        for t in truth.tracks
    ]  # fmt: skip
    guesses = [
        {"id": n, "video": p.video_id, "category": p.category_id, "score": p.score, "masks": list(p.segmentations),
         "avg_area": mean_area([area(mask) if mask else None for mask in p.segmentations])}
        for n, p in enumerate(predictions, start=1)
    ]  # fmt: skip
    return tracks, guesses


def evaluations(truth: Annotations, predictions: list[TrackPrediction]) -> dict[tuple[int, int, int], Any]:
    """By category, place of the area range and video."""
    tracks, guesses = prepared(truth, predictions)
    found: dict[tuple[int, int, int], Any] = {}
    for category in sorted(category.id for category in truth.categories):
        for video in sorted(video.id for video in truth.videos):
            g = [row for row in tracks if (row["video"], row["category"]) == (video, category)]
            d = [row for row in guesses if (row["video"], row["category"]) == (video, category)]
            d = [d[i] for i in np.argsort([-row["score"] for row in d], kind="mergesort")][: MOST[-1]] if d else d
            iou = np.array([[track_iou(x["masks"], y["masks"]) for y in g] for x in d]).reshape(len(d), len(g))
            for a, limits in enumerate(AREAS):
                found[category, a, video] = match_video(g, d, iou, limits)
    return found


def accumulated_rows(rows: list[Any], most: int, wanted: int) -> tuple[Any, Any]:
    """(12), (14): precision T R and recall T of one category and area range."""
    precision, recall = np.zeros((10, 101)), np.zeros(10)
    scores = np.concatenate([row["scores"][:most] for row in rows])
    order = np.argsort(-scores, kind="mergesort")
    matched = np.concatenate([row["matched"][:, :most] for row in rows], axis=1)[:, order]
    ignored = np.concatenate([row["ignored"][:, :most] for row in rows], axis=1)[:, order]
    true = np.cumsum(np.logical_and(matched, np.logical_not(ignored)), axis=1).astype(float)
    false = np.cumsum(np.logical_and(np.logical_not(matched), np.logical_not(ignored)), axis=1).astype(float)
    for t in range(10):
        reached = true[t] / wanted
        values = (true[t] / (false[t] + true[t] + np.spacing(1))).tolist()
        recall[t] = reached[-1] if reached.size else 0
        for i in range(len(values) - 1, 0, -1):
            values[i - 1] = max(values[i], values[i - 1])
        for r, place in enumerate(np.searchsorted(reached, RECALLS, side="left")):
            precision[t, r] = values[place] if place < len(values) else 0
    return precision, recall


def accumulated(truth: Annotations, predictions: list[TrackPrediction]) -> tuple[Any, Any]:
    """Precision T R K A M and recall T K A M, -1 where there is nothing."""
    found = evaluations(truth, predictions)
    categories, videos = sorted(c.id for c in truth.categories), sorted(v.id for v in truth.videos)
    precision = -np.ones((10, 101, len(categories), 4, 3))
    recall = -np.ones((10, len(categories), 4, 3))
    for k, category in enumerate(categories):
        for a in range(4):
            rows = [row for video in videos if (row := found[category, a, video]) is not None]
            wanted = sum(flag == 0 for row in rows for flag in row["ignore"])
            if not rows or not wanted:
                continue
            for m, most in enumerate(MOST):
                precision[:, :, k, a, m], recall[:, k, a, m] = accumulated_rows(rows, most, wanted)
    return precision, recall


def mean(values: NDArray[np.float64]) -> float | None:
    """(15)"""
    some = values[values > -1]
    return 100 * float(np.mean(some)) if some.size else None


def reference(truth: Annotations, predictions: list[TrackPrediction]) -> dict[str, float | None]:
    """(16)"""
    precision, recall = accumulated(truth, predictions)
    return {
        "AP": mean(precision[..., 0, 2]),
        "AP50": mean(precision[np.where(THRESHOLDS == 0.5)[0]][..., 0, 2]),
        "AP75": mean(precision[np.where(THRESHOLDS == 0.75)[0]][..., 0, 2]),
        **{f"AP_{name}": mean(precision[..., a, 2]) for a, name in enumerate(("small", "medium", "large"), start=1)},
        **{f"AR{most}": mean(recall[..., 0, m]) for m, most in enumerate(MOST)},
        **{f"AR_{name}": mean(recall[..., a, 2]) for a, name in enumerate(("small", "medium", "large"), start=1)},
    }
