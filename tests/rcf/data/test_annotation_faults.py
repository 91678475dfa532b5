"""Each way in which an annotation file can be wrong is one clear error with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcf.data.annotations import load_annotations
from rcf.data.problems import SPELLED_OUT
from rcf.errors import InputError, Problem

FRAME = "/videos/0/file_names/1"
MASK = "/annotations/0/segmentations/0"


def _of_bytes(path: Path, content: bytes) -> Problem:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_annotations(path)
    (only,) = caught.value.problems
    assert only.file == str(path)
    return only


@pytest.mark.parametrize(
    ("content", "place", "got"),
    [
        (b"", "", "empty file"),
        (b" \n ", "", "empty file"),
        (b"<!DOCTYPE html><html>", "line 1 column 1", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "line 1 column 1", "Git LFS"),
        (b'{"videos": [\n  {"id": 1,', "line 2 column", "ends in the middle"),
        (b'{"videos": "abc', "line 1 column 12", "ends in the middle"),
        (b'{"videos": [1 2]}', "line 1 column 15", "delimiter"),
        (b'{"videos": \xff}', "byte 11", "UTF-8"),
        (b"[1, 2]", "", "a list of 2"),
        (b"[" * 100_000, "", "levels deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "", "levels deep"),
        (b"[" + b"9" * 5000 + b"]", "", "cannot be read"),
        (b'{"videos": [{"id": NaN}]}', "/videos/0/id", "nan"),
        (b'{"a/b": [1, -Infinity]}', "/a~1b/1", "-inf"),
        (b'{"a": [1e999]}', "/categories", "nothing"),
        (b'{"videos": [{"id": 1, "id": 2}]}', "/videos/0/id", "twice"),
        (b'{"a": {"x": NaN}, "a": {}}', "/a", "twice"),
    ],
)
def test_a_file_that_is_not_strict_json_is_refused(tmp_path: Path, content: bytes, place: str, got: str) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_annotations(path)
    first = caught.value.problems[0]
    assert first.file == str(path)
    assert any(problem.place.startswith(place) and got in problem.got for problem in caught.value.problems)


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_annotations(tmp_path / "none.json")


def test_a_folder_in_place_of_the_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_annotations(tmp_path)


@pytest.mark.parametrize("size", [10, 100, 300, 500])
def test_every_cut_of_a_sound_file_is_refused(small_set: Any, size: int) -> None:
    whole = json.dumps(small_set.document).encode()
    assert "ends in the middle" in _of_bytes(small_set.path, whole[:size]).got


@pytest.mark.parametrize("name", ["videos", "categories", "annotations"])
def test_a_missing_list_is_named(small_set: Any, name: str) -> None:
    del small_set.document[name]
    assert any(p.place == f"/{name}" and p.got == "nothing" for p in small_set.problems())


def test_null_annotations_are_an_error_where_tracks_are_needed(small_set: Any) -> None:
    small_set.document["annotations"] = None
    assert small_set.problem().place == "/annotations"


_FIELDS: list[tuple[str, Any]] = [
    ("/videos/0/id", "1"), ("/videos/0/id", True), ("/videos/0/id", 1.0), ("/videos/0/width", 0),
    ("/videos/0/width", -5), ("/videos/0/height", 32769), ("/videos/0/height", None), ("/videos/0/length", 4),
    ("/videos/0/length", "3"), ("/videos/0/file_names", {}), ("/videos/0", []), ("/categories/0/name", 5),
    ("/categories/0/id", None), ("/categories/1", "cat"), ("/annotations/0/id", 1.5), ("/annotations/0/iscrowd", 2),
    ("/annotations/0/iscrowd", "no"), ("/annotations/0/video_id", 99), ("/annotations/0/video_id", None),
    ("/annotations/0/category_id", 99), ("/annotations/0/category_id", "7"), ("/annotations/0/segmentations", None),
    ("/annotations/0/areas", [1.0]), ("/annotations/0/areas", "big"), ("/annotations/0/areas/1", -1),
    ("/annotations/0/areas/1", "9"), ("/annotations/0", None), (FRAME, 5),
    ("/videos/0/hard_frames", [3]), ("/videos/0/hard_frames", [True]), ("/videos/0/hard_frames", "1"),
]  # fmt: skip


def _put(document: Any, pointer: str, value: Any) -> None:
    *path, last = [int(step) if step.isdigit() else step for step in pointer.split("/")[1:]]
    for step in path:
        document = document[step]
    document[last] = value


@pytest.mark.parametrize(("pointer", "value"), _FIELDS)
def test_a_wrong_field_is_named_by_its_json_pointer(small_set: Any, pointer: str, value: Any) -> None:
    _put(small_set.document, pointer, value)
    assert pointer in [problem.place for problem in small_set.problems()]


@pytest.mark.parametrize(("rows", "id_"), [("videos", 11), ("categories", 7), ("annotations", 1)])
def test_an_id_that_is_used_twice_is_named(small_set: Any, rows: str, id_: int) -> None:
    small_set.document[rows][1]["id"] = id_
    problem = next(p for p in small_set.problems() if p.place == f"/{rows}/1/id")
    assert f"/{rows}/0" in problem.wanted


def test_a_fault_in_a_video_does_not_make_its_tracks_unknown(small_set: Any) -> None:
    small_set.document["videos"][0]["width"] = 0
    assert small_set.problem().place == "/videos/0/width"


def test_a_video_without_frames_is_refused(small_set: Any) -> None:
    small_set.document["videos"][0]["file_names"] = []
    assert any(p.place == "/videos/0/file_names" for p in small_set.problems())


def test_a_track_of_another_length_than_its_video_is_refused(small_set: Any) -> None:
    small_set.document["annotations"][0]["segmentations"].pop()
    problem = small_set.problem()
    assert (problem.place, problem.got) == ("/annotations/0/segmentations", "a list of 2")


@pytest.mark.parametrize(
    ("mask", "got"),
    [
        ({"size": [8, 6], "counts": "0"}, r"[8, 6]"),
        ({"counts": "0"}, "size nothing"),
        ({"size": [6, 8]}, "counts: null"),
        ({"size": [6, 8], "counts": 5}, "counts: 5"),
        ({"size": [6, 8], "counts": "77"}, "14 pixels"),
        ({"size": [6, 8], "counts": ""}, "0 pixels"),
        ({"size": [6, 8], "counts": "n"}, "corrupt counts"),
        ({"size": [6, 8], "counts": "é"}, "corrupt counts"),
        ({"size": [6, 8], "counts": " 1"}, "corrupt counts"),
        ({"size": [6, 8], "counts": "L"}, "corrupt counts"),
        ({"size": [6, 8], "counts": "o" * 30 + "0"}, "corrupt counts"),
        ({"size": [6, 8], "counts": [40, 4]}, "44 pixels"),
        ({"size": [6, 8], "counts": [50, -2]}, "a run of 50"),
        ({"size": [6, 8], "counts": [10, -2, 40]}, "a run of -2"),
        ({"size": [6, 8], "counts": [10.0, 38]}, "a run of 10.0"),
        ({"size": [6, 8], "counts": [10**30]}, "a run of"),
        ([[0, 0, 5]], "polygon"),
        ([[0, 0, 5, 0, 5]], "polygon"),
        ([[0, 0, 5, 0, 5, 1e9]], "coordinate"),
        ([[0, 0, 5, 0, 5, "4"]], "coordinate"),
        ([5], "polygon"),
        ("abc", "text"),
        (True, "true"),
    ],
)
def test_a_mask_that_cannot_be_right_is_refused(small_set: Any, mask: Any, got: str) -> None:
    small_set.document["annotations"][0]["segmentations"][0] = mask
    problem = small_set.problem()
    assert problem.place == MASK
    assert got in problem.got


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../b/00000.jpg", "a/../../x.jpg", "a\\00001.jpg", "a/0\0.jpg", "C:/x.jpg", "", "a/", "\ud800.jpg"],
)
def test_a_frame_name_that_could_leave_the_folder_is_refused(small_set: Any, name: str) -> None:
    small_set.document["videos"][0]["file_names"][1] = name
    assert small_set.problem().place == FRAME


def test_an_unsafe_frame_name_is_refused_without_a_frames_folder_too(small_set: Any) -> None:
    small_set.document["videos"][0]["file_names"][1] = "../x.jpg"
    small_set.path.write_text(json.dumps(small_set.document))
    with pytest.raises(InputError, match=r"\.\."):
        load_annotations(small_set.path)


def test_a_frame_that_is_not_on_disk_is_named(small_set: Any) -> None:
    (small_set.frames / "a/00001.jpg").unlink()
    problem = small_set.problem()
    assert (problem.place, "a/00001.jpg" in problem.got) == (FRAME, True)


def test_an_empty_frame_file_is_named(small_set: Any) -> None:
    (small_set.frames / "a/00001.jpg").write_bytes(b"")
    assert small_set.problem().place == FRAME


def test_a_folder_in_place_of_a_frame_is_named(small_set: Any) -> None:
    (small_set.frames / "a/00001.jpg").unlink()
    (small_set.frames / "a/00001.jpg").mkdir()
    assert "not a file" in small_set.problem().got


def _link_file(frames: Path, outside: Path) -> None:
    outside.mkdir()
    (frames / "a/00001.jpg").rename(outside / "x.jpg")
    (frames / "a/00001.jpg").symlink_to(outside / "x.jpg")


def _link_folder(frames: Path, outside: Path) -> None:
    (frames / "a").rename(outside)
    (frames / "a").symlink_to(outside)


@pytest.mark.parametrize("link", [_link_file, _link_folder])
def test_a_link_that_leaves_the_folder_is_refused(
    small_set: Any, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    link(small_set.frames, tmp_path / "outside")
    assert FRAME in [p.place for p in small_set.problems() if "leaves" in p.got]


def test_a_frame_that_is_listed_twice_is_refused(small_set: Any) -> None:
    small_set.document["videos"][1]["file_names"][0] = "a/00001.jpg"
    problem = small_set.problem()
    assert problem.place == "/videos/1/file_names/0"
    assert FRAME in problem.got


def test_a_missing_frames_folder_is_one_problem(small_set: Any) -> None:
    with pytest.raises(InputError) as caught:
        load_annotations(small_set.path, small_set.root / "none")
    (problem,) = caught.value.problems
    assert "none" in problem.got


def test_all_problems_of_a_file_are_reported_at_once_in_its_order(small_set: Any) -> None:
    small_set.document["videos"][0]["width"] = 0
    small_set.document["categories"][0]["name"] = None
    small_set.document["annotations"][2]["segmentations"][1] = 5
    places = [problem.place for problem in small_set.problems()]
    assert places == ["/videos/0/width", "/categories/0/name", "/annotations/2/segmentations/1"]


def test_beyond_fifty_problems_the_rest_is_counted(small_set: Any) -> None:
    small_set.document["categories"] += [{"id": number} for number in range(100, 180)]
    problems = small_set.problems()
    assert len(problems) == SPELLED_OUT + 1
    assert problems[-1].got == f"{80 - SPELLED_OUT} more problems"
