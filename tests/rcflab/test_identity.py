"""Keys follow content: what cannot change a number cannot change a key, and all else does."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.identity import Fingerprints, digest, eval_key, train_key
from rcflab.schema import TASK_CONFIGS

PRINTS = Fingerprints("train", "val", "weights")


def resolved(task: str, **fields: Any) -> dict[str, Any]:
    """The resolved configuration with dotted `fields` (dots written as two underscores) set."""
    config = TASK_CONFIGS[task]().model_dump(mode="json")
    for path, value in fields.items():
        *around, last = path.split("__")
        part = config
        for name in around:
            part = part[name]
        assert last in part
        part[last] = value
    return config


def keys(task: str, config: Mapping[str, Any], seed: int = 0, prints: Fingerprints = PRINTS) -> tuple[str, str]:
    """(train_key, eval_key)."""
    return train_key(task, config, seed, prints), eval_key(task, config, seed, prints)


@pytest.mark.parametrize(
    "fields",
    [
        {"training__log_every": 7},
        {"training__checkpoint_every": 7},
        {"training__evaluate_every": 7},
        {"training__cache_mb": 7},
        {"training__loader_threads": 2},
        {"training__start_from": "/elsewhere"},
        {"training__augment__crop_smallest": 0.9},
        {"training__augment__still_shift": 0.4},
        {"evaluation__overlays": 9},
        {"training__cache_mb": 7},
        {"data__root": "/elsewhere"},
        {"model__backbone__weights": "file:/elsewhere/same-content.bin"},
    ],
)
def test_what_cannot_change_a_number_keeps_both_keys(fields: dict[str, Any]) -> None:
    assert keys("rcf", resolved("rcf", **fields)) == keys("rcf", resolved("rcf"))


@pytest.mark.parametrize(
    "fields",
    [
        {"model__reference__tokens": 16},
        {"model__reference__frames": 2},
        {"model__queries": 11},
        {"input__width": 64},
        {"training__lr": 1e-3},
        {"training__steps": 3},
        {"training__precision": "bfloat16"},
        {"training__channels_last": False},
        {"training__augment__crop": 0.5},
        {"training__augment__paste": 0.5},
        {"training__augment__short_sides": [64]},
        {"input__keep_ratio": True},
        {"training__compile": True},
        {"training__loss__bce_weight": 1.0},
        {"model__backbone__norm": "frozen"},
    ],
)
def test_what_changes_training_changes_both_keys(fields: dict[str, Any]) -> None:
    train, trial = keys("rcf", resolved("rcf"))
    other_train, other_trial = keys("rcf", resolved("rcf", **fields))
    assert train != other_train
    assert trial != other_trial


@pytest.mark.parametrize(
    "fields",
    [
        {"evaluation__identity": "slot"},
        {"evaluation__class_threshold": 0.3},
        {"evaluation__override_iou": 0.4},
        {"evaluation__frames": "hard"},
    ],
)
def test_what_changes_only_the_evaluation_keeps_the_training(fields: dict[str, Any]) -> None:
    train, trial = keys("rcf", resolved("rcf"))
    same_train, other_trial = keys("rcf", resolved("rcf", **fields))
    assert train == same_train
    assert trial != other_trial


@pytest.mark.parametrize(
    ("task", "cause", "idle"),
    [
        ("rcf", {"model__reference__frames": 0}, {"model__reference__tokens": 64}),
        ("rcf", {"model__reference__frames": 0}, {"model__reference__pixel_weight": "none"}),
        ("rcf", {"model__reference__frames": 0}, {"model__reference__join": "decoder"}),
        ("rcf", {"model__reference__frames": 1}, {"model__reference__merge": "token"}),
        ("rcf", {"model__reference__tokens": "full"}, {"model__reference__compression": "dwconv"}),
        ("rcf", {"model__reference__tokens": "full"}, {"model__reference__pixel_weight": "none"}),
        ("rcf", {"model__reference__join": "encoder"}, {"model__reference__encoder_pass": "shared"}),
        ("rcf", {"model__audio__features": "none"}, {"model__audio__mel_frames": 32, "model__audio__causal": False}),
        ("rcf", {"evaluation__identity": "cosine"}, {"evaluation__override_iou": 0.9}),
        ("rcf", {"evaluation__identity": "slot"}, {"evaluation__override_iou": 0.9}),
        ("rcf", {}, {"evaluation__frames": "all"}),
        ("toy", {"model__memory": 0}, {"model__decay": 0.9}),
    ],
)
def test_a_field_without_effect_keeps_both_keys(task: str, cause: dict[str, Any], idle: dict[str, Any]) -> None:
    assert keys(task, resolved(task, **cause, **idle)) == keys(task, resolved(task, **cause))


@pytest.mark.parametrize(
    ("task", "cause", "active"),
    [
        ("toy", {"model__memory": 2}, {"model__decay": 0.9}),
        ("rcf", {"model__reference__frames": 2}, {"model__reference__merge": "token"}),
        ("rcf", {"model__reference__frames": 1}, {"model__reference__compression": "dwconv"}),
        ("rcf", {"model__reference__tokens": "full"}, {"model__reference__join": "decoder"}),
        ("rcf", {"model__reference__join": "decoder"}, {"model__reference__encoder_pass": "shared"}),
        ("rcf", {"model__audio__features": "small"}, {"model__audio__mel_frames": 32}),
        ("rcf", {"training__loss__mask_points": 100}, {"training__loss__mask_stride": 16}),
        ("rcf", {"evaluation__identity": "slot_iou"}, {"evaluation__override_iou": 0.9}),
    ],
)
def test_the_same_field_counts_where_it_has_an_effect(task: str, cause: dict[str, Any], active: dict[str, Any]) -> None:
    assert keys(task, resolved(task, **cause, **active))[1] != keys(task, resolved(task, **cause))[1]


def test_content_of_training_data_and_weights_is_part_of_the_training() -> None:
    config = resolved("rcf")
    trains = {keys("rcf", config, prints=p)[0] for p in (PRINTS, Fingerprints("x", "val", "weights"),
                                                         Fingerprints("train", "val", "x"))}  # fmt: skip
    assert len(trains) == 3


def test_content_of_validation_data_is_part_of_the_trial_only() -> None:
    train, trial = keys("rcf", resolved("rcf"))
    other = keys("rcf", resolved("rcf"), prints=Fingerprints("train", "x", "weights"))
    assert other[0] == train
    assert other[1] != trial


def test_seeds_and_tasks_have_keys_of_their_own() -> None:
    config = resolved("toy")
    assert len({keys("toy", config, seed) for seed in range(20)}) == 20


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _JSON, max_size=5), st.randoms())
def test_a_digest_does_not_depend_on_the_order_of_fields(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert digest(dict(items)) == digest(value)


def test_keys_are_pinned_so_that_finished_work_stays_known() -> None:
    # A change here makes everyone retrain everything: raise the version in the changelog and mark it [numbers].
    assert keys("toy", resolved("toy")) == ("b0991437db46d499", "f974384867900f66")
