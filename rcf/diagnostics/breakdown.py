"""Where the order of slots breaks: the steps of objects between adjacent frames, in groups.

    steps --by area, by motion--> quarters of their values
          --by twin-------------> alone of its category in the frame, or not
          --by place in the clip> thirds of its video's frames
    true tracks, sightings --first_fires--> how long after it came into view an object was found
    returns after a gap    --Returns------> whether slot and identity were the same as before

Values of a quarter are those of this data set; n is beside every share, since steps of one object are much alike.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rcf.data.annotations import Annotations
from rcf.diagnostics.result import OrderResult
from rcf.diagnostics.sightings import Step

_THIRDS = ("first third", "second third", "last third")


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the steps."""

    what: str
    """By which they were parted."""
    name: str
    steps: int
    kept_slot: int
    kept_identity: int


@dataclass(frozen=True, slots=True)
class FirstFires:
    """How many frames after it came into view an object was first found: (name, objects)."""

    delays: tuple[tuple[str, int], ...]
    objects: int


def breakdown(order: OrderResult, lengths: Mapping[int, int]) -> list[Group]:
    """All groups that have a step; `lengths` are the frames of each video, by index."""
    placed = [(each.video, step) for each in order.videos for step in each.adjacent]
    steps = [step for _, step in placed]
    thirds = [(_third(step, lengths[video]), step) for video, step in placed]
    return [
        *_quarters("area of the object, share of the frame", steps, lambda step: step.before.area),
        *_quarters("motion, in sides of the object", steps, lambda step: step.motion),
        *_named("category", [(_company(step), step) for step in steps]),
        *_named("place in the clip", sorted(thirds, key=lambda pair: _THIRDS.index(pair[0]))),
    ]


def first_fires(order: OrderResult, annotations: Annotations) -> FirstFires:
    """Over all objects that are in view in some frame."""
    found: dict[tuple[int, int], int] = {}
    for each in order.videos:
        for seen in each.seen:
            found.setdefault((annotations.videos[each.video].id, seen.track), seen.frame)
    delays: Counter[str] = Counter()
    for track in annotations.tracks:
        shown = [frame for frame, mask in enumerate(track.segmentations) if mask]
        if shown and not track.iscrowd:
            delays[_delay(found.get((track.video_id, track.id)), shown[0])] += 1
    names = ("at once", "1 frame later", "2 to 4 frames later", "later", "never")
    return FirstFires(tuple((name, delays[name]) for name in names), sum(delays.values()))


def _delay(first: int | None, shown: int) -> str:
    if first is None:
        return "never"
    late = first - shown
    return "at once" if late <= 0 else "1 frame later" if late == 1 else "2 to 4 frames later" if late <= 4 else "later"


def _company(step: Step) -> str:
    return "another of its category is in the frame" if step.before.has_twin else "the only one of its category"


def _third(step: Step, length: int) -> str:
    return _THIRDS[min(3 * step.after.frame // length, 2)]


def _quarters(what: str, steps: Sequence[Step], value: Callable[[Step], float]) -> list[Group]:
    """Four groups of about equal size; fewer where values coincide."""
    if not steps:
        return []
    values = np.array([value(step) for step in steps])
    limits = np.unique(np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    place = np.clip(np.searchsorted(limits, values, side="right") - 1, 0, max(len(limits) - 2, 0))
    groups: list[Group] = []
    for at in sorted(set(place.tolist())):
        low, high = limits[at], limits[min(at + 1, len(limits) - 1)]
        mine = [step for step, own in zip(steps, place.tolist(), strict=True) if own == at]
        groups += _named(what, [(f"{low:.3g} to {high:.3g}", step) for step in mine])
    return groups


def _named(what: str, named: Sequence[tuple[str, Step]]) -> list[Group]:
    groups: dict[str, list[Step]] = {}
    for name, step in named:
        groups.setdefault(name, []).append(step)
    return [
        Group(what, name, len(steps), sum(s.kept_slot for s in steps), sum(s.kept_identity for s in steps))
        for name, steps in groups.items()
    ]
