"""Every experiment loads and plans on its own base and, with the same knobs, at the scale of a CPU."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.session import open_experiment

_LISTEN = {
    "synth": ("data.sound=category", "model.audio.features=small"),
    "video": ("model.audio.features=small",),
    "synth_sound": (),
}
"""What a base needs so that the arms of table XII differ."""
_TIED = ("audio_synth", "pretrain_synth", "fine_tune_synth")
"""Experiments whose arms change the data of their own base, are a base, or start from weights of one network."""


@pytest.fixture
def movable(experiment: Path) -> Path:
    """An experiment that asks the same question on every base."""
    if experiment.stem in _TIED:
        pytest.skip(f"{experiment.stem} is about its own base")
    return experiment


def test_an_experiment_plans_on_its_own_base(experiment: Path, sets: dict[str, str], tmp_path: Path) -> None:
    session = open_experiment(experiment, [f"storage.root={tmp_path}"])
    arms = len(session.spec.arms)
    assert len(session.plan.cells) == arms * session.spec.seeds
    assert session.plan.joined == ()


@pytest.mark.parametrize("base", list(_LISTEN))
def test_an_experiment_plans_on_the_bases_for_a_cpu(
    movable: Path, base: str, sets: dict[str, str], tmp_path: Path
) -> None:
    listens = movable.stem == "table_12_audio"
    options = [f"storage.root={tmp_path}", *(_LISTEN[base] if listens else ())]
    session = open_experiment(movable, options, base=base)
    assert len({cell.eval_key for cell in session.plan.cells}) == len(session.plan.cells)


@pytest.mark.parametrize("base", ["pretrain_ytvis2019", "pretrain_ytvis2021"])
def test_the_first_stage_passes_the_check_with_its_images(
    base: str, experiments: Path, sets: dict[str, str], tmp_path: Path
) -> None:
    options = ["--set", f"storage.root={tmp_path}", "--set", "model.backbone.weights=none"]
    done = CliRunner().invoke(app, ["check", str(experiments / "table_5_token_size.yaml"), "--base", base, *options])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "ok: 12 cells\n", "")


def test_a_base_without_sound_under_audio_arms_is_refused_with_the_arms(
    experiments: Path, sets: dict[str, str], tmp_path: Path
) -> None:
    options = ["--base", "synth", "--set", f"storage.root={tmp_path}"]
    done = CliRunner().invoke(app, ["plan", str(experiments / "table_12_audio.yaml"), *options])
    assert done.exit_code == 2
    assert "arms.frames-1-audio: got the same configuration as arm 'frames-1-silent'" in done.stderr


def test_the_default_arm_is_done_in_every_table_once_it_is_done_in_one(
    experiments: Path, sets: dict[str, str], tmp_path: Path
) -> None:
    """The keys of `plan`, over data that are really there."""
    keys: list[str] = []
    for stem, arm in (("table_5_token_size", "tokens-4"), ("table_6_queries", "queries-10")):
        command = [
            "plan",
            str(experiments / f"{stem}.yaml"),
            "--json",
            "--arms",
            arm,
            "--set",
            f"storage.root={tmp_path}",
        ]
        cells = json.loads(CliRunner().invoke(app, command).stdout)["cells"]
        keys.append(cells[0]["train_key"])
    assert keys[0] == keys[1]
