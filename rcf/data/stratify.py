"""Which videos are held out, so that each category is split in like shares: iterative stratification.

videos with the categories in each --rarest category first--> each of its videos goes where more of it are still wanted
                                   --single videos change sides while the error falls--> held out

K. Sechidis, G. Tsoumakas, I. Vlahavas: On the Stratification of Multi-Label Data, ECML PKDD 2011. Ties are broken by a
hash of the video's name and the seed: neither the order of the videos nor their numbers play a part.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping

FEWEST = 2
"""Videos that a category needs to be in both parts."""
_MOST_ROUNDS = 50
"""Of changing sides; a handful is usual."""

_ALL = ""
"""Stands for any video, among the categories: their number has a share too."""


def lone_categories(videos: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Categories with too few videos for both parts; theirs stay in training."""
    counts = Counter(label for labels in videos.values() for label in labels)
    return tuple(sorted(label for label, count in counts.items() if count < FEWEST))


def stratified(videos: Mapping[str, frozenset[str]], share: float, seed: int) -> frozenset[str]:
    """The names of the videos to hold out: about `share` of all, and of those of each category at least one.

    `videos`: name -> categories that occur in it. Videos with one of `lone_categories` are never held out.
    """
    lone = frozenset(lone_categories(videos))
    free = sorted((name for name, labels in videos.items() if not labels & lone), key=lambda name: _rank(seed, name))
    labels_of = {name: (*sorted(videos[name]), _ALL) for name in free}
    goals = _goals(videos, labels_of, share)
    held = _dealt(labels_of, goals, Counter(label for labels in labels_of.values() for label in labels))
    return frozenset(_improved(labels_of, goals, held))


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def _goals(
    videos: Mapping[str, frozenset[str]], labels_of: Mapping[str, tuple[str, ...]], share: float
) -> dict[str, float]:
    """How many videos of each category, and of all, are to be held out."""
    there = Counter(label for labels in videos.values() for label in (*labels, _ALL))
    free = Counter(label for labels in labels_of.values() for label in labels)
    return {
        label: min(max(share * there[label], 1.0), there[label] - 1.0, float(count)) for label, count in free.items()
    }


def _dealt(labels_of: Mapping[str, tuple[str, ...]], goals: Mapping[str, float], free: Counter[str]) -> set[str]:
    """The first draft: the rarest category first, each of its videos to the side that wants more of it."""
    held: set[str] = set()
    wanted = {label: [goal, free[label] - goal] for label, goal in goals.items()}  # held out, kept
    left = dict(labels_of)
    while left:
        counts = Counter(label for labels in left.values() for label in labels)
        rarest = min(counts, key=lambda label: (counts[label], label == _ALL, label))
        for name in [name for name, labels in left.items() if rarest in labels]:
            gain = [wanted[label][0] - wanted[label][1] for label in (rarest, _ALL)]
            side = 0 if gain[0] > 0 or (gain[0] == 0 and gain[1] > 0) else 1
            if side == 0:
                held.add(name)
            for label in left.pop(name):
                wanted[label][side] -= 1
    return held


def _improved(labels_of: Mapping[str, tuple[str, ...]], goals: Mapping[str, float], held: set[str]) -> set[str]:
    """Let videos change sides, one at a time, while that brings the counts nearer to the goals."""
    counts = Counter(label for name in held for label in labels_of[name])
    # Of small categories more than their share is held out, at least one: the others must not pay for it in the total.
    weights = {label: 1 / len(labels_of) if label == _ALL else 1 / goal for label, goal in goals.items()}

    def gain(label: str, step: int) -> float:
        before, after = (_error(count, goals[label]) for count in (counts[label], counts[label] + step))
        return (before - after) * weights[label]

    for _ in range(_MOST_ROUNDS):
        changed = False
        for name, labels in labels_of.items():
            step = -1 if name in held else 1
            if sum(gain(label, step) for label in labels) > 1e-9:
                held = held ^ {name}
                counts.update(dict.fromkeys(labels, step))
                changed = True
        if not changed:
            break
    return held


def _error(count: int, goal: float) -> float:
    """Squared; none at all would be the worst."""
    return (count - goal) ** 2 + (1e6 if count < 1 <= goal else 0.0)
