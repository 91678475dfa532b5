"""From a configuration to its data: videos, videos with images, images alone; and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rcf.config import AugmentConfig, CocoConfig, FrameSizeConfig, ImagesConfig, RcfConfig, TrainingConfig
from rcf.config import YoutubeVisConfig as Videos
from rcf.data.clip_plan import ClipPlan
from rcf.data.mixture import Mixture
from rcf.data.opening import data_problems, open_training, open_validation
from rcf.data.sampling import sample_clips
from rcf.errors import InputError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three images in COCO's layout, equal in both splits: a dog, a cup, nothing."""
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = [{"id": number, "width": 48, "height": 40, "file_name": f"{number}.jpg"} for number in (1, 2, 3)]
    outline = [[8, 8, 40, 8, 40, 32, 8, 32]]
    objects = [
        {"id": number, "image_id": number, "category_id": number, "iscrowd": 0, "segmentation": outline}
        for number in (1, 2)
    ]
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cup"}]
    document = {"images": rows, "categories": categories, "annotations": objects}
    for split in ("train2017", "val2017"):
        (root / split).mkdir()
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(document))
        for row in rows:
            pixels = rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / str(row["file_name"]))
    return root


@pytest.fixture
def videos(small_set: Any) -> Path:
    """The set of conftest.py, with a validation split that is equal to the training split."""
    (small_set.root / "val").symlink_to(small_set.root / "train")
    return small_set.root


def _stills(images: Path, **changes: Any) -> ImagesConfig:
    options = {"root": str(images), "annotations": "annotations/instances_train2017.json", "images": "train2017"}
    return ImagesConfig(**(options | changes))


def _config(data: Videos | CocoConfig, **augment: Any) -> RcfConfig:
    training = TrainingConfig(clips_per_step=4, augment=AugmentConfig(**augment))
    return RcfConfig(data=data, input=FrameSizeConfig(height=32, width=64), training=training)


def test_videos_alone_are_one_pool_of_videos(videos: Path) -> None:
    source = open_training(_config(Videos(root=str(videos))))
    assert [(pool.count, pool.still) for pool in source.pools] == [(2, False)]


def test_images_join_the_videos_under_their_categories(videos: Path, images: Path) -> None:
    source = open_training(_config(Videos(root=str(videos), images=_stills(images, share=0.25))))
    assert isinstance(source, Mixture)
    assert [(pool.count, pool.share, pool.still) for pool in source.pools] == [(2, 0.75, False), (1, 0.25, True)]
    # Category ids of the videos are 3 and 7, "dog" is the second.
    assert source.targets(2, 0).labels.tolist() == [1]


def test_images_without_an_object_of_the_videos_categories_are_left_out(videos: Path, images: Path) -> None:
    source = open_training(_config(Videos(root=str(videos), images=_stills(images))))
    assert [video.file_names for video in source.videos[2:]] == [("1.jpg",)]


def test_a_joint_training_has_batches_of_both(videos: Path, images: Path) -> None:
    config = _config(Videos(root=str(videos), images=_stills(images)))
    source, plan = open_training(config), ClipPlan.of(config)
    batches = [sample_clips(source, plan, 0, step) for step in range(4)]
    assert {batch.frames.shape for batch in batches} == {(4, 2, 3, 32, 64)}


def test_images_alone_are_trained_on_as_moving_clips(images: Path) -> None:
    source = open_training(_config(CocoConfig(root=str(images))))
    assert [(pool.count, pool.still) for pool in source.pools] == [(2, True)]


def test_every_image_of_a_validation_split_is_scored_as_a_video_of_one_frame(images: Path) -> None:
    dataset = open_validation(_config(CocoConfig(root=str(images))))
    assert [video.length for video in dataset.videos] == [1, 1, 1]
    assert dataset.frame(0, 0).shape == (3, 32, 64)


def test_validation_frames_are_never_kept_larger_than_the_network_sees_them(videos: Path) -> None:
    dataset = open_validation(_config(Videos(root=str(videos)), short_sides=[64, 96], crop=0.5))
    assert dataset.frame(0, 0).shape == (3, 32, 64)


def test_sound_data_have_no_problems(videos: Path, images: Path) -> None:
    assert data_problems(_config(Videos(root=str(videos), images=_stills(images)))) == []
    assert data_problems(_config(CocoConfig(root=str(images)))) == []


def test_faults_of_both_splits_and_of_the_images_come_at_once(videos: Path, images: Path) -> None:
    (videos / "val").unlink()
    (images / "train2017" / "1.jpg").unlink()
    problems = data_problems(_config(Videos(root=str(videos), images=_stills(images))))
    assert [problem.place for problem in problems] == ["", "/images/0/file_name"]


def test_an_unknown_category_map_is_told_before_training(videos: Path, images: Path) -> None:
    (problem,) = data_problems(_config(Videos(root=str(videos), images=_stills(images, category_map="coco"))))
    assert problem.file == "data.images.category_map"


def test_images_in_which_there_is_nothing_to_learn_are_refused(images: Path) -> None:
    path = images / "annotations" / "instances_train2017.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"annotations": []}))
    assert [problem.got for problem in data_problems(_config(CocoConfig(root=str(images))))] == [
        "no image with an object"]  # fmt: skip
    with pytest.raises(InputError, match="no image with an object"):
        open_training(_config(CocoConfig(root=str(images))))


def test_other_categories_in_the_validation_images_are_told(images: Path) -> None:
    path = images / "annotations" / "instances_val2017.json"
    document = json.loads(path.read_text())
    document["categories"][1]["name"] = "mug"
    path.write_text(json.dumps(document))
    assert [problem.place for problem in data_problems(_config(CocoConfig(root=str(images))))] == ["/categories"]


def test_a_damaged_frame_is_named_with_its_number_and_its_video(videos: Path) -> None:
    path = videos / "train" / "JPEGImages" / "a" / "00001.jpg"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError) as caught:
        open_training(_config(Videos(root=str(videos)))).frame(0, 1)
    (problem,) = caught.value.problems
    assert (problem.file, problem.place) == (str(path), "frame 1 of video 11")


def test_frames_are_kept_within_the_budget_of_the_configuration(videos: Path) -> None:
    source = open_training(_config(Videos(root=str(videos))))
    assert not isinstance(source, Mixture)
    assert source._frames.budget == 2048 * 2**20


def test_hard_frames_are_scored_only_where_the_validation_file_lists_some(videos: Path) -> None:
    config = _config(Videos(root=str(videos)))
    hard = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"frames": "hard"})})
    (problem,) = data_problems(hard)
    assert "hard_frames" in problem.place
    assert data_problems(config) == []
