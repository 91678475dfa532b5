"""An assessment as tables for a terminal.

Assessment --tables--> rich tables: the twelve numbers, slices, errors, tracking, categories, videos
"""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from rcf.evaluation.assessment import Assessment, Score
from rcf.evaluation.breakdown import KINDS
from rcf.evaluation.tracking import TrackingScores

_NOTHING = "no ground truth"
_VIDEOS = 10
"""More would push the rest off the screen; the JSON has all."""


def tables(found: Assessment, names: Mapping[int, str], videos: Mapping[int, str]) -> list[Table]:
    """In the order in which they are read; `names` go by category ids, `videos` by theirs."""
    made = [_stats(found, f"YouTube-VIS tracks, {found.rules}"), _slices(found), _errors(found)]
    if found.tracking is not None:
        made.append(_tracking(found, names))
    return [*made, _categories(found), _videos(found, videos)]


def _points(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _stats(found: Assessment, title: str) -> Table:
    table = _table(title, "metric", "points", "class-agnostic")
    for name, value in found.stats.items():
        table.add_row(name, _points(value), _points(found.agnostic[name]))
    return table


def _score_rows(table: Table, prefix: str, scores: Mapping[str, Score]) -> None:
    for name, score in scores.items():
        table.add_row(f"{prefix}{name}", _points(score.ap), _points(score.ap50), str(score.tracks))


def _slices(found: Assessment) -> Table:
    table = _table("AP of some tracks", "tracks", "AP", "AP50", "true tracks")
    for property_name, scores in found.slices.items():
        _score_rows(table, f"{property_name}: ", scores)
    return table


def _errors(found: Assessment) -> Table:
    table = _table("What went wrong, at a track IoU of 0.5", "kind", "predictions", "true tracks", "AP50 if mended")
    tracks: dict[str, Any] = dict(found.breakdown.tracks)
    for kind in (*KINDS, "missed"):
        gain = found.breakdown.gains.get(kind)
        predictions = found.breakdown.predictions.get(kind)
        cells = ["" if value is None else str(value) for value in (predictions, tracks.get(kind))]
        table.add_row(kind, *cells, "" if gain is None else f"{gain:+.2f}")
    return table


def _tracking(found: Assessment, names: Mapping[int, str]) -> Table:
    tracking = found.tracking
    assert tracking is not None
    which = f"predictions of score {tracking.least_score:g} or more" if tracking.least_score else "all predictions"
    table = _table(f"Tracking (TrackEval), {which}", "category", "HOTA", "DetA", "AssA", "IDF1", "switches")
    if tracking.overall is not None:
        table.add_row("all, counts added", *_tracking_cells(tracking.overall))
    if tracking.mean_hota is not None:
        table.add_row("mean of categories", f"{tracking.mean_hota:.2f}", "", "", "", "")
    for category, scores in tracking.by_category.items():
        table.add_row(names.get(category, str(category)), *_tracking_cells(scores))
    return table


def _tracking_cells(scores: TrackingScores) -> list[str]:
    points = (scores.hota, scores.deta, scores.assa, scores.idf1)
    return [*(f"{value:.2f}" for value in points), str(scores.switches)]


def _categories(found: Assessment) -> Table:
    table = _table("AP of each category", "category", "AP", "AP50", "true tracks")
    _score_rows(table, "", found.categories)
    return table


def _videos(found: Assessment, names: Mapping[int, str]) -> Table:
    scored = [(score.ap, video) for video, score in found.videos.items() if score.ap is not None]
    lowest = sorted(scored)[:_VIDEOS]
    which = f"the lowest {len(lowest)} of {len(scored)}" if len(lowest) < len(scored) else "the lowest first"
    table = _table(f"AP of each video, {which}", "video", "AP", "AP50", "true tracks")
    _score_rows(table, "", {f"{video}: {names[video]}": found.videos[video] for _, video in lowest})
    return table
