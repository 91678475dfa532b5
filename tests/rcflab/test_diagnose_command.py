"""`rcflab diagnose` on a small network: the page says what was measured and no more, and bad input is one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from rcf.config import SyntheticConfig
from rcf.data.synthetic import write_synthetic
from rcflab.cli import app
from rcflab.track.mlflow_client import MlflowStore

QUICK = ["--strides", "2", "--points", "3"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, small_cell: Callable[..., Path]) -> Path:
    """A folder with videos and a cell."""
    root = tmp_path_factory.mktemp("lab")
    small_cell(root)
    return root


@pytest.fixture(scope="module")
def page(lab: Path) -> tuple[Result, str]:
    """The command on the network and on the same one untrained, and its page."""
    output = lab / "out" / "page.html"
    result = run(lab, "--untrained", "-o", str(output))
    assert result.exit_code == 0, result.output
    return result, output.read_text()


def run(lab: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["diagnose", "-c", f"small={lab / 'cell'}", *QUICK, *more])


def test_one_page_has_all_networks_side_by_side_and_each_by_itself(page: tuple[Result, str]) -> None:
    _, text = page
    assert re.findall(r"<h1>(.*?)</h1>", text) == ["Order of slots and smoothness", "small", "untrained"]
    for heading in ("What was found", "Side by side", "Order against ground truth", "Identity rules side by side",
                    "Lipschitz constants", "Attention (figures 4 and 8 of the paper)"):  # fmt: skip
        assert heading in text
    assert "all weights random (seed 0)" in text


def test_the_page_asks_nobody_for_anything(page: tuple[Result, str]) -> None:
    _, text = page
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)


def test_only_the_true_bound_is_said_to_certify(page: tuple[Result, str]) -> None:
    _, text = page
    said = re.sub(r"<[^>]+>", "\n", text)
    lines = [line for line in said.splitlines() if "certif" in line.lower()]
    assert lines
    assert all("bound" in line.lower() for line in lines)
    rest = said.replace("this is an observation on these pairs, not a guarantee", "")
    assert not re.search(r"\b(prove|guarantee|is Lipschitz)", rest)
    assert "It certifies 0 of" in said or "There is no Lipschitz bound" in said


def test_what_is_printed_is_what_the_page_says(page: tuple[Result, str], lab: Path) -> None:
    result, _ = page
    lines = result.stdout.splitlines()
    assert lines[0] == "small:" and lines[-1] == str(lab / "out" / "page.html")
    assert any("Lipschitz bound: 10^" in line for line in lines)


def test_pairs_are_beside_the_page_and_nothing_is_nan(page: tuple[Result, str], lab: Path) -> None:
    assert page
    for place, name in ((1, "small"), (2, "untrained")):
        rows = pandas.read_parquet(lab / "out" / f"page-pairs-{place}-{name}.parquet")
        assert len(rows) == 3 * 3
        assert rows["d_out_both"].notna().all()
        objects = pandas.read_parquet(lab / "out" / f"page-objects-{place}-{name}.parquet")
        assert objects["adjacent"].sum() == (rows["kept"] + rows["changed"]).sum()
        assert (objects["adjacent"] & ~objects["kept_slot"]).sum() == rows["changed"].sum()
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page[1]).lower()


def test_numbers_for_programs_hold_every_stride_and_rule(lab: Path, tmp_path: Path) -> None:
    result = run(lab, "--json", "-o", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["small"]
    assert list(found["curve"]) == ["1", "2", "shuffled"]
    assert [found["curve"][name]["pairs"] for name in found["curve"]] == [9, 3, 9]
    assert set(found["identity_rules"]) == {"slot", "slot_iou", "cosine", "oracle"}
    assert found["metrics"]["lipschitz/bound_log10"] > 0
    assert found["auc"]["pairs"] >= found["auc_with_jacobian"]["pairs"]


def test_the_same_command_writes_the_same_bytes(page: tuple[Result, str], lab: Path, tmp_path: Path) -> None:
    again = tmp_path / "page.html"
    assert run(lab, "--untrained", "-o", str(again)).exit_code == 0
    assert again.read_text() == page[1], "nothing of the machine or of the time is in it"


def test_other_data_is_taken_where_it_is_asked_for(lab: Path, tmp_path: Path) -> None:
    write_synthetic(tmp_path / "other", SyntheticConfig(train_clips=1, val_clips=1, frames=2))
    result = run(lab, "--data", str(tmp_path / "other"), "--json", "-o", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["small"]["curve"]["1"]["pairs"] == 1


def odd_set(root: Path) -> Path:
    """A video of one frame, one without objects, and one whose frames are all the same."""
    write_synthetic(root, SyntheticConfig(train_clips=1, val_clips=3, frames=4))
    file = root / "val" / "instances.json"
    content = json.loads(file.read_text())
    short, empty, still = content["videos"]
    kept = [track for track in content["annotations"] if track["video_id"] != empty["id"]]
    for track in kept:
        if track["video_id"] == short["id"]:
            track |= {name: values[:1] for name, values in track.items() if isinstance(values, list) and name != "bbox"}
            track["bboxes"] = track["bboxes"][:1]
    short |= {"file_names": short["file_names"][:1], "length": 1}
    frames = [root / "val" / "JPEGImages" / name for name in still["file_names"]]
    for frame in frames[1:]:
        frame.write_bytes(frames[0].read_bytes())
    kept = [track for track in kept if any(track["segmentations"])]
    file.write_text(json.dumps({**content, "annotations": kept}))
    return root


@pytest.mark.parametrize(("queries", "threshold"), [(4, 0.1), (1, 0.1), (4, 1.0)])
def test_odd_videos_one_slot_and_no_fired_slot_have_a_page_and_finite_numbers(
    tmp_path: Path, small_cell: Callable[..., Path], queries: int, threshold: float
) -> None:
    network, output = small_cell(tmp_path, queries, threshold), tmp_path / "page.html"
    data = odd_set(tmp_path / "odd")
    options = ["-c", str(network), "--data", str(data), *QUICK, "--json", "-o", str(output)]
    result = CliRunner().invoke(app, ["diagnose", *options])
    assert result.exit_code == 0, result.output
    assert not re.search("NaN|Infinity", result.stdout)
    (found,) = json.loads(result.stdout).values()
    # Three pairs each of the video without objects and of the still one; a still pair has no secant.
    assert found["curve"]["1"]["pairs"] == 6
    assert ("lipschitz/swap_ratio" in found["metrics"]) <= (queries > 1 and threshold < 1)
    assert found["metrics"]["lipschitz/secant_mean"] > 0
    assert "nan" not in re.sub(r"base64,[^\"]*", "", output.read_text()).lower()


def test_weights_that_are_not_finite_are_named_and_no_page_is_written(lab: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    source = lab / "cell" / "checkpoints" / "step-00000001"
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "weights.safetensors")
    weights["decoder.norm.weight"] = torch.full_like(weights["decoder.norm.weight"], float("nan"))
    save_file(weights, folder / "weights.safetensors")
    output = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["diagnose", "-c", str(folder), *QUICK, "-o", str(output)])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1 and "NaN" in result.stderr
    assert not output.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--strides", "1,2"], "--strides"),
        (["--strides", "two"], "--strides"),
        (["-c", "nowhere"], "no such folder"),
        (["--run", "abc"], "--tracking"),
        (["--data", "nowhere"], "nowhere"),
        (["--split", "train"], "--data"),
        (["--device", "no-such-thing"], "--device"),
    ],
)
def test_bad_input_is_one_line(lab: Path, tmp_path: Path, more: list[str], said: str) -> None:
    output = tmp_path / "page.html"
    result = run(lab, "-o", str(output), *more)
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1 and said in result.stderr
    assert not output.exists()


@pytest.mark.parametrize("more", [["-c", "small=CELL"], ["-c", "untrained=CELL", "--untrained"]])
def test_two_networks_of_one_name_are_refused(lab: Path, more: list[str]) -> None:
    result = run(lab, *(each.replace("CELL", str(lab / "cell")) for each in more))
    assert result.exit_code == 2 and "the name of two networks" in result.stderr


def test_a_page_that_cannot_be_written_is_known_before_anything_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for output, code in ((tmp_path, 2), (file / "page.html", 74)):
        result = CliRunner().invoke(app, ["diagnose", "-c", "nowhere", "-o", str(output)])
        assert result.exit_code == code, result.output
        assert "no such folder" not in result.stderr


def test_a_run_of_mlflow_stands_for_its_checkpoint_and_gets_the_page(lab: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowStore(uri).client
    experiment = client.create_experiment("tried", artifact_location=(tmp_path / "artifacts").as_uri())
    tags = {"rcflab.checkpoint": (lab / "cell" / "checkpoints" / "step-00000001").as_uri()}
    mine = client.create_run(experiment, tags=tags, run_name="arm seed 0").info.run_id
    other = client.create_run(experiment, run_name="parent").info.run_id
    options = ["--tracking", uri, "--strides", "", "--points", "0", "-o", str(tmp_path / "page.html")]

    result = CliRunner().invoke(app, ["diagnose", "--run", mine, *options])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("arm seed 0:")
    assert {each.path.removeprefix("diagnosis/") for each in client.list_artifacts(mine, "diagnosis")} == {
        "page.html", "page-pairs-1-arm_seed_0.parquet", "page-objects-1-arm_seed_0.parquet",
    }  # fmt: skip
    for run_id, said in ((other, "no checkpoint"), ("0" * 32, "a run of this store")):
        result = CliRunner().invoke(app, ["diagnose", "--run", f"name={run_id}", *options])
        assert result.exit_code == 2 and said in result.stderr, result.output


def test_nothing_to_diagnose_is_said_before_anything_is_loaded() -> None:
    result: Any = CliRunner().invoke(app, ["diagnose"])
    assert result.exit_code == 2 and "--checkpoint" in result.stderr
