"""What a study says of the paper's claim (arXiv 2207.05580, section III-D), in sentences that claim no more than it.

measured on these pairs  "was kept", "moved at most"          never: proves, guarantees, is Lipschitz with the constant
true upper bound         "certifies n of m pairs"             the only place where that word may stand
"""

import math

from rcf.diagnostics.foretelling import CONTROL, Foretelling, Support
from rcf.diagnostics.prediction import Auc
from rcf.diagnostics.study import Study
from rcflab.diagnosis.section import MISSING, number

_SUPPORT: dict[Support, str] = {
    "supported": "beats both plain scores: the argument is supported here",
    "not supported": "is worse than a plain score: the argument is not supported here",
    "undecided": "does not beat both plain scores beyond doubt: the argument is not supported by these pairs",
    "not testable": "cannot be compared: too few videos have a change, or too few a pair without one",
}
_CONTROL = {
    True: "It beats one constant for all pairs too: the constant adds to how alike slots are.",
    False: "But it does not beat one constant for all pairs beyond doubt: how alike slots are may be all that tells.",
}


def claim(study: Study) -> tuple[str, ...]:
    """Sentence by sentence: order, cost of a swap, foretelling, bound, identities."""
    said = [*_order(study), *_smoothness(study), *_foretelling(study), *_bound(study), *_identities(study)]
    return tuple(said)


def area(found: Auc | None) -> str:
    """`0.61 [0.52, 0.70]`."""
    if found is None:
        return MISSING
    limits = "no interval" if found.low is None else f"[{number(found.low, 2)}, {number(found.high, 2)}]"
    return f"{number(found.value, 2)} {limits}"


def certified(study: Study) -> tuple[int, int] | None:
    """Pairs in which the true upper bound alone rules another order out, of those that have two fired slots.

    Only pairs of videos whose frames have the size that the bound is for.
    """
    if study.bound is None:
        return None
    pairs = [row.gaps for row in study.order.pairs if row.video in study.bounded]
    known = [(gaps.window, gaps.gaps["both"].own_fired) for gaps in pairs]
    there = [(window, own) for window, own in known if own is not None]
    return sum(_is_certified(study.bound.both.log10, window, own) for window, own in there), len(there)


def _is_certified(bound: float, window: float, own: float) -> bool:
    if own == 0:
        return False
    return window == 0 or bound + math.log10(window) < math.log10(own / 2)


def _order(study: Study) -> list[str]:
    steps = study.order.steps
    if not steps:
        return ["No object was found in two adjacent frames: nothing can be said of the order of slots."]
    kept = sum(step.kept_slot for step in steps)
    said = [
        f"An object stayed in its slot in {number(100 * kept / len(steps))} % of {len(steps)} sightings in adjacent "
        f"frames ({len(steps) - kept} changes)."
    ]
    others = [
        f"{number(point.order.metrics()['order/consistency_pct'])} % of {len(point.order.steps)} "
        + (f"at stride {point.name}" if point.stride else "in shuffled frames")
        for point in study.curve[1:]
        if point.order.steps
    ]
    return [*said, f"With frames farther apart: {', '.join(others)}."] if others else said


def _smoothness(study: Study) -> list[str]:
    secants = [secant for row in study.order.pairs if (secant := row.gaps.secant()) is not None]
    if not secants:
        return []
    metrics = study.metrics
    said = [
        f"Measured on {len(secants)} pairs of frames: the output moved at most {number(max(secants), 3)} times the "
        f"input (mean {number(metrics['lipschitz/secant_mean'], 3)}, 95th percentile "
        f"{number(metrics['lipschitz/secant_p95'], 3)})."
    ]
    if "lipschitz/swap_ratio" in metrics:
        pairs = sum(row.gaps.margin() is not None for row in study.order.pairs)
        said.append(
            f"Another order of the fired slots would have cost {number(metrics['lipschitz/swap_ratio'], 3)} times the "
            "input (median of d_swap / d_in, the ratio that the paper calls D_out / D_in). In "
            f"{number(metrics['order/margin_positive_pct'])} % of {pairs} pairs with two fired slots the order of the "
            "slots was also the cheapest matching; this is an observation on these pairs, not a guarantee."
        )
    return said


def _foretelling(study: Study) -> list[str]:
    said: list[str] = []
    if not study.all_pairs.areas:
        why = "no pair has all scores" if not study.all_pairs.pairs else "the order changed in all pairs, or in none"
        return [f"Whether smoothness foretells order changes cannot be tested: {why}."]
    told: list[tuple[Foretelling, bool]] = [(study.judged, True), (study.all_pairs, False)]
    for found, has_norms in told:
        smooth = "Jacobian at t-1" if has_norms else "secant of the pair before"
        if smooth in found.areas:
            areas = "; ".join(f"{name} {area(each)}" for name, each in found.areas.items())
            said.append(f"Foretelling order changes in {found.pairs} pairs, AUC: {areas}.")
            said.append(f"The {smooth} {_SUPPORT[found.support(smooth)]}.")
            if found.support(smooth) == "supported":
                said.append(_CONTROL[found.support(smooth, CONTROL) == "supported"])
    return said


def _bound(study: Study) -> list[str]:
    found = certified(study)
    if study.bound is None or found is None:
        return [f"There is no Lipschitz bound of this network: {study.unbounded}."]
    return [
        f"Lipschitz bound: 10^{number(study.bound.both.log10)} (product of layer bounds: valid, and vacuous where it "
        f"certifies no pair). It certifies {found[0]} of {found[1]} pairs."
    ]


def _identities(study: Study) -> list[str]:
    scores = [f"{each.name} {number(each.hota)}" for each in study.rules if each.hota is not None]
    return [f"HOTA by identity rule on the same outputs: {', '.join(scores)}."] if scores else []
