"""Numbers of studies as tables.

Study ... --compared--> one column a network      Study --detail tables--> order, foretelling, rules, bound
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from rcf.diagnostics.attention_share import AttentionShare, layer_shares
from rcf.diagnostics.foretelling import CONTROL, PLAIN, SMOOTH, Foretelling
from rcf.diagnostics.network_bound import NetworkBound
from rcf.diagnostics.order_curve import CurvePoint
from rcf.diagnostics.study import Study
from rcflab.diagnosis.section import MISSING, number, share, table
from rcflab.diagnosis.words import area, certified
from rcflab.metrics import METRICS
from rcflab.report.html import Grid

_COMPARED = (
    "val/ap", "val/ap50", "order/consistency_pct", "order/changes_per_100", "order/override_pct",
    "order/override_right_pct", "order/margin_positive_pct", "order/auc", "lipschitz/secant_mean",
    "lipschitz/secant_p95", "lipschitz/jacobian_p95", "lipschitz/bound_log10", "lipschitz/swap_ratio",
)  # fmt: skip
_EVENTS = 15
"""Rows of a list; the rest is counted."""
_LAYERS = 8


def compared(studies: Mapping[str, Study]) -> Grid:
    """All networks side by side: metrics, strides, areas, certified pairs."""
    rows = [[_label(key), *(_metric(study, key) for study in studies.values())] for key in _COMPARED]
    names = dict.fromkeys(point.name for study in studies.values() for point in study.curve)
    for name in list(names)[1:]:
        label = "order kept, shuffled (%)" if name == "shuffled" else f"order kept, stride {name} (%)"
        rows.append([label, *(_at(study, name) for study in studies.values())])
    for predictor in SMOOTH[1:] + PLAIN + CONTROL:
        rows.append(
            [f"AUC of {predictor}", *(area(study.all_pairs.areas.get(predictor)) for study in studies.values())]
        )
    jacobian = SMOOTH[0]
    rows.append(
        [f"AUC of {jacobian}, in fewer pairs", *(area(study.judged.areas.get(jacobian)) for study in studies.values())]
    )
    rows.append(["pairs certified by the bound", *(_certified(study) for study in studies.values())])
    for name in dict.fromkeys(rule.name for study in studies.values() for rule in study.rules):
        cells = [number(next((r.hota for r in study.rules if r.name == name), None)) for study in studies.values()]
        rows.append([f"HOTA, identity by {name}", *cells])
    return table(["", *studies], rows)


def curve(points: Sequence[CurvePoint]) -> Grid:
    """One row a stride."""
    rows = [
        [
            point.name,
            str(len(point.order.pairs)),
            str(len(point.order.steps)),
            number(found.get("order/consistency_pct")),
            number(found.get("order/changes_per_100")),
            number(found.get("order/margin_positive_pct")),
            number(found.get("lipschitz/secant_mean"), 3),
            number(found.get("lipschitz/swap_ratio"), 3),
            number(found.get("order/override_pct")),
        ]
        for point, found in ((point, point.order.metrics()) for point in points)
    ]
    head = ["stride", "pairs of frames", "sightings", "order kept (%)", "pairs with a change (%)",
            "identity cheapest (%)", "secant, mean", "swap ratio", "overridden (%)"]  # fmt: skip
    return table(head, rows)


def foretold(found: Foretelling) -> Grid:
    """Areas, and what each smooth score gains over the plain ones."""
    rows: list[list[str]] = []
    for name, each in found.areas.items():
        gains = {gain.plain: gain.difference for gain in found.gains if gain.smooth == name}
        rows.append(
            [
                name,
                "smooth" if name in SMOOTH else "control" if name in CONTROL else "plain",
                area(each),
                *(area(gains[plain]) if plain in gains else MISSING for plain in PLAIN + CONTROL),
            ]
        )
    return table(["score", "kind", "AUC", *(f"minus {plain}" for plain in PLAIN + CONTROL)], rows, words=2)


def rules(study: Study) -> Grid:
    """Identity rules on the same outputs."""
    rows = [
        [each.name, number(each.ap), number(each.ap50), number(each.hota), number(each.deta), number(each.assa),
         str(each.switches), number(each.switches_per_100), number(each.override_pct)]
        for each in study.rules
    ]  # fmt: skip
    head = [
        "identity by",
        "AP",
        "AP50",
        "HOTA",
        "DetA",
        "AssA",
        "switches",
        "in 100 times found again",
        "overridden (%)",
    ]
    return table(head, rows)


def groups(study: Study) -> Grid:
    """Where the order breaks."""
    rows = [
        [
            each.what,
            each.name,
            str(each.steps),
            share(each.kept_slot, each.steps),
            share(each.kept_identity, each.steps),
        ]
        for each in study.groups
    ]
    return table(["by", "group", "sightings", "slot kept (%)", "identity kept (%)"], rows, words=2)


def fires(study: Study) -> Grid:
    """First found, and found again."""
    returns = study.order.returns
    rows = [
        [f"first found {name}", str(count), share(count, study.fires.objects)] for name, count in study.fires.delays
    ]
    kept = sum(step.kept_slot for step in returns), sum(step.kept_identity for step in returns)
    rows += [
        ["found again after a gap, in the same slot", f"{kept[0]} of {len(returns)}", share(kept[0], len(returns))],
        ["found again after a gap, as the same object", f"{kept[1]} of {len(returns)}", share(kept[1], len(returns))],
    ]
    return table(["", "objects", "%"], rows)


def changes(study: Study, videos: Sequence[int], categories: Sequence[str]) -> tuple[Grid, int]:
    """Order changes with their frames, and how many are left out; `videos` are the data set's ids, by index."""
    rows = [
        [
            str(videos[video]),
            f"{step.before.frame} to {step.after.frame}",
            categories[step.after.label],
            f"{step.before.slot} to {step.after.slot}",
            "yes" if step.kept_identity else "no",
        ]
        for video, step in study.order.changes
    ]
    head = ["video", "frames", "object", "slots", "identity kept"]
    return table(head, rows[:_EVENTS], words=len(head)), max(0, len(rows) - _EVENTS)


