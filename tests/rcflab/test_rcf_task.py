"""The network as the platform sees it: check, prepare, train, save, evaluate."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from PIL import Image

from rcf.config import CocoConfig, RcfConfig, SyntheticConfig
from rcf.data.synthetic_images import write_images
from rcf.evaluation import video_pass
from rcf.evaluation.statistics import stats_from_records, track_metrics
from rcf.model.network import RCF
from rcf.structures import Segmentation
from rcflab.rcf_task import TASK
from rcflab.task import load_resampling


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where synthetic sets are written, shared by the tests of this file."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def config(data_root: Path) -> dict[str, Any]:
    """A small trial on four synthetic clips, whose set is on disk."""
    attention = {"layers": 1, "heads": 2, "feedforward": 16, "dropout": 0.0}
    settings = RcfConfig.model_validate(
        {
            "model": {
                "backbone": {"name": "resnet10t"},
                "width": 16,
                "encoder": attention,
                "decoder": attention,
                "queries": 4,
                "mask": {"fpn_width": 16, "filter_width": 8},
            },
            "data": {"kind": "synthetic", "train_clips": 4, "val_clips": 2, "frames": 3, "root": str(data_root)},
            "training": {"steps": 4, "clips_per_step": 1, "targets_per_clip": 2},
            "evaluation": {"class_threshold": 0.1, "overlays": 1, "lipschitz_bound": False},
        }
    ).model_dump(mode="json")
    TASK.prepare(settings)
    return settings


def test_an_evaluation_returns_metrics_records_and_pictures(config: dict[str, Any], tmp_path: Path) -> None:
    training = TASK.start(config, 0)
    training.advance()
    (found,) = training.evaluate([config], [tmp_path])
    assert {"val/ap", "val/ap50", "lipschitz/secant_mean", "cost/params_m"} <= found.metrics.keys()
    assert all(math.isfinite(value) for value in found.metrics.values())
    results, pairs, objects, picture, *figures = found.artifacts
    assert figures[0] == tmp_path / "order" / "pairs.png"
    assert all(Image.open(path).size[0] > 300 for path in figures)
    rows = pandas.read_parquet(pairs)
    assert {"video", "frame", "d_in_window", "d_out_both", "d_swap_fired_balanced", "d_self_classes"} <= set(rows)
    assert len(rows) and rows["d_out_both"].notna().all()
    assert objects.name == "objects.parquet" and "slot_after" in pandas.read_parquet(objects)
    assert isinstance(json.loads(results.read_text()), list)
    assert Image.open(picture).size[1] == 180


def test_norms_and_bound_are_in_every_evaluation_that_does_not_say_otherwise(
    config: dict[str, Any], tmp_path: Path
) -> None:
    default = RcfConfig().evaluation
    assert (default.jacobian_points, default.lipschitz_bound) == (None, True)
    training = TASK.start(config, 0)
    asked = {**config, "evaluation": {**config["evaluation"], "jacobian_points": 1, "lipschitz_bound": True}}
    (found,) = training.evaluate([asked], [tmp_path])
    secant = found.metrics["lipschitz/secant_mean"]
    assert secant < found.metrics["lipschitz/jacobian_p95"] < 10 ** found.metrics["lipschitz/bound_log10"]
    assert training.evaluate([asked], [tmp_path / "again"])[0].metrics == found.metrics


def test_metrics_can_be_made_again_from_the_records(config: dict[str, Any], tmp_path: Path) -> None:
    (found,) = TASK.start(config, 0).evaluate([config], [tmp_path])
    again = track_metrics(stats_from_records(found.records))
    assert {name: value for name, value in found.metrics.items() if name.startswith("val/")} == again


def test_metrics_of_many_weightings_are_those_of_each(config: dict[str, Any], tmp_path: Path) -> None:
    (found,) = TASK.start(config, 0).evaluate([config], [tmp_path])
    weights = np.array([[1.0, 2.0], [1.0, 0.0]])
    many = load_resampling("rcf").metrics(found.records, weights, ["val/ap", "val/ar100", "order/consistency_pct"])
    assert many.keys() == {"val/ap", "val/ar100"}
    for b, wanted in enumerate(track_metrics(stats_from_records(found.records, column)) for column in weights.T):
        assert {key: values[b] for key, values in many.items()} == pytest.approx({key: wanted[key] for key in many})


def test_evaluating_does_not_change_the_training(config: dict[str, Any], tmp_path: Path) -> None:
    plain, evaluated = TASK.start(config, 3), TASK.start(config, 3)
    for training in (plain, evaluated):
        training.advance()
    evaluated.evaluate([config], [tmp_path])
    assert plain.advance()["train/loss"] == evaluated.advance()["train/loss"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Sizes of the frames of each video that a network is asked to segment."""
    sizes: list[tuple[int, ...]] = []
    segment = video_pass.segment_video

    def spy(network: RCF, frames: torch.Tensor, *rest: Any) -> Segmentation:
        sizes.append(tuple(frames.shape[-2:]))
        return segment(network, frames, *rest)

    monkeypatch.setattr(video_pass, "segment_video", spy)
    return sizes


