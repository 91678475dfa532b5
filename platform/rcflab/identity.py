"""Which cells are one and the same: keys from content, never from paths, labels or resources.

    configuration --train_view--> what training depends on --+ seed + training data + weights--> train_key
                  --evaluation_view--> what scoring depends on --+ train_key + validation data--> eval_key

Fields without effect under the other fields are taken out first, so arms that differ only there share a key. Pure.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rcflab.records import Json

Field = tuple[str, ...]
"""The path of a field: section, part, name."""

_BOOKKEEPING: tuple[Field, ...] = (
    ("training", "log_every"),
    ("training", "checkpoint_every"),
    ("training", "evaluate_every"),
    ("training", "cache_mb"),
    ("training", "loader_threads"),
    ("evaluation", "overlays"),
)
"""They change what is written and when, not what is learned or scored."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Content of all that a configuration refers to (sha256 in hex)."""

    train_data: str
    val_data: str
    weights: str
    """Empty where the network starts from random weights."""
    videos: str = ""
    """Which videos are scored against which truth, whatever is seen and heard of them. No part of any key: arms where
    it differs cannot stand in one table."""


def digest(value: Json) -> str:
    """sha256 in hex of the canonical JSON of `value`: sorted keys, no spaces, shortest exact floats."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def train_view(task: str, config: Mapping[str, Json]) -> dict[str, Json]:
    """The part of a resolved configuration that training depends on; data and weights enter by content instead."""
    view = effective_view(task, config)
    for section in ("data", "evaluation"):
        view.pop(section, None)
    for loc in (("model", "backbone", "weights"), ("model", "audio", "weights"), ("training", "start_from")):
        _remove(view, loc)
    return view


def evaluation_view(task: str, config: Mapping[str, Json]) -> dict[str, Json]:
    """The part that scoring depends on, beside the trained weights and the validation data."""
    return dict(effective_view(task, config)["evaluation"])


def train_key(task: str, config: Mapping[str, Json], seed: int, prints: Fingerprints) -> str:
    """16 hex digits for one training."""
    view = train_view(task, config)
    return digest({"task": task, "config": view, "seed": seed, "data": prints.train_data, "weights": prints.weights})[
        :16
    ]


def eval_key(task: str, config: Mapping[str, Json], seed: int, prints: Fingerprints) -> str:
    """16 hex digits for one training scored in one way: the trial."""
    key = train_key(task, config, seed, prints)
    return digest({"train": key, "config": evaluation_view(task, config), "data": prints.val_data})[:16]


def effective_view(task: str, config: Mapping[str, Json]) -> dict[str, Json]:
    """A copy of `config` without bookkeeping and without fields that have no effect."""
    view = json.loads(json.dumps(config))
    for loc in (*_BOOKKEEPING, *_NO_EFFECT[task](config)):
        _remove(view, loc)
    return view


def _rcf_no_effect(config: Mapping[str, Json]) -> list[Field]:
    """Fields that the others switch off. Only what leaves every bit of the weights and answers as it is may be here."""
    model, training = config["model"], config["training"]
    idle: list[Field] = [("model", "reference", name) for name in _idle_reference(model["reference"])]
    if model["audio"]["features"] == "none":
        idle += [("model", "audio", name) for name in model["audio"] if name != "features"]
    augment = training["augment"]
    if augment["crop"] == 0:
        idle.append(("training", "augment", "crop_smallest"))
    if config["data"]["kind"] != "coco" and not config["data"].get("images"):
        idle.append(("training", "augment", "still_shift"))
    if config["evaluation"]["identity"] != "slot_iou":
        idle.append(("evaluation", "override_iou"))
    if config["evaluation"]["latency_frames"] == 0:
        idle.append(("evaluation", "latency_frames"))
    if config["evaluation"]["frames"] == "all":
        idle.append(("evaluation", "frames"))  # keys are those from before there was a choice
    return idle


def _idle_reference(reference: Mapping[str, Json]) -> list[str]:
    """Names below model.reference."""
    if reference["frames"] == 0:
        return [name for name in reference if name != "frames"]
    idle = ["encoder_pass"] if reference["join"] == "encoder" else []
    if reference["tokens"] == "full":
        return [*idle, "compression", "merge", "pixel_weight"]
    # The two ways to merge are one and the same convolution for a single frame.
    return [*idle, "merge"] if reference["frames"] == 1 else idle


def _toy_no_effect(config: Mapping[str, Json]) -> list[Field]:
    idle: list[Field] = [("model", "decay")] if config["model"]["memory"] == 0 else []
    # What never happens is what there was before it could be asked for.
    return idle + [("training", name) for name in ("starve_at", "kill_at") if not config["training"].get(name)]


_NO_EFFECT: dict[str, Callable[[Mapping[str, Json]], list[Field]]] = {"rcf": _rcf_no_effect, "toy": _toy_no_effect}


def _remove(view: dict[str, Json], loc: Field) -> None:
    for part in loc[:-1]:
        view = view.get(part, {})
    view.pop(loc[-1], None)
