"""An experiment with sound through the platform: checked, fingerprinted, trained, evaluated."""

import json
import math
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
from safetensors.torch import save_file

from rcf.config import RcfConfig, SyntheticConfig
from rcf.data.synthetic import synthetic_digest, write_synthetic
from rcflab.fingerprint import gather
from rcflab.identity import Fingerprints, train_key
from rcflab.rcf_task import TASK

DATA = SyntheticConfig(height=32, width=48, train_clips=4, val_clips=2, frames=3, sound="category", looks="same")


def settings(data: dict[str, Any], features: str = "small", **audio: object) -> dict[str, Any]:
    attention = {"layers": 1, "heads": 2, "feedforward": 16, "dropout": 0.0}
    model = {
        "backbone": {"name": "resnet10t"},
        "audio": {"features": features, "mel_frames": 32, "lstm_width": 8, **audio},
        "width": 16,
        "encoder": attention,
        "decoder": attention,
        "queries": 4,
        "mask": {"fpn_width": 16, "filter_width": 8},
    }
    training = {"steps": 4, "clips_per_step": 2, "targets_per_clip": 1}
    evaluation = {"class_threshold": 0.1, "overlays": 1, "lipschitz_bound": False}
    return RcfConfig.model_validate(
        {"model": model, "data": data, "training": training, "evaluation": evaluation}
    ).model_dump(mode="json")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A set with sound as somebody's own videos."""
    write_synthetic(tmp_path / "videos", DATA)
    return tmp_path / "videos"


def of_videos(root: Path, features: str = "small", **audio: object) -> dict[str, Any]:
    return settings({"kind": "ytvis", "root": str(root)}, features, **audio)


def prints(config: dict[str, Any], storage: Path) -> Fingerprints:
    return gather("rcf", {"a": config}, storage)["a"]


def test_a_trial_with_sound_trains_and_is_evaluated(tmp_path: Path) -> None:
    config = settings({**DATA.model_dump(), "root": str(tmp_path)})
    TASK.prepare(config)
    training = TASK.start(config, 0)
    assert math.isfinite(training.advance()["train/loss"])
    (found,) = training.evaluate([config], [tmp_path / "out"])
    assert math.isfinite(found.metrics["val/ap"])


def test_smoothness_of_a_trial_with_sound_is_that_of_images_and_sound(tmp_path: Path) -> None:
    config = settings({**DATA.model_dump(), "root": str(tmp_path)})
    asked = {"jacobian_points": 1, "lipschitz_bound": True}
    TASK.prepare(config)
    (found,) = TASK.start(config, 0).evaluate(
        [{**config, "evaluation": {**config["evaluation"], **asked}}], [tmp_path / "out"]
    )
    secant, norm = (found.metrics[f"lipschitz/{name}"] for name in ("secant_mean", "jacobian_p95"))
    assert 0 < secant < norm < 10 ** found.metrics["lipschitz/bound_log10"]
    pairs = pandas.read_parquet(tmp_path / "out" / "pairs.parquet")
    first = pairs[pairs["frame"] == 1]  # its references are the first frame, so only the target moves
    assert len(first) and (first["d_in_window"] > first["d_in_image"]).all()


def test_what_is_heard_changes_the_training(videos: Path, tmp_path: Path) -> None:
    before = TASK.start(of_videos(videos), 0).advance()["train/loss"]
    listing = videos / "train" / "instances.json"
    document = json.loads(listing.read_text())
    for video in document["videos"]:
        video["audio_file"] = None
    listing.write_text(json.dumps(document))
    assert TASK.start(of_videos(videos), 0).advance()["train/loss"] != before


def test_check_names_the_video_whose_sound_is_missing(videos: Path) -> None:
    (videos / "train" / "Audio" / "train-0002.flac").unlink()
    assert TASK.check(of_videos(videos, features="none")) == []
    (only,) = TASK.check(of_videos(videos))
    assert "sound of video 3" in str(only)


def test_check_names_weights_that_are_not_there(videos: Path) -> None:
    (only,) = TASK.check(of_videos(videos, weights="file:/nowhere/ear.safetensors"))
    assert only.place == "model.audio.weights"


def test_arms_with_and_without_sound_are_scored_on_the_same_videos(tmp_path: Path) -> None:
    found: list[str] = []
    for features in ("small", "none"):
        config = settings({**DATA.model_dump(), "root": str(tmp_path)}, features)
        TASK.prepare(config)
        (scored,) = TASK.start(config, 0).evaluate([config], [tmp_path / features])
        found.append(scored.videos_digest)
    assert found[0] == found[1]


@pytest.mark.parametrize(("features", "changes"), [("small", True), ("none", False)])
def test_a_sound_counts_where_somebody_listens(videos: Path, tmp_path: Path, features: str, changes: bool) -> None:
    before = prints(of_videos(videos, features), tmp_path)
    sounds = sorted((videos / "train" / "Audio").iterdir())
    sounds[0].write_bytes(sounds[1].read_bytes() + b" ")
    after = prints(of_videos(videos, features), tmp_path)
    assert (before.train_data != after.train_data, before.val_data != after.val_data) == (changes, False)


def test_weights_of_the_ear_count_by_content(videos: Path, tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        save_file({"features.0.weight": torch.full((1,), value)}, tmp_path / name)
    configs = [of_videos(videos, weights=f"file:{tmp_path / name}") for name in "abc"]
    a, b, c = (train_key("rcf", config, 0, prints(config, tmp_path)) for config in configs)
    assert (a == b, a == c) == (True, False)


@pytest.mark.parametrize("field", ["sound", "looks"])
def test_sound_and_looks_of_a_synthetic_set_count(tmp_path: Path, field: str) -> None:
    other = {"sound": "random", "looks": "category"}[field]
    one, two = (prints(settings({**DATA.model_dump(), **change}), tmp_path) for change in ({}, {field: other}))
    assert one.train_data != two.train_data
    assert one.val_data != two.val_data


def test_synthetic_sets_from_before_there_was_sound_keep_their_fingerprint(tmp_path: Path) -> None:
    assert prints(settings({"kind": "synthetic"}, "none"), tmp_path).train_data[:16] == "cdb24f5e7bd8763f"


def test_the_set_on_disk_is_the_one_that_the_digest_names(tmp_path: Path) -> None:
    config = settings({**DATA.model_dump(), "root": str(tmp_path)})
    TASK.prepare(config)
    assert [path.name for path in tmp_path.iterdir()] == [synthetic_digest(DATA)]
