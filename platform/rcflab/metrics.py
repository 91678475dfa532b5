"""Every metric, declared once: key, unit, direction, digits.

METRICS[key] --> tables, arrows, tests and the tracker read the same row
"""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric as people see it."""

    key: str
    label: str
    unit: str
    better: Better
    digits: int


_SPECS = (
    MetricSpec("val/ap", "AP", "points", "higher", 1),
    MetricSpec("val/ap50", "AP50", "points", "higher", 1),
    MetricSpec("val/ap75", "AP75", "points", "higher", 1),
    MetricSpec("val/ap_small", "AP small", "points", "higher", 1),
    MetricSpec("val/ap_medium", "AP medium", "points", "higher", 1),
    MetricSpec("val/ap_large", "AP large", "points", "higher", 1),
    MetricSpec("val/ar1", "AR1", "points", "higher", 1),
    MetricSpec("val/ar10", "AR10", "points", "higher", 1),
    MetricSpec("val/ar100", "AR100", "points", "higher", 1),
    MetricSpec("order/consistency_pct", "order kept", "%", "higher", 1),
    MetricSpec("order/changes_per_100", "order changes", "of 100 pairs", "lower", 1),
    MetricSpec("order/override_pct", "IoU overrides", "%", "neither", 1),
    MetricSpec("order/override_right_pct", "right overrides", "%", "higher", 1),
    MetricSpec("order/margin_positive_pct", "identity cheapest", "%", "higher", 1),
    MetricSpec("order/auc", "AUC of smoothness", "", "neither", 2),
    MetricSpec("lipschitz/secant_mean", "secant", "ratio", "lower", 3),
    MetricSpec("lipschitz/secant_p95", "secant, 95th percentile", "ratio", "lower", 3),
    MetricSpec("lipschitz/jacobian_p95", "Jacobian norm, 95th percentile", "ratio", "lower", 3),
    MetricSpec("lipschitz/bound_log10", "log10 of the Lipschitz bound", "", "lower", 1),
    MetricSpec("lipschitz/swap_ratio", "swap ratio", "ratio", "higher", 3),
    MetricSpec("train/loss", "loss", "", "lower", 3),
    MetricSpec("train/loss_class", "class loss", "", "lower", 3),
    MetricSpec("train/loss_dice", "Dice loss", "", "lower", 3),
    MetricSpec("train/loss_bce", "BCE loss", "", "lower", 3),
    MetricSpec("train/loss_focal", "focal loss", "", "lower", 3),
    MetricSpec("train/lr", "learning rate", "", "neither", 6),
    MetricSpec("data/skipped", "clips left out", "", "lower", 0),
    MetricSpec("time/step_ms", "step", "ms", "lower", 0),
    MetricSpec("time/data_wait_pct", "data wait", "%", "lower", 1),
    MetricSpec("system/cpu_utilization_percentage", "CPU of the machine", "%", "neither", 0),
    MetricSpec("system/system_memory_usage_percentage", "memory of the machine", "%", "neither", 0),
    MetricSpec("system/process_cpu_percentage", "CPU of the process", "% of a core", "neither", 0),
    MetricSpec("system/process_memory_megabytes", "memory of the process", "MB", "lower", 0),
    MetricSpec("system/gpu_0_utilization_percentage", "GPU", "%", "neither", 0),
    MetricSpec("system/gpu_0_memory_usage_megabytes", "memory of the GPU", "MB", "lower", 0),
    MetricSpec("cost/latency_ms", "latency", "ms per frame", "lower", 1),
    MetricSpec("cost/params_m", "parameters", "M", "lower", 2),
    MetricSpec("toy/score", "score", "points", "higher", 2),
    MetricSpec("toy/distance", "distance", "", "lower", 4),
)

METRICS: dict[str, MetricSpec] = {spec.key: spec for spec in _SPECS}