def layers(bound: NetworkBound) -> Grid:
    """Where the backbone's part comes from."""
    largest = sorted(bound.backbone, key=lambda each: each.factor.log10, reverse=True)[:_LAYERS]
    return table(["layer", "log10 of its constant"], [[each.name, number(each.factor.log10, 2)] for each in largest])


def segments(study: Study, videos: Sequence[int]) -> Grid:
    """Between two frames."""
    rows = [
        [f"{videos[each.video]}, {each.frame} to {each.frame + 1}", number(each.segment.secant, 3),
         number(each.segment.largest, 3), str(each.segment.points),
         "undersampled" if each.segment.undersampled else "stable" if each.segment.stable else "not yet stable"]
        for each in study.segments
    ]  # fmt: skip
    return table(["video, frames", "secant", "largest directional norm", "points", ""], rows)


def attention(study: Study) -> Grid:
    """Who looks at whom: each layer as the mean of its heads, and the heads of the last encoder layer."""
    encoder, slots = study.attention.encoder, study.attention.slots
    last = max((each.layer for each in encoder), default=0)
    heads = [each for each in encoder if each.layer == last]
    rows = [_attended(f"target, encoder layer {each.layer + 1}", each) for each in layer_shares(encoder)]
    rows += [_attended(f"... of it head {place}", each) for place, each in enumerate(heads, start=1)]
    rows += [_attended(f"fired slots, decoder layer {each.layer + 1}", each) for each in layer_shares(slots)]
    head = ["who looks", "at the target (%)", "by chance (%)", "at references (%)", "at sound (%)",
            "entropy (nats)", "of even attention (%)", "references at the target: of even attention (%)"]  # fmt: skip
    return table(head, rows)


def on_objects(study: Study) -> Grid:
    """How much of the attention to the target lies on its true objects."""
    names = {"target": "target", "references": "references", "sound": "sound", "slots": "fired slots"}
    rows = [
        [f"{names[each.who]}, layer {each.layer + 1}", number(100 * each.share), number(100 * each.area),
         number(each.preference, 2)]
        for each in study.attention.on_objects
    ]  # fmt: skip
    return table(["who looks", "on objects (%)", "their area (%)", "times as much"], rows)


def _attended(name: str, each: AttentionShare) -> list[str]:
    within = each.reference_entropy
    shares = [each.target, each.target_if_even, each.reference, each.audio]
    return [
        name, *(number(100 * share) for share in shares), number(each.entropy.nats, 2), _percent(each.entropy.of_even),
        MISSING if within is None else _percent(within.of_even),
    ]  # fmt: skip


def _percent(value: float | None) -> str:
    return MISSING if value is None else number(100 * value)


def converged(study: Study) -> str:
    """How many of the norms are settled."""
    states = Counter(each.estimate.converged for each in study.norms)
    return f"{states[True]} of {len(study.norms)} estimates settled within their budget; all are lower bounds."


def _label(key: str) -> str:
    spec = METRICS[key]
    return f"{spec.label} ({spec.unit})" if spec.unit else spec.label


def _metric(study: Study, key: str) -> str:
    return number(study.metrics.get(key), METRICS[key].digits)


def _at(study: Study, name: str) -> str:
    point = next((each for each in study.curve if each.name == name), None)
    return MISSING if point is None else number(point.order.metrics().get("order/consistency_pct"))


def _certified(study: Study) -> str:
    found = certified(study)
    return MISSING if found is None else f"{found[0]} of {found[1]}"
