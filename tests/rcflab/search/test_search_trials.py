"""What becomes of trials: complete, pruned, failed; shared cells; seeds; arms; more trials; another space."""

from collections.abc import Callable
from typing import Any

import pytest

from rcflab.errors import CellsFailedError

FINITE = {"model.memory": {"choice": [0, 1, 2]}, "training.noise": {"choice": [0.1, 0.2]}}
GRID: dict[str, Any] = {"sampler": "grid", "trials": None, "space": FINITE, "when": None}


def of_space(space: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"space": space, "when": None, **more}


def test_a_grid_tries_each_point_once_and_ends(lab: Any) -> None:
    lab.search(search=GRID)
    tried = [tuple(point.items()) for point in lab.points(search=GRID)]
    assert len(tried) == len(set(tried)) == 6


def test_a_grid_with_fewer_trials_stops_there(lab: Any) -> None:
    search = {**GRID, "trials": 4}
    lab.search(search=search)
    assert len(lab.trials(search=search)) == 4


def test_a_loss_that_is_not_finite_is_a_failed_trial_without_a_value(lab: Any) -> None:
    search = of_space({"training.nan_at": {"choice": [0, 3]}, "model.slope": {"choice": [1.0, 2.0]}}, sampler="grid")
    lab.search(search=search)
    trials = lab.trials(search=search)
    assert [trial.state for trial in trials] == ["complete", "complete", "failed", "failed"]
    assert [trial.values is None for trial in trials] == [False, False, True, True]
    assert "train/loss" in trials[2].reason


def test_a_training_that_raises_is_a_failed_trial_and_the_search_goes_on(lab: Any) -> None:
    search = of_space({"training.raise_at": {"choice": [0, 2]}}, sampler="random", trials=5)
    found = lab.search(search=search)
    assert {trial.state for trial in lab.trials(search=search)} == {"complete", "failed"}
    assert "### Failed" in found.text and "the toy training raises at step 2" in found.text


def test_a_search_without_a_complete_trial_has_no_winner(lab: Any) -> None:
    search = of_space({"training.raise_at": {"choice": [1, 2]}}, sampler="grid", trials=None)
    with pytest.raises(CellsFailedError, match=r"no trial of the search is complete.*raises at step 1"):
        lab.search(search=search)


def test_pruned_trials_are_never_ranked_with_complete_ones(lab: Any) -> None:
    search = {"sampler": "random", "trials": 12, "pruner": "asha"}
    lab.search(search=search)
    (study,) = lab.json()["studies"]
    pruned = [trial for trial in study["trials"] if trial["state"] == "pruned"]
    assert pruned and all(trial["values"] is None and trial["on_the_way"] for trial in pruned)
    best = next(trial for trial in study["trials"] if trial["number"] == study["best"])
    assert best["state"] == "complete"
    ranked = lab.search(search=search).text.split("### Complete")[1].split("###")[0]
    assert not any(trial["name"] in ranked for trial in pruned)


def test_a_pruned_training_is_recorded_as_pruned_and_keeps_its_checkpoint(lab: Any) -> None:
    search = {"sampler": "random", "trials": 12, "pruner": "asha"}
    lab.search(search=search)
    assert set(lab.states()) == {"finished", "pruned"}
    pruned = [key for key in lab.trainings() if lab.state(key).state == "pruned"]
    for key in pruned:
        state = lab.state(key)
        assert state.checkpoint is not None and state.checkpoint.step == state.step < 6


def test_a_pruned_training_that_an_arm_wants_goes_on_from_its_checkpoint(lab: Any) -> None:
    search = {"sampler": "random", "trials": 12, "pruner": "asha"}
    lab.search(search=search)
    key = next(key for key in lab.trainings() if lab.state(key).state == "pruned")
    job, before = lab.job(key, search=search), lab.state(key).step
    lab.run_job(job)
    assert lab.state(key).state == "finished"
    assert lab.starts(key) == [0, before]


def test_the_sampler_sees_the_mean_over_seeds(lab: Any) -> None:
    search = {"trials": 3, "seeds": 3}
    lab.search(search=search)
    for trial in lab.trials(search=search):
        scores = [lab.score(cell) for cell in lab.cells(trial, search=search)]
        assert len(set(scores)) == 3
        assert trial.values == (pytest.approx(sum(scores) / 3, rel=1e-12),)


