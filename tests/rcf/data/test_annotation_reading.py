"""A sound annotation file becomes the values that it stands for, in whichever dialect it was written."""

import json
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from rcf.data.annotations import Category, load_annotations
from rcf.data.runs import mask_of_runs, parse_counts


def _mask(rle: Any) -> np.ndarray:
    return mask_of_runs(parse_counts(rle["counts"]), *rle["size"])


def test_videos_keep_their_order_and_frames(small_set: Any) -> None:
    videos = small_set.load().videos
    assert [(video.id, video.length) for video in videos] == [(11, 3), (12, 2)]
    assert videos[1].file_names == ("b/00000.jpg", "b/00001.jpg")


def test_categories_keep_the_order_of_the_file(small_set: Any) -> None:
    assert small_set.load().categories == (Category(7, "dog"), Category(3, "cat"))


def test_an_absent_object_stays_none(small_set: Any) -> None:
    track = small_set.load().tracks[0]
    assert [rle is None for rle in track.segmentations] == [False, False, True]
    assert track.areas == (9.0, 9.0, None)


def test_a_crowd_is_marked(small_set: Any) -> None:
    assert [track.iscrowd for track in small_set.load().tracks] == [False, False, True]


def test_a_byte_order_mark_is_accepted(small_set: Any) -> None:
    small_set.path.write_bytes(b"\xef\xbb\xbf" + json.dumps(small_set.document).encode())
    assert len(load_annotations(small_set.path).tracks) == 3


@pytest.mark.parametrize("present", [True, False])
def test_a_file_without_annotations_is_accepted_where_none_are_needed(small_set: Any, present: bool) -> None:
    del small_set.document["annotations"]
    if present:
        small_set.document["annotations"] = None
    assert small_set.load(require_tracks=False).tracks == ()


def test_missing_lengths_are_counted_from_the_frames(small_set: Any) -> None:
    del small_set.document["videos"][0]["length"]
    assert small_set.load().videos[0].length == 3


def test_missing_areas_are_counted_from_the_masks(small_set: Any) -> None:
    del small_set.document["annotations"][0]["areas"]
    assert small_set.load().tracks[0].areas == (9.0, 9.0, None)


def test_stated_areas_are_kept_as_they_are(small_set: Any) -> None:
    small_set.document["annotations"][0]["areas"] = [5, 6.5, None]
    assert small_set.load().tracks[0].areas == (5.0, 6.5, None)


def test_an_empty_polygon_list_means_absent(small_set: Any) -> None:
    small_set.document["annotations"][0]["segmentations"][0] = []
    assert small_set.load().tracks[0].segmentations[0] is None


def test_a_mask_without_pixels_is_present(small_set: Any) -> None:
    small_set.document["annotations"][0]["segmentations"][0] = {"size": [6, 8], "counts": [48]}
    rle = small_set.load().tracks[0].segmentations[0]
    assert rle is not None
    assert not _mask(rle).any()


def test_uncompressed_runs_become_the_compressed_text_of_pycocotools(small_set: Any) -> None:
    runs = {"size": [6, 8], "counts": [5, 3, 10, 30]}
    small_set.document["annotations"][0]["segmentations"][0] = runs
    rle = small_set.load().tracks[0].segmentations[0]
    assert rle["counts"].encode() == coco.frPyObjects(runs, 6, 8)["counts"]


def test_several_polygons_are_drawn_as_one_mask(small_set: Any) -> None:
    polygons = [[0, 0, 3, 0, 3, 3, 0, 3], [5, 1, 7, 1, 7, 5, 5, 5]]
    small_set.document["annotations"][0]["segmentations"][0] = polygons
    rle = small_set.load().tracks[0].segmentations[0]
    assert np.array_equal(_mask(rle), coco.decode(coco.frPyObjects(polygons, 6, 8)).any(axis=2))


def test_a_link_inside_the_frames_folder_is_accepted(small_set: Any) -> None:
    (small_set.frames / "a/00001.jpg").rename(small_set.frames / "real.jpg")
    (small_set.frames / "a/00001.jpg").symlink_to(small_set.frames / "real.jpg")
    assert small_set.load().videos[0].length == 3


def test_a_linked_frames_folder_is_accepted(small_set: Any) -> None:
    link = small_set.root / "linked"
    link.symlink_to(small_set.frames)
    assert load_annotations(small_set.path, link).videos[0].length == 3
