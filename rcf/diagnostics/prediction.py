"""Does smoothness foretell where the order of slots breaks? Predictors that see nothing of frame t's output, compared.

    pairs of adjacent frames, whether the order changed in them, a score each --roc_auc--> AUC with a 95 % interval
        smooth    K d_in / (d_self / 2)     K known at t-1: the Jacobian's norm there, or the secant of the pair before
        plain     d_in alone;   1 - IoU of the masks before: how much moves, without any Lipschitz constant

An AUC of 0.5 foretells nothing. Videos are drawn again, not pairs: pairs of one video are not independent. The paper's
argument (section III-D) gains support only where a smooth predictor beats both plain ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

_RESAMPLES = 2_000
_LEAST_SHARE = 0.95
"""Of resamples that hold both kinds of pairs: below it the limits would be those of other data."""

_LEAST_VIDEOS = 5
"""With changes, and with pairs that kept: draws of fewer are much the same, and their limits too narrow."""


@dataclass(frozen=True, slots=True)
class Auc:
    """How well a score tells pairs in which the order changed from the others."""

    value: float
    """Probability that a changed pair has the higher score; ties count half."""
    low: float | None
    high: float | None
    """95 % percentile interval over videos; None where too few videos hold one of the kinds."""
    changed: int
    kept: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair of adjacent frames."""

    video: int
    score: float
    changed: bool


def roc_auc(pairs: Sequence[Judged], seed: int = 0) -> Auc | None:
    """The area under the curve of these scores; None where all pairs changed, or none."""
    found = _areas(pairs, seed)
    return None if found is None else _told(found, pairs)


def auc_gain(pairs: Sequence[Judged], rival: Sequence[Judged], seed: int = 0) -> Auc | None:
    """How much larger the area of one score is than that of a rival on the same pairs, in the same order.

    The same videos are drawn for both, so that the limits are those of the difference. Raises ValueError for other
    pairs.
    """
    same = [(pair.video, pair.changed) for pair in pairs] == [(pair.video, pair.changed) for pair in rival]
    if not same:
        raise ValueError("rival: got other pairs, expected the same ones with other scores")
    mine, theirs = _areas(pairs, seed), _areas(rival, seed)
    return None if mine is None or theirs is None else _told(mine - theirs, pairs)


def _areas(pairs: Sequence[Judged], seed: int) -> "Array | None":
    """The area of all videos, then of each draw of them; None where all pairs changed, or none."""
    changed = [pair for pair in pairs if pair.changed]
    kept = [pair for pair in pairs if not pair.changed]
    if not changed or not kept:
        return None
    videos = sorted({pair.video for pair in pairs})
    whole = np.ones(len(videos))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(videos), whole / len(videos), size=_RESAMPLES).astype(np.float64)
    counts = [_of_each(videos, side) for side in (changed, kept)]
    return _area(_wins(changed, kept, videos), counts, np.vstack((whole, drawn)))


def _told(areas: "Array", pairs: Sequence[Judged]) -> Auc:
    changed = sum(pair.changed for pair in pairs)
    value, drawn = float(areas[0]), areas[1:][np.isfinite(areas[1:])]
    videos = min(len({pair.video for pair in pairs if pair.changed is kind}) for kind in (True, False))
    if len(drawn) < _LEAST_SHARE * _RESAMPLES or videos < _LEAST_VIDEOS:
        return Auc(value, None, None, changed, len(pairs) - changed)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Auc(value, float(low), float(high), changed, len(pairs) - changed)


def smooth_score(constant: float, window_gap: float, own_gap: float | None) -> float | None:
    """K d_in over half of d_self: above 1 a map with that constant may have reached another order.

    None where fewer than two slots fired before, so that there is no order to lose; infinite where two of them are one.
    """
    if own_gap is None:
        return None
    return constant * window_gap / (own_gap / 2) if own_gap > 0 else float("inf")


Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _wins(changed: Sequence[Judged], kept: Sequence[Judged], videos: Sequence[int]) -> Array:
    """How often a changed pair of video v has the higher score than a kept pair of video u, ties half: V V."""
    # Ranks instead of scores: an infinite score is the highest, and differences of two would be undefined.
    ranks = rankdata([pair.score for pair in (*changed, *kept)])
    mine, theirs = ranks[: len(changed)], ranks[len(changed) :]
    beats = (np.sign(mine[:, None] - theirs[None]) + 1) / 2
    place = {video: number for number, video in enumerate(videos)}
    found = np.zeros((len(videos), len(videos)))
    rows, columns = [place[pair.video] for pair in changed], [place[pair.video] for pair in kept]
    np.add.at(found, np.ix_(rows, columns), beats)
    return found


def _of_each(videos: Sequence[int], pairs: Sequence[Judged]) -> Array:
    return np.array([sum(pair.video == video for pair in pairs) for video in videos], dtype=np.float64)


def _area(wins: Array, counts: Sequence[Array], drawn: Array) -> Array:
    """The area for each draw of videos (rows of `drawn`: how often each); NaN where one kind of pairs is missing."""
    pairs = (drawn @ counts[0]) * (drawn @ counts[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("bv,vu,bu->b", drawn, wins, drawn) / np.where(pairs > 0, pairs, np.nan)
