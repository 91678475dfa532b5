"""The pages that MLflow opens on: charts chosen and in order, arms in groups. Pure.

    RunPlan --views--> JSON for the experiment's tags mlflow.sharedViewState.<key>, two saved views of its page:

    rcflab        Final metrics | Curves | Difference to the baseline | Order and Lipschitz | (rest, folded)
    rcflab-arms   the arms' own runs: all that the table says, as changes from the baseline

    #/experiments/<id>/runs?viewStateShareKey=<key>&compareRunsMode=CHART

The format is private to MLflow's page and was read from that of 3.17: a later one may ignore it, and then opens as if
there were none. tests/rcflab/test_ui_command.py looks at it in a browser. MLflow's list of differences stays empty for
groups of runs (it takes the dots in their names for a path), hence the second view.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence

from rcflab.metrics import METRICS
from rcflab.records import Json, RunPlan
from rcflab.track.tracker import DIFFERENCE

KEY, ARMS_KEY = "rcflab", "rcflab-arms"
_TAG = "mlflow.sharedViewState."
MOST_BYTES = 20_000
"""Of an experiment's tag; MLflow refuses more."""
_MOST_METRICS = 8
_PAGE = 100
"""Runs that MLflow's page loads at once."""
_ARM_TAGS = ("rcflab.arm", "rcflab.arm.b", "rcflab.arm.c", "rcflab.arm.d", "rcflab.arm.e")
"""Each holds the arm's name, with one blank more behind it than the one before. MLflow takes the colour of a group from
the tag's name and value, and two arms may get the same one: the view groups by the tag whose colours differ most."""
_PALETTE = (
    "a6630c", "c83243", "b45091", "8a63bf", "434a93", "137dae", "04867d", "308613", "facb66", "1f272d", "445461",
    "5f7281", "8396a5", "93320b", "be501e", "de7921", "f2be88", "115026", "277c43", "3ba65e", "8ddda8", "9e102c",
    "c82d4c", "e65b77", "f792a6", "0e538b", "2272b4", "4299e0", "8acaff",
)  # fmt: skip
"""The colours that MLflow 3.17's page gives to groups of runs."""
_LOSSES = ("train/loss", "train/loss_class", "train/loss_dice", "train/loss_bce")
_DIAGNOSTICS = (
    "order/consistency_pct", "order/changes_per_100", "order/override_pct", "order/override_right_pct",
    "order/margin_positive_pct", "order/auc", "lipschitz/secant_mean", "lipschitz/secant_p95", "lipschitz/swap_ratio",
    "lipschitz/jacobian_p95", "lipschitz/bound_log10",
)  # fmt: skip
_FOLDED = ("train", "cost", "data", "time", "System metrics")
"""Sections that MLflow makes of the remaining metrics, by the name before the slash."""
_AGGREGATES = ("mean", "sd", "n", "low", "high", "p", "p_holm", "difference", "difference_sd", "difference_low",
               "difference_high")  # fmt: skip


def page_url(server: str, experiment_id: str, key: str = KEY) -> str:
    """Address of a prepared page. No search field may be in it: with one, MLflow does not apply the view."""
    return f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={key}&compareRunsMode=CHART"


def views(plan: RunPlan) -> dict[str, str]:
    """Tags of the experiment with the prepared views of a plan, each at most MOST_BYTES long."""
    cells = cells_view(plan)
    found = _saved("Arms over their seeds", cells)
    if len(found.encode()) > MOST_BYTES:  # many arms with long names: they are unfolded then, and that is all
        found = _saved("Arms over their seeds", cells | {"groupsExpanded": {}})
    return {f"{_TAG}{KEY}": found, f"{_TAG}{ARMS_KEY}": _saved("Arms beside the baseline", arms_view(plan))}


def _saved(name: str, state: Mapping[str, Json]) -> str:
    """As MLflow's page saves a view under a name, which its menu then lists."""
    return json.dumps({"name": name, "createdAt": 0, "state": json.dumps(state, separators=(",", ":"))})


def cells_view(plan: RunPlan) -> dict[str, Json]:
    """Cells in groups of their arm."""
    metrics, arms = plan.metrics[:_MOST_METRICS], list(dict.fromkeys(cell.arm for cell in plan.cells))
    # Means of cells grow while these run, but not all cells of a large experiment are on the page: then the table's.
    group = "" if len(plan.cells) + len(arms) <= _PAGE else "mean/"
    tag = arm_tag(arms)
    cards: list[Json] = []
    sections = [
        _section("final", "Final metrics (mean of the seeds)", cards, [_bar(f"{group}{key}", key) for key in metrics]),
        _section("curves", "Curves", cards, [_line(key) for key in (*metrics[:2], *_LOSSES)]),
        _section(
            "difference", f"Difference to {plan.baseline}", cards, [_bar(f"{DIFFERENCE}/{key}", key) for key in metrics]
        ),
    ]
    if any(key.startswith("val/") for key in metrics):  # the toy has no frames, so no order
        charts = [_bar(key, key) for key in _DIAGNOSTICS]
        sections.append(_section("order", "Order and Lipschitz", cards, charts))
    rest = [
        *_FOLDED,
        *_groups(plan.metrics),
        *(f"{name}/{group}" for name in _AGGREGATES for group in _groups(plan.metrics)),
    ]
    sections += [_folded(name) for name in rest]
    return {
        **_search("tags.`rcflab.role` != 'parent'", "tags.`rcflab.role`"),
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": tag}]},
        "useGroupedValuesInCharts": True,
        "groupsExpanded": {_group(tag, arm): False for arm in arms},
        **_charts(cards, [*sections, *(_folded(name) for name in rest)]),
        "selectedColumns": _columns(metrics),
    }


