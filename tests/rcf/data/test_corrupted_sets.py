"""Each common corruption of a data set is found by the check, with its rule and its place, and by training's reader."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from corruptions import Corruption, Split, listed, others

from rcf.data.annotations import load_annotations
from rcf.data.check import CheckOptions, SplitReport, check_set
from rcf.data.problems import Collector
from rcf.data.rules import RULES
from rcf.data.scan import AnnotationScan
from rcf.errors import InputError

LISTED, OTHERS = list(listed()), list(others())
WITHOUT_A_FILE = {"root-missing", "split-missing", "frames-folder-missing", "file-missing", "file-unreadable"}
BESIDE_THE_FILE = {"sound-missing", "sound-damaged", "categories-differ"}
"""Rules that tests of their own breach, in test_set_check.py and test_annotation_faults.py."""
DECODED = {"frame-size", "frame-damaged"}


def _check(root: Path) -> SplitReport:
    (report,) = check_set(root, ("train",), CheckOptions()).splits
    return report


def _spoiled(small_set: Any, corruption: Corruption) -> Split:
    split = Split(small_set.path, small_set.frames)
    corruption.spoil(split)
    return split


@pytest.mark.parametrize("corruption", LISTED + OTHERS, ids=str)
def test_a_corruption_is_found_with_its_rule_and_place_or_accepted(small_set: Any, corruption: Corruption) -> None:
    _spoiled(small_set, corruption)
    problems = _check(small_set.root).problems.problems
    if corruption.rule is None:
        assert problems == []
        return
    found = [(problem.rule, problem.place) for problem in problems]
    file_level = not corruption.place.startswith("/")
    assert any(
        rule == corruption.rule and (place.startswith(corruption.place) if file_level else place == corruption.place)
        for rule, place in found
    ), found


@pytest.mark.parametrize("corruption", LISTED + OTHERS, ids=str)
def test_training_refuses_what_the_table_says_and_takes_all_else(small_set: Any, corruption: Corruption) -> None:
    split = _spoiled(small_set, corruption)
    if corruption.rule is None or not RULES[corruption.rule].training or corruption.rule in DECODED:
        assert load_annotations(split.path, split.frames).videos
        return
    with pytest.raises(InputError) as caught:
        load_annotations(split.path, split.frames)
    assert corruption.rule in {problem.rule for problem in caught.value.problems}


def test_all_forty_four_are_there() -> None:
    assert {corruption.number for corruption in LISTED} == set(range(1, 45))


def test_every_rule_has_a_breach_that_a_test_makes() -> None:
    assert {each.rule for each in LISTED + OTHERS} - {None} | WITHOUT_A_FILE | BESIDE_THE_FILE == set(RULES)


def test_null_annotations_are_accepted_where_no_labels_are_needed(small_set: Any) -> None:
    small_set.path.parent.rename(small_set.root / "val")
    (small_set.root / "val" / "instances.json").write_text(json.dumps(small_set.document | {"annotations": None}))
    (report,) = check_set(small_set.root, ("val",), CheckOptions()).splits
    assert (report.problems.count, report.statistics.tracks.total()) == (0, 0)
    assert "holdout" in report.notes[0]


def test_annotations_before_videos_and_categories_are_checked_all_the_same(small_set: Any) -> None:
    small_set.document["annotations"][1]["category_id"] = 99
    names = ("annotations", "categories", "videos")
    small_set.document = {name: small_set.document[name] for name in names}
    assert small_set.problem().place == "/annotations/1/category_id"
    small_set.document["annotations"][1]["category_id"] = 3
    assert len(small_set.load().tracks) == 3


def test_a_list_that_is_missing_is_one_fault_and_not_one_for_each_id_in_it(small_set: Any) -> None:
    del small_set.document["videos"]
    assert small_set.problem().place == "/videos"


def test_what_was_found_before_a_cut_is_told_too(small_set: Any) -> None:
    small_set.document["videos"][0]["width"] = 0
    small_set.path.write_text(json.dumps(small_set.document)[:-30])
    with pytest.raises(InputError) as caught:
        load_annotations(small_set.path)
    assert [problem.rule for problem in caught.value.problems] == ["file-cut", "size-range"]


@pytest.mark.parametrize("step", range(7))
def test_wherever_a_sound_file_is_cut_it_is_called_cut(small_set: Any, step: int) -> None:
    whole = json.dumps(small_set.document | {"a": [1.5e-3, True, False, None, -1, "\u20ac"]}).encode()
    found: set[str] = set()
    for length in range(1 + step, len(whole), 7):
        small_set.path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            load_annotations(small_set.path)
        found.add(caught.value.problems[0].rule)
    assert found == {"file-cut"}


def test_memory_does_not_grow_with_the_length_of_the_file(small_set: Any) -> None:
    """One line of 32 MB, scanned in windows of 64 kB."""
    track = small_set.document["annotations"][0] | {"id": 10**6, "padding": "x" * 160_000}
    head = json.dumps({key: small_set.document[key] for key in ("videos", "categories")})[:-1]
    with small_set.path.open("w") as file:
        row = json.dumps(track)
        file.write(head + ', "annotations": [' + row)
        for number in range(1, 200):
            file.write(", " + row.replace("1000000", str(10**6 + number)))
        file.write("]}")
    assert small_set.path.stat().st_size > 32_000_000
    problems = Collector(str(small_set.path))
    tracemalloc.start()
    count = sum(1 for _ in AnnotationScan(small_set.path, problems, window=2**16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, problems.count) == (204, 0)
    assert peak < 4_000_000


def test_an_id_that_is_no_whole_number_is_one_fault_and_not_one_for_each_that_names_it(small_set: Any) -> None:
    small_set.document["videos"][0]["id"] = float(small_set.document["videos"][0]["id"])
    assert small_set.problem().place == "/videos/0/id"
