"""Arms against each of several baselines, arms that are one and the same, one variance for all: what a table counts."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.comparing import compare
from rcflab.comparison import ArmContrast, Categories, Comparisons, Resampled, Rules
from rcflab.errors import InputError
from rcflab.ledger.fold import KeyState
from rcflab.load import load_experiment
from rcflab.metrics import METRICS
from rcflab.report.comparisons import as_one, comparison_notes
from rcflab.report.files import render
from rcflab.report.forest import forest_plot, image
from rcflab.session import open_experiment
from rcflab.stats.contrast import Scores, difference
from rcflab.stats.crossed import crossed
from rcflab.stats.multiplicity import holm
from rcflab.stats.pooled import pool
from rcflab.stats.resamples import resample_matrix
from rcflab.stats.verdict import Kind

VIDEOS = 80
Floats = NDArray[np.float64]
Write = Callable[..., Path]


def _scores(arm: str, gain: float, spread: float = 0.4) -> Scores:
    rng = np.random.default_rng([5, *arm.encode()])
    per_video = np.random.default_rng(1).normal(40, 10, VIDEOS) + gain + rng.normal(0, 3, VIDEOS)
    per_video = per_video + rng.normal(0, spread, (3, 1))
    return Scores(arm, (0, 1, 2), per_video @ resample_matrix(VIDEOS, 300, 0) / VIDEOS, VIDEOS)


ARMS = {arm: _scores(arm, gain) for arm, gain in (("a", 0.0), ("b", 1.0), ("c", 4.0), ("d", 0.2))}


def _compared(arms: dict[str, Scores], *baselines: str, rules: Rules | None = None) -> tuple[Comparisons, ...]:
    return compare(Resampled(METRICS["val/ap"], arms, 0), baselines, rules=rules)


def test_each_arm_is_compared_with_each_baseline_and_a_pair_of_these_once() -> None:
    first, second = _compared(ARMS, "a", "b")
    assert [each.arm for each in first.arms] == ["b", "c", "d"]
    assert [each.arm for each in second.arms] == ["c", "d"]
    assert first.family == second.family == 5


def test_holm_counts_the_comparisons_with_all_baselines() -> None:
    sections = _compared(ARMS, "a", "b")
    pairs = [(arm, found.baseline) for found in sections for arm in (each.arm for each in found.arms)]
    wanted = holm([crossed(difference(ARMS[arm], ARMS[baseline])).p for arm, baseline in pairs])
    assert [each.adjusted_p for found in sections for each in found.arms] == pytest.approx(wanted.tolist())


def test_effects_of_a_design_stand_with_the_first_baseline_only() -> None:
    effect = ArmContrast("effect: x", {"a": -0.5, "b": 0.5, "c": -0.5, "d": 0.5}, is_interaction=False)
    first, second = compare(Resampled(METRICS["val/ap"], ARMS, 0), ["a", "b"], [effect])
    assert first.arms[-1].arm == "effect: x"
    assert len(second.arms) == 2
    assert first.family == 6


def test_an_arm_that_is_the_baseline_under_another_name_is_no_test() -> None:
    arms = ARMS | {"twin": dataclasses.replace(ARMS["a"], arm="twin")}
    (found,) = _compared(arms, "a", rules=Rules(joined=[("a", "twin")]))
    twin = found.arms[-1]
    assert found.family == 3
    assert (twin.verdict.kind, twin.p, twin.adjusted_p) == (Kind.IDENTICAL, None, None)
    (without,) = _compared(ARMS, "a")
    assert [each.adjusted_p for each in found.arms[:-1]] == [each.adjusted_p for each in without.arms]


def test_two_names_of_one_arm_are_one_test_and_say_the_same() -> None:
    arms = ARMS | {"twin": dataclasses.replace(ARMS["c"], arm="twin")}
    (found,) = _compared(arms, "a", rules=Rules(joined=[("c", "twin")]))
    by_arm = {each.arm: each for each in found.arms}
    assert found.family == 3
    assert dataclasses.replace(by_arm["twin"], arm="c") == by_arm["c"]


def test_a_pooled_variance_is_that_of_all_arms_each_once() -> None:
    arms = ARMS | {"twin": dataclasses.replace(ARMS["c"], arm="twin")}
    (found,) = _compared(arms, "a", rules=Rules(joined=[("c", "twin")], seed_variance="pooled"))
    pooled = pool(list(ARMS.values()))
    assert found.pooled == pooled
    for each in found.arms[:3]:
        assert each.interval == crossed(difference(ARMS[each.arm], ARMS["a"]), pooled).interval()
    assert any("share one variance over seeds (6 degrees of freedom)" in note for note in comparison_notes(found))


def test_arms_that_vary_unequally_are_a_warning_under_a_pooled_variance() -> None:
    (found,) = _compared(ARMS | {"wild": _scores("wild", 1.0, 30.0)}, "a", rules=Rules(seed_variance="pooled"))
    assert any("times the smallest" in note for note in comparison_notes(found))


def test_a_run_far_below_its_arm_is_named_and_stays() -> None:
    values = ARMS["c"].values.copy()
    values[1] -= 15
    (found,) = _compared(ARMS | {"c": dataclasses.replace(ARMS["c"], values=values)}, "a")
    (named,) = found.far_below
    assert named[:2] == ("c", 1)
    assert found.arms[1].n == 3
    assert any(note.startswith("Seed 1 of c lies 1") for note in comparison_notes(found))


def test_categories_of_few_videos_are_named() -> None:
    categories = Categories(20, ("7", "12"))
    (found,) = compare(Resampled(METRICS["val/ap"], ARMS, 0, categories), ["a"])
    note = "20 categories have true tracks, in fewer than 3 videos: 7, 12. Resampling hardly varies these."
    assert note in comparison_notes(found)


YAML = """
name: two
task: toy
baseline: [plain, slow]
arms:
  plain: {}
  slow: {training.lr: 0.05}
  fast: {training.lr: 0.2}
  twin: {model.decay: 0.9}
