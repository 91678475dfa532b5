"""The paper's argument put to the test: does a Lipschitz constant foretell where the order of slots breaks?

    OrderResult, Jacobian norms at some frames t-1 --scores known before t--> AUC of each predictor   (prediction.py)
                                                   `--smooth - plain, same pairs, same draws--> gain with its interval

    smooth    Jacobian at t-1       J d_in / (d_self / 2)
              secant of the pair before
    plain     d_in                  how much the image changes
              1 - mask IoU          how much the predicted masks moved in the pair before
    control   d_in / d_self         one constant for all pairs: what is left of a smooth score without its K

Argument (section III-D): the order holds because the map is smooth. It gains support only where a smooth predictor
beats both plain ones, i.e. where the intervals of both gains lie above zero; and it is K that tells only where it beats
the control too: two slots that are alike are easily exchanged, however smooth the network is.

Jacobians are dear: they are taken before pairs in which the order changed first, then before others. An AUC does not
depend on how many there are of either kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rcf.diagnostics.local_norms import Place, evenly
from rcf.diagnostics.prediction import Auc, Judged, auc_gain, roc_auc
from rcf.diagnostics.result import OrderResult, PairRow

Predictor = Literal[
    "Jacobian at t-1",
    "secant of the pair before",
    "d_in",
    "1 - mask IoU of the pair before",
    "one constant for all pairs",
]
SMOOTH: tuple[Predictor, ...] = ("Jacobian at t-1", "secant of the pair before")
PLAIN: tuple[Predictor, ...] = ("d_in", "1 - mask IoU of the pair before")
CONTROL: tuple[Predictor, ...] = ("one constant for all pairs",)
Support = Literal["supported", "not supported", "undecided", "not testable"]


@dataclass(frozen=True, slots=True)
class Gain:
    """A smooth predictor against a plain one."""

    smooth: Predictor
    plain: Predictor
    difference: Auc
    """Of the areas."""


@dataclass(frozen=True, slots=True)
class Foretelling:
    """Predictors compared on the same pairs."""

    areas: Mapping[Predictor, Auc]
    gains: tuple[Gain, ...]
    pairs: int

    def support(self, smooth: Predictor, rivals: Sequence[Predictor] = PLAIN) -> Support:
        """What the pairs say of the argument with this constant: against the plain scores, or against the control."""
        gains = [gain.difference for gain in self.gains if gain.smooth == smooth and gain.plain in rivals]
        if not gains or any(gain.low is None or gain.high is None for gain in gains):
            return "not testable"
        if all(gain.low is not None and gain.low > 0 for gain in gains):
            return "supported"
        return "not supported" if any(gain.high is not None and gain.high < 0 for gain in gains) else "undecided"


def places_to_judge(order: OrderResult, most: int) -> list[Place]:
    """Frames t-1 of the pairs in which something can be foretold: all changes first, `most` at most, the rest kept.

    Changes take no more than half where they are many.
    """
    rows = [row for row in order.pairs if _scores(row, {}) is not None]
    changed = [_before(row) for row in rows if row.changed]
    kept = [_before(row) for row in rows if not row.changed]
    chosen = evenly(changed, max(most // 2, most - len(kept)))
    return sorted(chosen + evenly(kept, most - len(chosen)))


def foretell(order: OrderResult, norms: Mapping[Place, float] | None = None) -> Foretelling:
    """All pairs in which every score is known; with `norms` (of Jacobians, by place of t-1) those that have one."""
    named: tuple[Predictor, ...] = (*(SMOOTH if norms is not None else SMOOTH[1:]), *PLAIN, *CONTROL)
    judged: dict[Predictor, list[Judged]] = {name: [] for name in named}
    for row in order.pairs:
        scores = _scores(row, norms or {})
        if scores is None or any(name not in scores for name in named):
            continue
        for name in named:
            judged[name].append(Judged(row.video, scores[name], row.changed > 0))
    areas: dict[Predictor, Auc] = {name: area for name in named if (area := roc_auc(judged[name])) is not None}
    gains = [
        Gain(smooth, plain, gain)
        for smooth in SMOOTH
        for plain in PLAIN + CONTROL
        if smooth in judged and (gain := auc_gain(judged[smooth], judged[plain])) is not None
    ]
    return Foretelling(areas, tuple(gains), len(judged[named[0]]))


def _before(row: PairRow) -> Place:
    return row.video, row.gaps.frame - 1


def _scores(row: PairRow, norms: Mapping[Place, float]) -> dict[Predictor, float] | None:
    """What is known before t; None for a pair in which nothing can be foretold, or nobody saw what became of it."""
    if not row.is_watched or row.smooth is None or row.previous is None or row.previous.overlap is None:
        return None
    scores: dict[Predictor, float] = {
        "secant of the pair before": row.smooth,
        "d_in": row.gaps.window,
        "1 - mask IoU of the pair before": 1 - row.previous.overlap,
    }
    alone = row.smooth_at(1.0)
    if alone is not None:
        scores["one constant for all pairs"] = alone
    norm = norms.get(_before(row))
    smooth = None if norm is None else row.smooth_at(norm)
    return scores if smooth is None else {**scores, "Jacobian at t-1": smooth}
