"""An experiment that a cluster would read in another way is refused before it is sent."""

from pathlib import Path

import pytest

from rcflab.cluster.portable import arguments, portable
from rcflab.cluster.sent_files import sent_files
from rcflab.errors import InputError


def experiment(folder: Path, text: str) -> Path:
    path = folder / "tried.yaml"
    path.write_text(text)
    return path


def real(folder: Path, root: str, storage: str = "/shared/runs", tracking: str = "auto") -> Path:
    return experiment(
        folder,
        f"""
name: tried
baseline: a
arms: {{a: {{}}}}
model: {{backbone: {{weights: none}}}}
data: {{kind: ytvis, root: {root}}}
storage: {{root: {storage}}}
tracking: {{uri: "{tracking}"}}
""",
    )


def test_what_a_cluster_must_have_is_read_as_it_will_read_it(tmp_path: Path) -> None:
    found = portable(sent_files(real(tmp_path, "/data/videos", tracking="http://mlflow:5000")))
    assert (found.name, found.storage) == ("tried", "/shared/runs")
    assert (found.tracking, found.data) == ("http://mlflow:5000", ("/data/videos",))


def test_a_file_below_the_storage_is_no_address(tmp_path: Path) -> None:
    assert portable(sent_files(real(tmp_path, "/data/videos"))).tracking is None


def test_relative_paths_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        portable(sent_files(real(tmp_path, "videos", storage="runs")))
    assert [(each.place, each.got) for each in caught.value.problems] == [
        ("storage.root", "runs"), ("data.root", "videos"),
    ]  # fmt: skip
    assert all(
        "absolute path" in str(problem) and "rcflab-sent" not in str(problem) for problem in caught.value.problems
    )


def test_an_option_makes_a_path_absolute(tmp_path: Path) -> None:
    sent = sent_files(real(tmp_path, "videos", storage="runs"))
    found = portable(sent, ["storage.root=/shared", "data.root=/data"])
    assert (found.storage, found.data) == ("/shared", ("/data",))


def test_options_are_handed_on_as_they_were_given() -> None:
    assert arguments(["a=1", "b=c d"], "x,y", 3, "synth") == [
        "--set", "a=1", "--set", "b=c d", "--arms", "x,y", "--seeds", "3", "--base", "synth",
    ]  # fmt: skip
    assert arguments([], None, None, None) == []


def test_addresses_of_stores_mean_the_same_everywhere(tmp_path: Path) -> None:
    found = portable(sent_files(real(tmp_path, "s3://bucket/avis", "s3://bucket/runs")))
    assert (found.storage, found.data) == ("s3://bucket/runs", ("s3://bucket/avis",))
