"""What stands beside a table: tests over seeds in words where they cannot be, power, t-tests with their unit, looks."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS
from rcflab.ablation import AblationTable
from rcflab.cli import app
from rcflab.collect import ResultSet
from rcflab.errors import InputError
from rcflab.ledger.fold import KeyState
from rcflab.load import load_experiment
from rcflab.match_records import category_scores, resampled_scores
from rcflab.metrics import METRICS
from rcflab.rcf_records import RESAMPLING
from rcflab.records import Cell, CellResult, RunPlan
from rcflab.report.files import render, write_tables
from rcflab.report.statistics import render_statistics
from rcflab.session import LedgerView, open_experiment
from rcflab.stats.power import seeds_needed, smallest_gap
from rcflab.stats.t_test import t_test
from rcflab.tables import build_table
from rcflab.unit_tests import arm_tests

Write = Callable[..., Path]
YAML = """
name: stats
task: toy
baseline: plain
seeds: {seeds}
data: {{videos: 60}}
table: {{resamples: 200{table}}}
arms:
  plain: {{}}
  fast: {{training.lr: 0.2}}
"""


@pytest.fixture
def make(experiment: Write, ledger_state: Callable[..., KeyState]) -> Callable[..., AblationTable]:
    """(seeds, more of the table's fields, more of the file) -> a table of made-up records."""

    def made(seeds: int, table: str = "", more: str = "") -> AblationTable:
        session = open_experiment(experiment(YAML.format(seeds=seeds, table=table) + more))
        keys: dict[str, KeyState] = {}
        for cell in session.plan.cells:
            rng = np.random.default_rng([cell.seed, len(cell.arm)])
            gain = 0.2 if cell.arm == "fast" else 0.0
            distance = np.exp(rng.normal(0, 0.2, 60)) - gain + rng.normal(0, 0.05)
            path = session.storage / "cells" / "x" / "eval" / cell.eval_key / "records.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, distance=distance, threshold=np.array(1.0))
            values = {"toy/score": float(100 * np.exp(-distance).mean()), "toy/distance": float(distance.mean())}
            keys[cell.train_key] = ledger_state({cell.eval_key: values}, code=session.provenance.code_digest)
        return build_table(session, LedgerView(keys, {}))

    return made


def _fast(table: AblationTable) -> dict[str, Any]:
    return json.loads(render(table, "json"))["comparisons"]["arms"][0]


def test_exact_tests_over_few_seeds_are_words_and_no_number(make: Callable[..., AblationTable]) -> None:
    table = make(3)
    over = _fast(table)["over_seeds"]
    assert over["sign_flip"] == {"method": "sign-flip", "n": 3, "p": None, "refusal": "not testable (n=3)"}
    assert over["effect_size"] is None
    assert render_statistics(table).count("not testable (n=3)") == 2
    assert "Exact tests over seeds: not testable (n=3)." in render(table, "md")


def test_exact_tests_over_enough_seeds_are_numbers(make: Callable[..., AblationTable]) -> None:
    table = make(8)
    over = _fast(table)["over_seeds"]
    assert over["sign_flip"]["p"] == over["wilcoxon"]["p"] == 2 / 2**8
    assert over["effect_size"] == pytest.approx(1.632, abs=1e-3)
    assert "not testable" not in render(table, "md") + render_statistics(table)


def test_power_of_a_table_is_that_of_its_spread(make: Callable[..., AblationTable]) -> None:
    fast = _fast(make(4))
    over = fast["over_seeds"]
    needed = seeds_needed(abs(fast["difference"]), over["sd"], 4)
    assert over["power"]["seeds_for_this_gap"] == {
        "seeds": needed.seeds, "at_least": needed.at_least, "at_most": needed.at_most,
    }  # fmt: skip
    assert over["power"]["least_gap"] == smallest_gap(4, over["sd"], fast["video_variance"])
    assert over["sd"] == pytest.approx(math.sqrt(4 * fast["seed_variance"]))


def test_a_floor_that_the_videos_do_not_tell_is_a_dash_with_its_reason(make: Callable[..., AblationTable]) -> None:
    table = make(4)
    compared = table.comparisons
    assert compared is not None
    (arm,) = compared.arms
    over = arm.over_seeds
    assert over is not None

    def said(floor: float) -> str:
        line = dataclasses.replace(arm, over_seeds=dataclasses.replace(over, floor=floor))
        found = dataclasses.replace(compared, arms=(line,))
        return render_statistics(dataclasses.replace(table, comparisons=found)).split("## Power")[1]

    assert said(0.0).splitlines()[4].endswith("| – |")
    assert "estimated as none" in said(0.0)
    assert said(1.5).splitlines()[4].endswith("| 1.50 |")
    assert "estimated as none" not in said(1.5)


def test_the_details_stand_in_a_file_of_their_own(make: Callable[..., AblationTable], tmp_path: Path) -> None:
    write_tables(tmp_path / "out", make(3), {})
    text = (tmp_path / "out" / "table.statistics.md").read_text()
    assert "## Over the seeds: score, against plain" in text
    assert "## Power: score, against plain" in text


def test_t_tests_say_their_unit_and_what_it_is_made_of(make: Callable[..., AblationTable]) -> None:
    asked = ", tests: [{unit: video}, {unit: seed, statistic: toy/distance, paired: false}]"
    table = make(3, asked)
    video, seed = json.loads(render(table, "json"))["tests"]
    assert (video["unit"], video["statistic"], video["paired"]) == ("video", "toy/score", True)
    (units,) = video["result"]["units"]
    assert units["n"] == 60
    assert units["mean"] == pytest.approx(_fast(table)["difference"]), "the score is the mean of its videos"
    assert [units["n"] for units in seed["result"]["units"]] == [3, 3]
    text = render_statistics(table)
    assert "| fast | plain | video, paired | score | 60 |" in text
    assert "| fast | plain | seed, Welch | distance | 3 / 3 |" in text
    assert "The t-tests that the experiment asks for are in table.statistics.md." in render(table, "md")


def test_a_units_score_is_the_mean_over_shared_seeds_without_units_that_have_none() -> None:
    rng = np.random.default_rng(0)
    arm, rival = rng.normal(1, 1, (3, 9)), rng.normal(0, 1, (3, 9))
    arm[:, 4] = rival[:, 4] = np.nan
    scores = {"a": dict(enumerate(rival)), "b": {seed: arm[seed] for seed in (0, 2)}}
    (found,) = arm_tests(scores, ["a"], "video", METRICS["val/ap"], True)
    rows = [0, 2]
    kept = np.arange(9) != 4
    wanted = t_test(arm[rows].mean(axis=0)[kept].tolist(), rival[rows].mean(axis=0)[kept].tolist())
    assert found.seeds == 2
    assert found.found is not None
    assert found.found.p == pytest.approx(wanted.p)
    assert found.found.units[0].n == 8


def test_a_t_test_that_cannot_be_says_why() -> None:
    one = {"a": {0: np.array([1.0])}, "b": {0: np.array([2.0])}, "c": {1: np.array([2.0])}}
    b, c = arm_tests(one, ["a"], "seed", METRICS["val/ap"], True)
    assert (b.found, b.reason) == (None, "not testable (n=1)")
    assert (c.found, c.reason) == (None, "no shared seed")


def _records(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Of 12 videos and 4 categories, of which the third has no true track."""
    video, category = rng.integers(0, 12, 80), np.sort(rng.integers(0, 4, 80))
    true = np.zeros((len(AREA_RANGES), len(IOU_THRESHOLDS), 80), np.bool_)
    true[0] = (rng.uniform(0, 1, 80) > IOU_THRESHOLDS[:, None]) & (category != 2)
    positives = np.zeros((len(AREA_RANGES), 12, 4), np.int64)
    for row in np.flatnonzero(true[0].any(axis=0)):
        positives[0, video[row], category[row]] += 1
    return {
        "video_ids": np.arange(12), "category_ids": np.array([3, 5, 7, 11]), "video": video, "category": category,
        "score": rng.uniform(0, 1, 80), "rank": np.zeros(80, np.int64), "true_positive": true,
        "ignored": np.zeros_like(true), "positives": positives,
    }  # fmt: skip


def test_ap_is_the_mean_of_the_ap_of_its_categories() -> None:
    records = _records(np.random.default_rng(4))
    by_category, every = RESAMPLING.by_category, np.ones((12, 1))
    assert by_category is not None
    counts = by_category.videos(records)
    assert list(counts) == ["3", "5", "11"]
    alone = [RESAMPLING.metrics(by_category.only(records, name), every, ["val/ap"])["val/ap"][0] for name in counts]
    assert np.mean(alone) == pytest.approx(RESAMPLING.metrics(records, every, ["val/ap"])["val/ap"][0])
    assert len(set(alone)) == 3


def test_categories_are_units_of_a_test_each_with_its_ap(tmp_path: Path) -> None:
    results: list[CellResult] = []
    for number, arm in enumerate(("a", "b")):
        np.savez(tmp_path / f"{arm}.npz", allow_pickle=False, **_records(np.random.default_rng(4)))
        cell = Cell(arm, 0, {}, arm * 16, arm * 16)
        results.append(CellResult(cell, {"val/ap": 1.0 + number}, "c0de", "", "", f"{arm}.npz", "5eed"))
    plan = RunPlan("t", "rcf", "a", tuple(each.cell for each in results), ("val/ap",))
    found = category_scores(ResultSet(plan, tuple(results), ()), tmp_path, "val/ap")
    assert found["a"][0].shape == (3,)
    assert found["a"][0].tolist() == found["b"][0].tolist()
    compared = resampled_scores(ResultSet(plan, tuple(results), ()), tmp_path, 10)
    assert compared is not None
    assert compared.categories is not None
    assert compared.categories.present == 3


def test_seeds_that_were_added_after_a_look_are_said_so(make: Callable[..., AblationTable]) -> None:
    assert make(2).extended is None
    assert make(2).extended is None, "the same table once more"
    table = make(4)
    assert "Seeds extended after a look (from 2 to 4)" in render(table, "md")
    assert json.loads(render(table, "json"))["seeds_extended"] == [2, 4]
    assert render(make(4), "md") == render(table, "md"), "also the second time"


def test_a_look_at_one_seed_tests_nothing_and_does_not_count(make: Callable[..., AblationTable]) -> None:
    make(1)
    assert make(3).extended is None


def test_seeds_that_were_planned_before_the_first_look_are_no_extension(make: Callable[..., AblationTable]) -> None:
    make(2, more="seeds_planned: 4\n")
    assert make(4, more="seeds_planned: 4\n").extended is None
    assert make(5, more="seeds_planned: 5\n").extended is not None, "planned too late"


def test_looks_at_other_trials_do_not_count(make: Callable[..., AblationTable]) -> None:
    make(2, more="evaluation: {threshold: 2.0}\n")
    assert make(4).extended is None


def test_looks_that_cannot_be_read_are_a_warning(
    make: Callable[..., AblationTable], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(2)
    (looks,) = tmp_path.rglob("looks.json")
    looks.write_text("{")
    assert make(4).extended is None
    assert "event=looks_lost" in caplog.text


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("primary: val/ap", "table.primary: got 'val/ap', expected a metric that match records can give"),
        ("metrics: [toy/score, val/ap]", "table.metrics.1: got 'val/ap', expected a metric that evaluations"),
        ("metrics: [train/loss]", "table.metrics.0: got 'train/loss', expected a metric that evaluations"),
        ("tests: [{statistic: val/ap}]", "table.tests.0.statistic: got 'val/ap', expected a metric that match"),
        ("tests: [{unit: category}]", "table.tests.0.unit: got the unit category, which the task toy has not"),
        ("tests: [{}], resamples: 0", "table.tests: got tests without resamples"),
        ("tests: [{unit: frame}]", "table.tests.0.unit: got 'frame', expected"),
        ("seed_variance: polled", "table.seed_variance: got 'polled', expected"),
    ],
)
def test_what_could_never_be_reported_or_tested_is_refused_before_anything_starts(
    experiment: Write, table: str, named: str
) -> None:
    text = YAML.format(seeds=2, table="").replace("{resamples: 200}", f"{{{table}}}")
    with pytest.raises(InputError) as caught:
        load_experiment(experiment(text))
    assert named in str(caught.value)
    assert len(caught.value.problems) == 1


def test_arms_that_would_be_scored_on_different_videos_are_refused_before_anything_starts(experiment: Write) -> None:
    path = experiment(YAML.format(seeds=1, table="") + "  other: {data.videos: 61}\n")
    with pytest.raises(InputError, match=r"scored on different videos: plain, fast \| other, expected the same"):
        open_experiment(path)
    assert len(open_experiment(path, arms=["plain", "fast"]).plan.cells) == 2


def test_arms_that_would_be_scored_on_different_frames_are_refused_too(experiment: Write) -> None:
    path = experiment("name: t\nbaseline: a\narms: {a: {}, b: {evaluation.frames: hard}}\n")
    with pytest.raises(InputError, match=r"scored on different videos: a \| b"):
        open_experiment(path)


def test_sounds_do_not_make_other_videos(experiment: Write) -> None:
    arms = "arms: {silent: {}, heard: {data: {kind: synthetic, sound: category}, model.audio.features: small}}\n"
    path = experiment(f"name: sounds\nbaseline: silent\n{arms}")
    assert len(open_experiment(path).plan.cells) == 2


@pytest.mark.parametrize("seeds", [0, -1, 1.5])
def test_seeds_below_one_are_refused(experiment: Write, seeds: float) -> None:
    with pytest.raises(InputError, match=rf"seeds: got {seeds}, expected"):
        load_experiment(experiment(YAML.format(seeds=seeds, table="")))


def test_the_power_command_refuses_what_means_nothing(experiment: Write) -> None:
    path = str(experiment(YAML.format(seeds=2, table="")))
    said = CliRunner().invoke(app, ["power", path, "--gap", "0", "--power", "1"])
    assert said.exit_code == 2
    assert "error: --gap: got 0.0, expected a number above 0" in said.stderr
    assert "error: --power: got 1.0" in said.stderr