def arms_view(plan: RunPlan) -> dict[str, Json]:
    """The arms' own runs, one by one."""
    metrics = plan.metrics[:_MOST_METRICS]
    cards: list[Json] = []
    listed = {
        "type": "DIFFERENCE",
        "chartName": f"Change from {plan.baseline}",
        "compareGroups": ["Model metrics", "Tags"],
        "showChangeFromBaseline": True,
        "showDifferencesOnly": True,
        "baselineColumnUuid": "",
    }
    sections = [
        _section("beside", f"Beside {plan.baseline}", cards, [listed], columns=1),
        _section("means", "Means", cards, [_bar(f"mean/{key}", key) for key in metrics]),
    ]
    rest = [f"{name}/{group}" for name in _AGGREGATES for group in _groups(plan.metrics)]
    return {
        # The list takes the first run for the baseline: `true` comes before `false` from the end of the alphabet.
        **_search("tags.`rcflab.role` = 'arm'", "tags.`rcflab.is_baseline`", ascending=False),
        "groupBy": None,
        **_charts(cards, [*sections, *(_folded(name) for name in rest)]),
        "selectedColumns": ["tags.`rcflab.verdict`", *(f"metrics.`mean/{key}`" for key in metrics)],
    }


def _search(where: str, order: str, *, ascending: bool = True) -> dict[str, Json]:
    """Sorted by creation the page would fetch the parent run too."""
    return {
        "searchFilter": where,
        "orderByKey": order,
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
    }


def _charts(cards: list[Json], sections: list[Json]) -> dict[str, Json]:
    return {
        "hideEmptyCharts": True,
        "runsHiddenMode": "SHOWALL",
        "isAccordionReordered": True,
        "compareRunCharts": cards,
        "compareRunSections": sections,
        "viewMaximized": False,
        "runListHidden": False,
    }


def arm_tag(arms: Sequence[str]) -> str:
    """The tag to group by: that under which the two arms that look most alike do so least."""
    return max(_ARM_TAGS, key=lambda tag: _least_distance([_colour(_group(tag, arm)) for arm in arms]))


def _least_distance(colours: Sequence[str]) -> float:
    """Between any two, as an eye would have it (a weighted distance in RGB: compuphase.com/cmetric.htm)."""
    found = [bytes.fromhex(colour) for colour in colours]
    return min((_distance(one, other) for one, other in itertools.combinations(found, 2)), default=0.0)


def _distance(one: bytes, other: bytes) -> float:
    red, green, blue = ((mine - theirs) ** 2 for mine, theirs in zip(one, other, strict=True))
    mean_red = (one[0] + other[0]) / 2 / 256
    return math.sqrt((2 + mean_red) * red + 4 * green + (3 - mean_red) * blue)


def arm_tags(arm: str) -> dict[str, str]:
    """The tags of a run of this arm that a view may group by."""
    return {tag: f"{arm}{' ' * number}" for number, tag in enumerate(_ARM_TAGS)}


def _group(tag: str, arm: str) -> str:
    """The name that MLflow's page gives a group of runs."""
    return f"tag.{tag}.{arm_tags(arm)[tag]}"


def _colour(group: str) -> str:
    """A group's colour on MLflow's page (its sum of Fletcher over the characters' codes)."""
    low, high = 0, 0
    for unit in memoryview(group.encode("utf-16-le")).cast("H"):
        low = (low + unit) % 255
        high = (high + low) % 255
    return _PALETTE[(low | high << 8) % len(_PALETTE)]


def _section(name: str, title: str, cards: list[Json], charts: Sequence[Mapping[str, Json]], columns: int = 3) -> Json:
    """A section, whose charts go to `cards`."""
    for number, chart in enumerate(charts):
        cards.append(
            {"uuid": f"{name}-{number}", "metricSectionId": name, "isGenerated": False, "deleted": False,
             "runsCountToCompare": 100, **chart}
        )  # fmt: skip
    return {"uuid": name, "name": title, "display": True, "isReordered": True, "deleted": False, "isGenerated": False,
            "columns": columns, "cardHeight": 320 if columns > 1 else 520}  # fmt: skip


def _folded(name: str) -> Json:
    return {"uuid": f"rest-{name}", "name": name, "display": False, "isReordered": False, "isGenerated": True}


def _bar(key: str, metric: str) -> dict[str, Json]:
    return {"type": "BAR", "metricKey": key, "displayName": _title(metric)}


def _line(key: str) -> dict[str, Json]:
    return {
        "type": "LINE",
        "metricKey": key,
        "selectedMetricKeys": [key],
        "displayName": _title(key),
        "xAxisKey": "step",
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "lineSmoothness": 0,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": False,
        "range": {},
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
    }


def _title(key: str) -> str:
    spec = METRICS[key]
    return f"{spec.label} ({spec.unit})" if spec.unit else spec.label


def _groups(metrics: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(key.rpartition("/")[0] for key in metrics))


def _columns(metrics: Sequence[str]) -> list[str]:
    tags = (_ARM_TAGS[0], "rcflab.seed", "rcflab.role", "rcflab.verdict")
    return ["attributes.`Duration`", *(f"tags.`{tag}`" for tag in tags), *(f"metrics.`{key}`" for key in metrics)]
