"""What an evaluation says of order and smoothness beside its metrics: artifacts.

OrderResult --pair_rows--> one row a pair of frames --write_pairs--> pairs.parquet
    video frame | d_in image window | kept changed | d_out, d_swap, d_self in each measure, for all and for fired slots
OrderResult --object_rows--> one row each time that an object is found again --write_objects--> objects.parquet
    video track category | frame, slot, identity, before and after | kept_slot kept_identity overridden | area motion
OrderResult --write_order_figures--> order/pairs.png, order/slots.png
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow
from pyarrow import parquet

from rcf.diagnostics.pair_gaps import MEASURES, SlotGaps
from rcf.diagnostics.result import OrderResult
from rcf.diagnostics.sightings import steps
from rcf.diagnostics.slot_matrix import slot_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAPS = {
    "output": "d_out",
    "swap": "d_swap",
    "swap_fired": "d_swap_fired",
    "own": "d_self",
    "own_fired": "d_self_fired",
}


def pair_rows(order: OrderResult, video_ids: Sequence[int]) -> list[dict[str, float | int | None]]:
    """One row a pair; `video_ids` are the data set's own numbers, by index. What does not exist is None."""
    rows: list[dict[str, float | int | None]] = []
    for pair in order.pairs:
        gaps = pair.gaps
        row: dict[str, float | int | None] = {
            "video": video_ids[pair.video],
            "frame": gaps.frame,
            "d_in_image": gaps.image,
            "d_in_window": gaps.window,
            "fired": gaps.fired,
            "kept": pair.kept,
            "changed": pair.changed,
            "previous_secant": pair.previous_secant,
            "smooth_score": pair.smooth,
        }
        for measure in MEASURES:
            found = gaps.gaps[measure]
            row |= {f"{_GAPS[field.name]}_{measure}": getattr(found, field.name) for field in fields(SlotGaps)}
        rows.append(row)
    return rows


def write_pairs(path: Path, order: OrderResult, video_ids: Sequence[int]) -> None:
    """Write the rows as Parquet; a set without pairs has a file without rows."""
    parquet.write_table(pyarrow.Table.from_pylist(pair_rows(order, video_ids)), path)


_OBJECTS = pyarrow.schema(
    {
        "video": pyarrow.int64(),
        "track": pyarrow.int64(),
        "category": pyarrow.string(),
        **{f"{name}_{when}": pyarrow.int64() for when in ("before", "after") for name in ("frame", "slot", "identity")},
        **dict.fromkeys(("adjacent", "kept_slot", "kept_identity", "overridden"), pyarrow.bool_()),
        **dict.fromkeys(("area", "motion"), pyarrow.float64()),
    }
)
"""Also of a file without rows: a reader finds its columns."""


def object_rows(order: OrderResult, video_ids: Sequence[int], categories: Sequence[str]) -> list[dict[str, object]]:
    """One row each time that a true object is found again, in the next frame or later, in order of video and frame.

    An order change is a row of adjacent frames without `kept_slot`, an identity switch any without `kept_identity`.
    `area` is a share of the frame, `motion` in roots of it, both of the earlier frame: see Sighting and Step.
    """
    return [
        {
            "video": video_ids[video.video],
            "track": step.after.track,
            "category": categories[step.after.label],
            **{
                f"{name}_{when}": getattr(sighting, name)
                for when, sighting in (("before", step.before), ("after", step.after))
                for name in ("frame", "slot", "identity")
            },
            "adjacent": step.is_adjacent,
            "kept_slot": step.kept_slot,
            "kept_identity": step.kept_identity,
            "overridden": step.after.overridden,
            "area": step.before.area,
            "motion": step.motion,
        }
        for video in order.videos
        for step in steps(video.seen)
    ]


def write_objects(path: Path, order: OrderResult, video_ids: Sequence[int], categories: Sequence[str]) -> None:
    """Write the rows as Parquet."""
    parquet.write_table(pyarrow.Table.from_pylist(object_rows(order, video_ids, categories), _OBJECTS), path)


def write_order_figures(folder: Path, order: OrderResult, categories: Sequence[str]) -> list[Path]:
    """Gaps of all pairs, and slots against categories, as PNG files in `folder`; none of what was never seen."""
    # Slow to import, and not needed where nothing is evaluated.
    from rcflab.diagnosis.figures import pairs_plot, slots_plot
    from rcflab.report.style import image

    seen = [sighting for video in order.videos for sighting in video.seen]
    figures: dict[str, Figure] = {}
    if order.pairs:
        figures["pairs"] = pairs_plot(order.pairs)
    if seen:
        slots = 1 + max(sighting.slot for sighting in seen)
        figures["slots"] = slots_plot(slot_matrix(seen, slots, categories))
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        path.write_bytes(image(figure, "png"))
    return paths
