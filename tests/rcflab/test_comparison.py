"""What a table says of its arms: tested where that is possible, in words where it is not, the same for each order."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rcflab.collect import ResultSet
from rcflab.comparing import compare
from rcflab.comparison import ArmContrast, Comparisons, Resampled, Rules
from rcflab.errors import IncompleteError
from rcflab.match_records import resampled_scores
from rcflab.metrics import METRICS
from rcflab.records import Cell, CellResult, RunPlan
from rcflab.report.comparisons import comparison_head, comparison_notes, comparison_rows
from rcflab.stats.contrast import Scores, difference
from rcflab.stats.crossed import crossed
from rcflab.stats.multiplicity import holm
from rcflab.stats.resamples import resample_matrix
from rcflab.stats.verdict import Kind
from rcflab.toy_config import ToyConfig

VIDEOS = 80
AP = METRICS["val/ap"]
Floats = NDArray[np.float64]


def _scores(arm: str, gain: float, seeds: tuple[int, ...] = (0, 1, 2), videos: int = VIDEOS) -> Scores:
    """The mean over videos, with noise of seeds and of videos that all arms share, and a gain of its own."""
    shared = np.random.default_rng(1).normal(30, 10, videos)
    noise = np.random.default_rng([7, *arm.encode()]).normal(0, 0.3, (3, videos))
    per_video = shared + gain + noise[list(seeds)]
    weights = resample_matrix(videos, 400, 0)
    return Scores(arm, seeds, per_video @ weights / videos, videos)


def _found(*arms: Scores, margin: float | None = None) -> Comparisons:
    (found,) = compare(Resampled(AP, {each.arm: each for each in arms}, 0), ["base"], rules=Rules(margin))
    return found


BASE, UP, DOWN, SAME = _scores("base", 0.0), _scores("up", 2.0), _scores("down", -2.0), _scores("same", 0.0)


def test_arms_are_better_or_worse_where_a_test_shows_it() -> None:
    found = _found(BASE, UP, DOWN, SAME)
    kinds = {each.arm: each.verdict.kind for each in found.arms}
    assert kinds == {"up": Kind.BETTER, "down": Kind.WORSE, "same": Kind.NOT_SHOWN}
    assert [each.arm for each in found.arms if each.is_better] == ["up"]


def test_each_arm_has_the_crossed_interval_of_its_differences_and_holm_counts_all_arms() -> None:
    found = _found(BASE, UP, DOWN, SAME)
    alone = {arm.arm: crossed(difference(arm, BASE)) for arm in (UP, DOWN, SAME)}
    adjusted = holm([each.p for each in alone.values()])
    assert found.family == 3
    for each, p in zip(found.arms, adjusted, strict=True):
        assert each.interval == alone[each.arm].interval()
        assert (each.p, each.adjusted_p) == (alone[each.arm].p, pytest.approx(p))


def test_a_margin_written_down_before_allows_no_difference() -> None:
    (only,) = _found(BASE, SAME, margin=1.5).arms
    assert only.verdict.kind is Kind.EQUIVALENT
    assert only.verdict.words() == "no difference within ±1.5"


def test_one_seed_has_an_interval_for_its_checkpoints_and_no_test() -> None:
    found = _found(_scores("base", 0.0, (1,)), _scores("up", 2.0, (1,)))
    (only,) = found.arms
    assert (only.p, only.adjusted_p, found.family) == (None, None, 0)
    assert only.interval is not None
    assert only.interval.low < only.estimate < only.interval.high
    assert only.verdict.words() == "not testable (n=1)"
    assert any("these checkpoints, other videos" in note for note in comparison_notes(found))


def test_seeds_that_only_one_side_has_are_left_out() -> None:
    (only,) = _found(BASE, _scores("up", 2.0, (0, 2))).arms
    assert only.n == 2
    apart = _found(_scores("base", 0.0, (0,)), _scores("up", 2.0, (1,)))
    assert (apart.arms, apart.left_out) == ((), ("up",))
    assert comparison_notes(apart) == ["Not compared, since an arm or a shared seed is missing: up."]


def test_an_arm_with_the_same_records_is_called_so() -> None:
    twin = dataclasses.replace(BASE, arm="twin")
    assert _found(BASE, twin).arms[0].verdict.kind is Kind.IDENTICAL
    single = _scores("base", 0.0, (0,))
    found = _found(single, dataclasses.replace(single, arm="twin"))
    assert found.arms[0].verdict.kind is Kind.IDENTICAL


def test_without_the_baseline_nothing_is_compared() -> None:
    assert compare(Resampled(AP, {"up": UP}, 0), ["base"]) == ()


def test_lines_have_signs_and_small_p_are_not_zero() -> None:
    found = _found(BASE, UP, SAME)
    up, same = comparison_rows(found)
    assert up.difference.startswith("+")
    assert comparison_rows(_found(BASE, DOWN))[0].difference.startswith("\u2212")
    assert up.interval.startswith("[+")
    assert up.p == "< 0.001"
    assert float(same.p) > 0.05
    assert comparison_head(found)[2] == "Δ AP"
    assert len(up.cells) == len(comparison_head(found))


def test_few_videos_and_samples_that_left_nothing_are_noted() -> None:
    small = _found(_scores("base", 0.0, videos=20), _scores("up", 2.0, videos=20))
    assert any("Fewer than 60 videos" in note for note in comparison_notes(small))
    gone = [dataclasses.replace(arm, values=np.where(np.arange(401) == 9, np.nan, arm.values)) for arm in (BASE, UP)]
    assert any("1 sample left nothing" in note for note in comparison_notes(_found(*gone)))


def test_effects_of_a_design_are_tested_beside_its_arms() -> None:
    """y = 10 A + 2 AB over four arms: the main effect of A is 11, the interaction 2."""
    gains = {"base": 0.0, "a": 10.0, "b": 0.0, "ab": 12.0}
    arms = {arm: _scores(arm, gain) for arm, gain in gains.items()}
    main = ArmContrast("effect: a", {"base": -0.5, "a": 0.5, "b": -0.5, "ab": 0.5}, is_interaction=False)
    both = ArmContrast("interaction: a x b", {"base": 1, "a": -1, "b": -1, "ab": 1}, is_interaction=True)
    (found,) = compare(Resampled(AP, arms, 0), ["base"], [main, both])
    effect, interaction = found.arms[3:]
    assert effect.estimate == pytest.approx(11, abs=0.3)
    assert effect.verdict.kind is Kind.BETTER
    assert interaction.estimate == pytest.approx(2, abs=0.5)
    assert interaction.verdict.kind is Kind.DIFFERENT
    assert found.family == 5


def test_who_looks_at_a_part_of_an_experiment_finds_no_more() -> None:
    whole = _found(BASE, UP, DOWN, SAME)
    (part,) = compare(Resampled(AP, {"base": BASE, "same": SAME}, 0), ["base"], rules=Rules(planned=3))
    (only,) = part.arms
    assert part.family == 3
    assert only.p == next(each.p for each in whole.arms if each.arm == "same")
    assert only.adjusted_p == pytest.approx(min(1.0, 3 * (only.p or 0)))


def test_a_loss_is_never_called_better() -> None:
    """Rare categories may pull the middle of the interval to the other side of zero."""
    torn = dataclasses.replace(UP, values=np.where(np.arange(401) == 0, BASE.values - 0.1, UP.values))
    (only,) = _found(BASE, torn).arms
    assert only.estimate == pytest.approx(-0.1)
    assert only.verdict.kind is Kind.NOT_SHOWN
    assert only.rare_categories_dominate


def test_what_is_in_the_way_of_a_test_is_named() -> None:
    """One video; and seeds that differ from the baseline by the very same amount on every sample."""
    one = [_scores("base", 0.0, videos=1), _scores("up", 2.0, videos=1)]
    assert _found(*one).arms[0].verdict.words() == "not testable (one video)"
    constant = [Scores(arm, (0, 1), np.full((2, 401), value), VIDEOS) for arm, value in (("base", 1.0), ("up", 2.0))]
    (only,) = _found(*constant).arms
    assert only.verdict.words() == "not testable (no spread)"
    assert only.interval is None


def test_an_effect_of_equal_arms_is_none_at_all() -> None:
    """Weights of a third do not add up to 0 exactly."""
    arms = {name: dataclasses.replace(BASE, arm=name) for name in ("base", "a", "b", "c", "d", "e")}
    weights = dict(zip(arms, (1 / 3, 1 / 3, 1 / 3, -1 / 3, -1 / 3, -1 / 3), strict=True))
    (found,) = compare(Resampled(AP, arms, 0), ["base"], [ArmContrast("effect", weights, is_interaction=False)])
    assert found.arms[-1].verdict.kind is Kind.IDENTICAL


def test_an_effect_without_all_of_its_arms_is_left_out() -> None:
    main = ArmContrast("effect: a", {"base": -0.5, "a": 0.5, "b": -0.5, "ab": 0.5}, is_interaction=False)
    (found,) = compare(Resampled(AP, {"base": BASE, "up": UP}, 0), ["base"], [main])
    assert [each.arm for each in found.arms] == ["up"]
    assert found.left_out == ("effect: a",)


TOY = ToyConfig().model_dump(mode="json")


def _results(folder: Path, metrics: tuple[str, ...] = ("toy/score",), videos: int = 50) -> ResultSet:
    """Two arms of two seeds with records on disk."""
    results: list[CellResult] = []
    for arm in ("a", "b"):
        for seed in range(2):
            name = f"{arm}{seed}.npz"
            distance = np.random.default_rng(len(results)).uniform(0, 1, videos)
            np.savez(folder / name, distance=distance, threshold=np.array(0.5))
            cell = Cell(arm, seed, TOY, f"{arm}{seed}" * 8, f"{seed}{arm}" * 8)
            values = {"toy/score": float(100 * np.exp(-distance / 0.5).mean()), "train/loss": 1.0}
            results.append(CellResult(cell, values, "c0de", "", "", name, "5eed"))
    plan = RunPlan("toys", "toy", "a", tuple(each.cell for each in results), metrics)
    return ResultSet(plan, tuple(results), ())


def test_records_of_cells_are_scored_on_the_same_samples(tmp_path: Path) -> None:
    found = resampled_scores(_results(tmp_path, ("train/loss", "toy/score")), tmp_path, 30)
    assert found is not None
    assert found.metric.key == "toy/score", "the first metric that match records can give"
    weights = resample_matrix(50, 30, found.seed)
    records = np.load(tmp_path / "b1.npz")
    wanted = 100 * np.exp(-records["distance"] / 0.5) @ weights / 50
    assert found.scores["b"].seeds == (0, 1)
    assert found.scores["b"].values[1] == pytest.approx(wanted)


@pytest.mark.parametrize(("resamples", "primary"), [(0, None), (30, "train/loss")])
def test_nothing_is_resampled_where_it_is_switched_off_or_cannot_be(
    tmp_path: Path, resamples: int, primary: str | None
) -> None:
    assert resampled_scores(_results(tmp_path), tmp_path, resamples, primary) is None


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "of another version"])
def test_records_that_cannot_be_read_are_named_with_the_way_out(tmp_path: Path, damage: str) -> None:
    results = _results(tmp_path)
    path = tmp_path / "b0.npz"
    whole = path.read_bytes()
    path.unlink()
    if damage == "of another version":
        np.savez(path, distances=np.ones(50))
    elif damage != "gone":
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"other")
    with pytest.raises(IncompleteError, match=r"arm 'b', seed 0.*match records.*table\.resamples to 0"):
        resampled_scores(results, tmp_path, 10)


def test_records_of_other_videos_are_refused(tmp_path: Path) -> None:
    results = _results(tmp_path)
    np.savez(tmp_path / "b1.npz", distance=np.ones(7), threshold=np.array(0.5))
    with pytest.raises(IncompleteError, match="of 7 videos"):
        resampled_scores(results, tmp_path, 10)