def test_seeds_of_trials_are_none_that_an_experiment_can_have(lab: Any) -> None:
    lab.search(search={"trials": 2, "seeds": 2})
    cells = [cell for trial in lab.trials(search={"trials": 2, "seeds": 2}) for cell in lab.cells(trial)]
    assert {cell.seed for cell in cells} == {1000} or min(cell.seed for cell in cells) >= 1000


def test_equal_points_are_trained_once(lab: Any) -> None:
    search = of_space({"model.memory": {"choice": [0, 1]}}, sampler="random", trials=8)
    lab.search(search=search)
    assert len(lab.trials(search=search)) == 8
    assert len(lab.trainings()) == 2 and [lab.attempts(key) for key in lab.trainings()] == [1, 1]


def test_each_arm_gets_the_same_number_of_trials_of_its_own(lab: Any) -> None:
    arms = {"plain": {}, "far": {"model.slope": -3.0}, "near": {"model.slope": 1.9}}
    changes = {"arms": arms, "search": of_space({"training.lr": {"uniform": [0.01, 0.9]}}, per_arm=True, trials=4)}
    found = lab.search(**changes)
    counts = {study["arm"]: len(study["trials"]) for study in lab.json()["studies"]}
    assert counts == {"plain": 4, "far": 4, "near": 4}
    assert len(lab.trainings()) == 12
    assert [f"## Arm {arm}" in found.text for arm in arms] == [True] * 3


def test_more_trials_go_on_where_the_search_ended(labs: Callable[[], Any]) -> None:
    lab, whole = labs(), labs()
    lab.search(search={"trials": 5})
    first = lab.points()
    keys = {key: lab.attempts(key) for key in lab.trainings()}
    lab.search(search={"trials": 12})
    whole.search(search={"trials": 12})
    assert lab.points()[:5] == first
    assert lab.files() == whole.files()
    assert all(lab.attempts(key) == count for key, count in keys.items())


def test_a_wider_space_imports_the_trials_that_still_fit(lab: Any) -> None:
    narrow = of_space({"training.lr": {"uniform": [0.1, 0.2]}}, trials=4)
    wide = of_space({"training.lr": {"uniform": [0.01, 0.9]}, "model.memory": {"choice": [0, 1]}}, trials=6)
    lab.search(search=narrow)
    before = lab.trainings()
    found = lab.search(search=wide)
    trials = lab.trials(search=wide)
    assert [("imported" in trial.attributes) for trial in trials] == [True] * 4 + [False] * 2
    assert [trial.point["model.memory"] for trial in trials[:4]] == [0] * 4  # what the experiment has
    assert [lab.attempts(key) for key in before] == [1] * 4
    assert "4 imported from an earlier search" in found.text


def test_a_narrower_space_leaves_out_what_is_outside(lab: Any) -> None:
    wide = of_space({"training.lr": {"uniform": [0.01, 0.9]}}, trials=6, sampler="random")
    lab.search(search=wide)
    inside = [p for p in lab.points(search=wide) if 0.3 <= p["training.lr"] <= 0.6]
    narrow = of_space({"training.lr": {"uniform": [0.3, 0.6]}}, trials=8, sampler="random")
    lab.search(search=narrow)
    imported = [dict(t.point) for t in lab.trials(search=narrow) if "imported" in t.attributes]
    assert inside and imported == inside


def test_another_configuration_imports_nothing(lab: Any) -> None:
    lab.search()
    lab.search(training={"noise": 0.3})
    assert not any("imported" in trial.attributes for trial in lab.trials(training={"noise": 0.3}))


def test_a_killed_import_is_completed(labs: Callable[[], Any]) -> None:
    narrow = of_space({"training.lr": {"uniform": [0.1, 0.2]}}, trials=4)
    wide = of_space({"training.lr": {"uniform": [0.01, 0.9]}}, trials=6)
    whole, lab = labs(), labs()
    for each in (whole, lab):
        each.search(search=narrow)
    whole.search(search=wide)
    lab.search("search.adopted:raise:2", search=wide)
    assert lab.points(search=wide) == whole.points(search=wide)


def test_a_search_that_is_done_starts_nothing(lab: Any) -> None:
    lab.search()
    attempts = {key: lab.attempts(key) for key in lab.trainings()}
    lab.search()
    assert {key: lab.attempts(key) for key in lab.trainings()} == attempts
