"""Experiments say what they are, name no folder of anyone's, and have an arm for each row of the paper's network."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.identity import Fingerprints, train_key
from rcflab.load import LoadedExperiment, load_experiment
from rcflab.paper import paper_tables

Load = Callable[..., LoadedExperiment]
_PRINTS = Fingerprints("", "", "")


def test_an_experiment_opens_with_question_run_cost_and_expect(experiment: Path) -> None:
    head = [line for line in experiment.read_text().splitlines() if line.startswith("#")]
    words = re.findall(r"^# (Question|Run|Cost|Expect): ", "\n".join(head), re.MULTILINE)
    assert words == ["Question", "Run", "Cost", "Expect"]


def test_an_experiment_is_called_like_its_file(experiment: Path, load: Load) -> None:
    assert load(experiment).spec.name.replace("-", "_") == experiment.stem


def test_the_readme_lists_every_experiment_and_base(experiments: Path) -> None:
    page = (experiments / "README.md").read_text()
    files = [path.relative_to(experiments).as_posix() for path in experiments.rglob("*.yaml")]
    assert [name for name in files if f"]({name})" not in page] == []


def test_each_row_of_the_papers_network_is_an_arm(experiment: Path, load: Load) -> None:
    spec = load(experiment).spec
    if spec.table.paper is None:
        pytest.skip("repeats no table of the paper")
    table = paper_tables()[spec.table.paper]
    rows = [row.arm for row in table.rows if row.arm]
    assert sorted(rows or spec.arms) == sorted(spec.arms)


def test_each_table_of_the_paper_has_its_experiment(experiments: Path, load: Load) -> None:
    files = sorted(experiments.glob("table_*.yaml"))
    numbers = {int(path.stem.split("_")[1]): load(path).spec.table.paper for path in files}
    roman = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 11: "XI", 12: "XII"}
    assert {number: paper_tables()[name or ""].number for number, name in numbers.items()} == roman
    assert {load(path).spec.table.paper for path in files} == set(paper_tables())


def test_bases_name_data_by_variables_only(experiments: Path) -> None:
    roots = [
        line.strip()
        for path in (experiments / "base").glob("*.yaml")
        for line in path.read_text().splitlines()
        if "root:" in line and not line.startswith("#")
    ]
    assert roots
    assert [line for line in roots if not re.search(r'root: "\$\{env:RCF_[A-Z0-9]+\}"', line)] == []


def test_the_default_network_is_one_training_in_all_tables_that_have_it(experiments: Path, load: Load) -> None:
    arms = {
        "table_1_ytvis2019": "resnet-101",
        "table_3_reference_frames": "frames-1",
        "table_4_fusion": "rcf",
        "table_5_token_size": "tokens-4",
        "table_6_queries": "queries-10",
        "table_8_pixel_weight": "weight-on",
        "open_choices": "as-chosen",
        "identity_rules": "slot",
    }
    configs = [load(experiments / f"{stem}.yaml").configs[arm] for stem, arm in arms.items()]
    assert len({train_key("rcf", config, 0, _PRINTS) for config in configs}) == 1


def test_arms_of_table_7_differ_in_supervision_alone(experiments: Path, load: Load) -> None:
    off, on = (json.dumps(config) for config in load(experiments / "table_7_order_supervision.yaml").configs.values())
    assert off.replace('"order_supervision": false', '"order_supervision": true') == on


@pytest.mark.parametrize("year", ["2019", "2021"])
def test_the_first_stage_differs_from_the_second_in_the_images_alone(year: str, experiments: Path, load: Load) -> None:
    experiment = experiments / "table_5_token_size.yaml"
    joint, videos = (load(experiment, base).configs["tokens-4"] for base in (f"pretrain_ytvis{year}", f"ytvis{year}"))
    without: dict[str, Any] = {**joint, "data": {**joint["data"], "images": None}}
    assert without == videos
    assert joint["data"]["images"]["category_map"] == f"coco_ytvis{year}"


def test_the_hold_out_of_the_readme_loses_no_video_and_doubles_none(sets: dict[str, str]) -> None:
    folder = Path(sets["RCF_YTVIS2019"])
    whole, fit, holdout = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("instances", "fit", "holdout")
    )
    for kind in ("videos", "annotations"):
        parts = [[each["id"] for each in part[kind]] for part in (fit, holdout)]
        assert sorted(parts[0] + parts[1]) == sorted(each["id"] for each in whole[kind])
    assert len(holdout["videos"]) == 3
    assert {track["video_id"] for track in holdout["annotations"]} <= {video["id"] for video in holdout["videos"]}


def test_the_second_stage_of_the_readme_starts_each_arm_from_its_own_weights(
    experiments: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (experiments / "README.md").read_text().split("python -c '\n")[1].split("'")[0]
    cells = [{"arm": arm, "seed": 0, "checkpoint": f"/runs/{arm}"} for arm in ("tokens-1", "tokens-4")]
    command = [sys.executable, "-c", program]
    said = subprocess.run(
        command, input=json.dumps({"cells": cells}), text=True, capture_output=True, check=True
    ).stdout
    options = [word for word in said.split() if word != "--set"]
    monkeypatch.setenv("RCF_YTVIS2019", "/not/there")
    configs = load_experiment(experiments / "table_5_token_size.yaml", options).configs
    starts = {arm: config["training"]["start_from"] for arm, config in configs.items()}
    assert starts == {"tokens-1": "/runs/tokens-1", "tokens-4": "/runs/tokens-4", "tokens-16": "", "tokens-64": ""}