seeds: 2
"""


def test_the_plan_counts_pairs_of_different_trials_also_where_it_is_narrowed(experiment: Write) -> None:
    path = experiment(YAML)
    assert open_experiment(path).plan.baselines == ("plain", "slow")
    assert open_experiment(path).plan.family == 3, "slow-plain, fast-plain, fast-slow; twin is plain"
    assert open_experiment(path, arms=["plain", "twin"]).plan.family == 3


@pytest.mark.parametrize(
    ("baseline", "named"),
    [
        ("[plain, slw]", "baseline: got 'slw', expected one of the arms plain, slow, fast, twin; did you mean 'slow'?"),
        ("[plain, plain]", "baseline: got 'plain' a second time, expected each arm once"),
        ("[]", "baseline: got [], expected"),
        ("[plain, 3]", "more_baselines.0: got 3, expected"),
    ],
)
def test_baselines_that_cannot_be_are_refused(experiment: Write, baseline: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        load_experiment(experiment(YAML.replace("[plain, slow]", baseline)))
    assert named in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.fixture
def table(experiment: Write, ledger_state: Callable[..., KeyState]) -> AblationTable:
    plan = open_experiment(experiment(YAML)).plan
    order = ["plain", "slow", "fast", "twin"]
    states = {
        cell.train_key: ledger_state({cell.eval_key: {"toy/score": 40.0 + order.index(cell.arm) % 3 + cell.seed / 2}})
        for cell in plan.cells
    }
    arms = {name: dataclasses.replace(ARMS[arm], arm=name) for name, arm in zip(order, "abca", strict=True)}
    sections = compare(Resampled(METRICS["toy/score"], arms, 0), plan.baselines, rules=Rules(joined=plan.joined))
    made = tabulate(collect(plan, states, "c0de" * 16))
    return dataclasses.replace(made, comparisons=sections[0], more_comparisons=sections[1:])


def test_a_figure_shows_the_differences_to_all_baselines(table: AblationTable) -> None:
    found = as_one(table.all_comparisons)
    assert found is not None
    text = image(forest_plot(found), "svg").decode()
    assert ">fast − slow<" in text
    assert "arms: to" not in text


def test_every_format_has_the_differences_to_each_baseline(table: AblationTable) -> None:
    text = render(table, "md")
    lines = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines()]
    assert lines[9:14] == ["slow − plain", "fast − plain", "twin − plain", "fast − slow", "twin − slow"]
    assert "Differences to slow are in the second part" in text
    assert "fast $-$ slow" in render(table, "tex")
    row = list(csv.DictReader(io.StringIO(render(table, "csv"))))[2]
    assert (row["toy/score difference"], row["toy/score difference to slow"]) == ("2.0", "1.0")
    found = json.loads(render(table, "json"))
    assert found["more_baselines"] == ["slow"]
    assert [each["arm"] for each in found["more_comparisons"][0]["arms"]] == ["fast", "twin"]
    assert found["arms"][2]["metrics"]["toy/score"]["differences_to"]["slow"]["mean"] == 1.0
