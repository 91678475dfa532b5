"""COCO annotations are read as videos of one frame, and each way in which the file can be wrong is one clear error."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rcf.data.annotations import Annotations
from rcf.data.coco import load_images, with_objects
from rcf.data.runs import format_counts, mask_of_runs, parse_counts, runs_of_mask
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError, Problem

HEIGHT, WIDTH = 12, 16


@dataclass
class CocoSet:
    """Three images: polygons and a crowd, run lengths in both forms, nothing."""

    root: Path
    document: dict[str, Any]

    @property
    def path(self) -> Path:
        return self.root / "instances.json"

    def load(self) -> Annotations:
        self.path.write_text(json.dumps(self.document))
        return load_images(self.path, self.root / "images")

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(InputError) as caught:
            self.load()
        return caught.value.problems


def _square(top: int, left: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[top : top + 4, left : left + 4] = True
    return mask


def _object(number: int, image: int, category: int, segmentation: Any, crowd: int = 0) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": category, "iscrowd": crowd, "area": 16.0,
            "segmentation": segmentation, "bbox": [0, 0, 4, 4]}  # fmt: skip


@pytest.fixture
def coco_set(tmp_path: Path) -> CocoSet:
    (tmp_path / "images").mkdir()
    names = ["a.jpg", "b.jpg", "c.jpg"]
    for name in names:
        Image.new("RGB", (WIDTH, HEIGHT), "grey").save(tmp_path / "images" / name)
    runs = runs_of_mask(_square(2, 8))
    size = [HEIGHT, WIDTH]
    objects = [
        _object(1, 30, 18, [[2, 1, 6, 1, 6, 5, 2, 5]]),
        _object(2, 30, 18, {"size": size, "counts": runs.tolist()}, crowd=1),
        _object(3, 10, 1, {"size": size, "counts": format_counts(runs)}),
        _object(4, 10, 18, {"size": size, "counts": runs.tolist()}),
    ]
    images = [{"id": number, "width": WIDTH, "height": HEIGHT, "file_name": name}
              for number, name in zip((30, 10, 20), names, strict=True)]  # fmt: skip
    categories = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]
    return CocoSet(tmp_path, {"images": images, "categories": categories, "annotations": objects})


def _mask(annotations: Annotations, number: int) -> np.ndarray:
    (track,) = (track for track in annotations.tracks if track.id == number)
    rle = track.segmentations[0]
    assert rle is not None
    return mask_of_runs(parse_counts(rle["counts"]), *rle["size"])


def test_an_image_is_a_video_of_one_frame(coco_set: CocoSet) -> None:
    videos = coco_set.load().videos
    assert [(video.id, video.length, video.file_names) for video in videos] == [
        (30, 1, ("a.jpg",)), (10, 1, ("b.jpg",)), (20, 1, ("c.jpg",))]  # fmt: skip


def test_polygons_are_drawn(coco_set: CocoSet) -> None:
    assert np.array_equal(_mask(coco_set.load(), 1), _square(1, 2))


@pytest.mark.parametrize("number", [3, 4])
def test_run_lengths_are_taken_in_both_forms(coco_set: CocoSet, number: int) -> None:
    assert np.array_equal(_mask(coco_set.load(), number), _square(2, 8))


def test_several_polygons_are_one_object(coco_set: CocoSet) -> None:
    coco_set.document["annotations"][0]["segmentation"].append([10, 7, 14, 7, 14, 11, 10, 11])
    assert np.array_equal(_mask(coco_set.load(), 1), _square(1, 2) | _square(7, 10))


def test_a_crowd_is_no_target_but_stays_known(coco_set: CocoSet) -> None:
    annotations = coco_set.load()
    dataset = VideoDataset(annotations, coco_set.root / "images", HEIGHT, WIDTH, still=True)
    assert dataset.targets(0, 0).tracks.tolist() == [1]
    assert [track.iscrowd for track in annotations.tracks if track.video_id == 30] == [False, True]


def test_the_area_is_that_of_the_file_or_else_counted(coco_set: CocoSet) -> None:
    coco_set.document["annotations"][0]["area"] = 15.5
    del coco_set.document["annotations"][2]["area"]
    areas = {track.id: track.areas for track in coco_set.load().tracks}
    assert (areas[1], areas[3]) == ((15.5,), (16.0,))


def test_an_object_without_outline_has_no_mask(coco_set: CocoSet) -> None:
    coco_set.document["annotations"][0]["segmentation"] = []
    assert coco_set.load().tracks[0].segmentations == (None,)


def test_images_without_objects_or_with_crowds_alone_can_be_left_out(coco_set: CocoSet) -> None:
    coco_set.document["annotations"].pop(0)
    assert [video.id for video in with_objects(coco_set.load()).videos] == [10]


_FIELDS: list[tuple[str, Any]] = [
    ("/images/0/id", "30"), ("/images/0/width", 0), ("/images/0/height", None), ("/images/0/file_name", 5),
    ("/images/0/file_name", "../a.jpg"), ("/images/0/file_name", "none.jpg"), ("/images/1/file_name", "a.jpg"),
    ("/images/1/id", 30), ("/images/0", []), ("/categories/0/name", None), ("/categories/1/id", 18),
    ("/annotations/0/id", 2.5), ("/annotations/0/image_id", 99), ("/annotations/0/category_id", 99),
    ("/annotations/0/iscrowd", 2), ("/annotations/0/area", -1), ("/annotations/0/area", "big"),
    ("/annotations/0/segmentation", "x"), ("/annotations/0/segmentation", [[1, 2, 3]]),
    ("/annotations/2/segmentation", {"size": [16, 12], "counts": "0"}), ("/annotations/1/id", 1),
]  # fmt: skip


@pytest.mark.parametrize(("pointer", "value"), _FIELDS)
def test_a_wrong_field_is_named(coco_set: CocoSet, pointer: str, value: Any) -> None:
    place: Any = coco_set.document
    *path, last = [int(part) if part.isdigit() else part for part in pointer.split("/")[1:]]
    for part in path:
        place = place[part]
    place[last] = value
    assert pointer in [problem.place for problem in coco_set.problems()]


@pytest.mark.parametrize("name", ["images", "categories", "annotations"])
def test_a_missing_list_is_told(coco_set: CocoSet, name: str) -> None:
    del coco_set.document[name]
    assert any(problem.place == f"/{name}" for problem in coco_set.problems())


def test_boxes_without_masks_are_refused(coco_set: CocoSet) -> None:
    del coco_set.document["annotations"][0]["segmentation"]
    (problem,) = coco_set.problems()
    assert (problem.place, "Boxes" in problem.hint) == ("/annotations/0/segmentation", True)


def test_all_problems_of_the_file_come_at_once(coco_set: CocoSet) -> None:
    coco_set.document["images"][2]["width"] = 0
    coco_set.document["categories"][0]["name"] = None
    coco_set.document["annotations"][3]["segmentation"] = 5
    places = [problem.place for problem in coco_set.problems()]
    assert places == ["/categories/0/name", "/images/2/width", "/annotations/3/segmentation"]


def test_a_list_in_place_of_the_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match="images, categories and annotations"):
        load_images(tmp_path / "x.json")
