"""A training set split in two: disjoint, complete, the same for everybody, rows and frames as they were."""

import json
import random
from pathlib import Path
from typing import Any

import foreign_sets as foreign  # type: ignore[import-not-found]
import numpy as np
import pytest

from rcf.data.annotations import load_annotations
from rcf.data.check import CheckOptions, check_set
from rcf.data.holdout import HoldoutReport, hold_out
from rcf.errors import InputError


def run(root: Path, out: Path, share: float = 0.3, seed: int = 0, stored: Path | None = None) -> HoldoutReport:
    return hold_out(root, "train", out, share, seed, stored, copy=False, progress=lambda what: lambda done, total: None)


def make(root: Path, videos: int = 10, lone: bool = False) -> dict[str, Any]:
    """Videos of two frames with a cat, a dog or both, sounds and a field of their own; `lone`: one bird."""
    document: dict[str, Any] = {"info": {"year": 1}, "videos": [], "annotations": [],
                                "categories": [*map(dict, foreign.CATEGORIES), {"id": 11, "name": "bird"}]}  # fmt: skip
    for number in range(1, videos + 1):
        names = [f"clip{number}/{t}.jpg" for t in (0, 1)]
        for name in names:
            foreign.write_frame(root / "train/JPEGImages" / name, 4, 6)
        foreign.write_sound(root / "train/Audio" / f"clip{number}.wav")
        document["videos"].append({"id": number, "width": 6, "height": 4, "length": 2, "file_names": names,
                                   "weather": "rain", "audio_file": f"clip{number}.wav"})  # fmt: skip
        seen = [(4,), (9,), (4, 9)][number % 3] + ((11,) if lone and number == 5 else ())
        for category in seen:
            masks = np.random.default_rng([number, category]).random((2, 4, 6)) < 0.5
            row = foreign.track(len(document["annotations"]) + 1, number, category, masks)
            document["annotations"].append(row | {"cutout": "x"})
    write(root, document)
    return document


def write(root: Path, document: dict[str, Any]) -> None:
    (root / "train/instances.json").write_text(json.dumps(document))


def names_in(out: Path, part: str) -> set[str]:
    read = load_annotations(out / part / "instances.json", out / part / "JPEGImages")
    return {video.file_names[0].split("/")[0] for video in read.videos}


def test_parts_are_disjoint_and_complete(tmp_path: Path) -> None:
    make(tmp_path / "set")
    run(tmp_path / "set", tmp_path / "out")
    train, val = names_in(tmp_path / "out", "train"), names_in(tmp_path / "out", "val")
    assert (train & val, train | val) == (set(), {f"clip{n}" for n in range(1, 11)})


def test_both_parts_pass_the_check(tmp_path: Path) -> None:
    make(tmp_path / "set")
    run(tmp_path / "set", tmp_path / "out")
    assert check_set(tmp_path / "out", ["train", "val"], CheckOptions()).sound


def test_rows_are_those_of_the_source(tmp_path: Path) -> None:
    document = make(tmp_path / "set")
    run(tmp_path / "set", tmp_path / "out")
    parts = [json.loads((tmp_path / "out" / part / "instances.json").read_text()) for part in ("train", "val")]
    for key in ("videos", "annotations"):
        assert sorted((row for part in parts for row in part[key]), key=lambda row: row["id"]) == document[key]
    assert parts[0]["categories"] == parts[1]["categories"] == document["categories"]


def test_frames_and_sounds_are_the_same_files(tmp_path: Path) -> None:
    make(tmp_path / "set")
    run(tmp_path / "set", tmp_path / "out")
    (one, *_) = sorted(names_in(tmp_path / "out", "val"))
    for name in (f"JPEGImages/{one}/0.jpg", f"Audio/{one}.wav"):
        assert (tmp_path / "set/train" / name).samefile(tmp_path / "out/val" / name)


@pytest.mark.parametrize("seed", range(3))
def test_a_shuffled_file_with_other_ids_is_split_alike(tmp_path: Path, seed: int) -> None:
    document = make(tmp_path / "set")
    first = run(tmp_path / "set", tmp_path / "one").holdout
    rng = random.Random(seed)
    numbers = {video["id"]: 500 - video["id"] for video in document["videos"]}
    for key in ("videos", "annotations", "categories"):
        rng.shuffle(document[key])
    for video in document["videos"]:
        video["id"] = numbers[video["id"]]
    for number, row in enumerate(document["annotations"]):
        row.update(id=number + 70, video_id=numbers[row["video_id"]], category_id=row["category_id"] + 20)
    for category in document["categories"]:
        category["id"] += 20
    write(tmp_path / "set", document)
    assert run(tmp_path / "set", tmp_path / "other").holdout == first


def test_another_mask_changes_the_digest(tmp_path: Path) -> None:
    document = make(tmp_path / "set")
    before = run(tmp_path / "set", tmp_path / "one").contents.digest
    document["annotations"][3]["segmentations"][1] = None
    write(tmp_path / "set", document)
    assert run(tmp_path / "set", tmp_path / "other").contents.digest != before


def test_a_stored_list_gives_the_same_parts(tmp_path: Path) -> None:
    make(tmp_path / "set")
    first = run(tmp_path / "set", tmp_path / "one", 0.4, 7).holdout
    assert run(tmp_path / "set", tmp_path / "other", stored=tmp_path / "one/holdout.json").holdout == first


def test_a_list_of_other_contents_is_refused_with_all_that_differs(tmp_path: Path) -> None:
    make(tmp_path / "set")
    run(tmp_path / "set", tmp_path / "one")
    stored = json.loads((tmp_path / "one/holdout.json").read_text())
    moved = stored["train"].pop()
    stored["val"] += ["nowhere", stored["val"][0]]
    (tmp_path / "list.json").write_text(json.dumps(stored | {"source": "0" * 64}))
    with pytest.raises(InputError) as caught:
        run(tmp_path / "set", tmp_path / "other", stored=tmp_path / "list.json")
    got = [problem.got for problem in caught.value.problems]
    assert got == ["0" * 60, "'nowhere', which the set does not have", f"{stored['val'][0]!r} a second time",
                   f"no {moved!r}"]  # fmt: skip
    assert not (tmp_path / "other").exists()


def test_a_category_of_one_video_stays_in_training(tmp_path: Path) -> None:
    make(tmp_path / "set", lone=True)
    report = run(tmp_path / "set", tmp_path / "out")
    assert (report.lone, "clip5" in report.holdout.train) == (("bird",), True)


def test_a_set_that_cannot_be_split_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "set", videos=1)
    with pytest.raises(InputError, match="1 training and 0 validation videos"):
        run(tmp_path / "set", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_faults_of_the_source_stop_it(tmp_path: Path) -> None:
    document = make(tmp_path / "set")
    document["annotations"][0]["category_id"] = 99
    write(tmp_path / "set", document)
    with pytest.raises(InputError, match="/annotations/0/category_id"):
        run(tmp_path / "set", tmp_path / "out")