def _ways(config: dict[str, Any], **changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """`config` with changes of its evaluation, by name."""
    return {name: {**config, "evaluation": {**config["evaluation"], **change}} for name, change in changes.items()}


def test_ways_to_evaluate_share_the_network_where_they_see_the_same_frames(
    config: dict[str, Any], tmp_path: Path, seen: list[tuple[int, ...]]
) -> None:
    large = {"input": {"height": 96, "width": 160}}
    ways = _ways(config, plain={}, larger=large, cosine={"identity": "cosine"}, both={**large, "class_threshold": 0.3})
    TASK.start(config, 0).evaluate(list(ways.values()), [tmp_path / name for name in ways])
    assert seen == [(64, 96)] * 2 + [(96, 160)] * 2  # two videos each


def test_each_way_to_evaluate_gives_what_it_gives_alone(config: dict[str, Any], tmp_path: Path) -> None:
    larger = {"input": {"height": 96, "width": 160}, "class_threshold": 0.0}
    ways = _ways(config, larger=larger, plain={}, every={"class_threshold": 0.0}, cosine={"identity": "cosine"})
    training = TASK.start(config, 0)
    together = training.evaluate(list(ways.values()), [tmp_path / name for name in ways])
    for found, (name, way) in zip(together, ways.items(), strict=True):
        (alone,) = training.evaluate([way], [tmp_path / f"{name}-alone"])
        assert found.metrics == alone.metrics
        assert found.videos_digest == alone.videos_digest
        for one, other in zip(found.artifacts, alone.artifacts, strict=True):
            assert one.read_bytes() == other.read_bytes()
    assert len({str(dict(found.metrics)) for found in together}) > 1


def test_hard_frames_are_another_set_of_videos_and_one_pass_of_the_network_serves_both(
    config: dict[str, Any], tmp_path: Path, seen: list[tuple[int, ...]]
) -> None:
    many = {**config, "data": {**config["data"], "val_clips": 4, "frames": 6}}
    TASK.prepare(many)
    ways = _ways(many, every={}, hard={"frames": "hard"}, clear={"frames": "clear"})
    every, hard, clear = TASK.start(many, 0).evaluate(list(ways.values()), [tmp_path / name for name in ways])
    assert len(seen) == 4
    assert len({every.videos_digest, hard.videos_digest, clear.videos_digest}) == 3
    assert len(hard.records["video_ids"]) < len(every.records["video_ids"])
    assert hard.metrics["lipschitz/secant_mean"] == every.metrics["lipschitz/secant_mean"]


def test_a_saved_training_goes_on_elsewhere(config: dict[str, Any], tmp_path: Path) -> None:
    first = TASK.start(config, 0)
    first.advance()
    first.save(tmp_path)
    second = TASK.start(config, 0)
    second.restore(tmp_path)
    assert second.step == 1
    assert first.advance()["train/loss"] == second.advance()["train/loss"]


def test_a_finished_training_can_be_evaluated_without_its_optimiser_state(
    config: dict[str, Any], tmp_path: Path
) -> None:
    training = TASK.start(config, 0)
    while training.step < TASK.schedule(config).steps:
        training.advance()
    training.save(tmp_path)
    for name in TASK.resume_files:
        (tmp_path / name).unlink()
    loaded = TASK.start(config, 0)
    loaded.restore(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (one,), (two,) = (each.evaluate([config], [tmp_path / name]) for each, name in ((loaded, "a"), (training, "b")))
    assert one.metrics == two.metrics


def test_preparing_twice_writes_once(config: dict[str, Any], data_root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in data_root.rglob("*")}
    TASK.prepare(config)
    assert before == {path: path.stat().st_mtime_ns for path in data_root.rglob("*")}


def test_check_names_weights_and_data_at_once(config: dict[str, Any], tmp_path: Path) -> None:
    broken = {
        **config,
        "model": {**config["model"], "backbone": {**config["model"]["backbone"], "weights": "internet"}},
        "data": {"kind": "ytvis", "root": str(tmp_path / "nowhere"), "train_split": "train", "val_split": "val"},
    }
    places = [problem.place or problem.file for problem in TASK.check(broken)]
    assert places[0] == "model.backbone.weights"
    assert str(tmp_path / "nowhere") in places


def test_check_finds_nothing_in_a_sound_trial(config: dict[str, Any]) -> None:
    assert list(TASK.check(config)) == []


@pytest.mark.parametrize("name", ["davis-vis", "stamps-avis"])
def test_real_video_trains_and_evaluates(name: str, shared_data: Path, config: dict[str, Any], tmp_path: Path) -> None:
    settings = RcfConfig.model_validate(
        {
            "model": config["model"],
            "data": {"kind": "ytvis", "root": str(shared_data / name)},
            "input": {"height": 64, "width": 96},
            "training": {"steps": 1, "clips_per_step": 1},
        }
    ).model_dump(mode="json")
    training = TASK.start(settings, 0)
    assert math.isfinite(training.advance()["train/loss"])
    (found,) = training.evaluate([settings], [tmp_path])
    assert found.metrics["val/ap"] >= 0


def test_other_categories_in_validation_are_named_before_training(config: dict[str, Any], tmp_path: Path) -> None:
    """Predicted classes are indices into the training categories: another list would be scored in silence."""
    source = next(Path(config["data"]["root"]).iterdir())
    shutil.copytree(source, tmp_path / "set")
    annotations = tmp_path / "set" / "val" / "instances.json"
    content = json.loads(annotations.read_text())
    content["categories"].append({"id": 99, "name": "unseen"})
    annotations.write_text(json.dumps(content))
    data = {"kind": "ytvis", "root": str(tmp_path / "set"), "train_split": "train", "val_split": "val"}
    assert [problem.place for problem in TASK.check({**config, "data": data})] == ["/categories"]


def test_images_are_trained_on_and_then_a_set_of_other_categories(config: dict[str, Any], tmp_path: Path) -> None:
    stills = SyntheticConfig(train_clips=2, val_clips=1, frames=2)
    write_images(tmp_path / "coco", stills)
    first = {**config, "data": CocoConfig(root=str(tmp_path / "coco")).model_dump(mode="json")}
    assert list(TASK.check(first)) == []
    training = TASK.start(first, 0)
    training.advance()
    (tmp_path / "eval").mkdir()
    (found,) = training.evaluate([first], [tmp_path / "eval"])
    assert found.metrics["val/ap"] >= 0
    (tmp_path / "cell").mkdir()
    training.save(tmp_path / "cell")
    second = {**config, "training": {**config["training"], "start_from": str(tmp_path / "cell")}}
    assert list(TASK.check(second)) == []
    assert math.isfinite(TASK.start(second, 0).advance()["train/loss"])


def test_check_names_a_checkpoint_that_is_missing_or_of_another_network(config: dict[str, Any], tmp_path: Path) -> None:
    TASK.start(config, 0).save(tmp_path)
    start = {"training": {**config["training"], "start_from": str(tmp_path)}}
    other = {**config, **start, "model": {**config["model"], "queries": 9}}
    (problem,) = TASK.check(other)
    assert (problem.place, "model.queries: 4 there, 9 here" in problem.got) == ("training.start_from", True)
    start["training"]["start_from"] = str(tmp_path / "nowhere")
    (problem,) = TASK.check({**config, **start})
    assert (problem.place, problem.got) == ("training.start_from", "no such folder")


def test_other_truth_is_another_set_of_videos(config: dict[str, Any], tmp_path: Path) -> None:
    other = {**config, "data": {**config["data"], "seed": 5}}
    TASK.prepare(other)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (one,), (two,) = (
        TASK.start(each, 0).evaluate([each], [tmp_path / name]) for each, name in ((config, "a"), (other, "b"))
    )
    assert one.videos_digest != two.videos_digest


def test_the_time_of_a_frame_is_reported_where_it_is_asked_for(config: dict[str, Any], tmp_path: Path) -> None:
    timed = {**config, "evaluation": {**config["evaluation"], "latency_frames": 5}}
    folders = [tmp_path / "plain", tmp_path / "timed"]
    for folder in folders:
        folder.mkdir()
    plain, found = TASK.start(config, 0).evaluate([config, timed], folders)
    assert found.metrics["cost/latency_ms"] > 0
    assert "cost/latency_ms" not in plain.metrics
    assert {key: value for key, value in found.metrics.items() if key != "cost/latency_ms"} == plain.metrics
