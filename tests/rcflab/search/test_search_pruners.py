"""Who is stopped on the way: successive halving, the median, and signed ranks over videos."""

from typing import Any

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from rcflab.search.config import AshaPruner, MedianPruner, SearchConfig, WilcoxonPruner
from rcflab.search.optuna_pruner import worse_on_videos
from rcflab.search.optuna_study import SearchStudy
from rcflab.search.space import read_space


def study(pruner: Any, first: int = 100) -> SearchStudy:
    written = {"training.lr": {"uniform": [0, 1]}}
    space, _ = read_space(written, None)
    assert space is not None
    search = SearchConfig(sampler="random", trials=50, objective={"toy/score": "max"}, pruner=pruner, space=written)
    return SearchStudy(InMemoryStorage(), "shared/x", space, search, first)


def judged(made: SearchStudy, values: dict[int, float], final: float | None = None) -> list[bool]:
    """What the pruner says of a new trial with these values on the way, until it is stopped or complete."""
    trial = made.ask()
    assert trial is not None
    answers: list[bool] = []
    for step, value in values.items():
        answers.append(made.should_prune(trial.number, step, value))
        if answers[-1]:
            made.prune(trial.number)
            return answers
    made.complete(trial.number, [final or list(values.values())[-1]])
    return answers


def test_asha_lets_the_best_third_through_each_rung() -> None:
    made = study(AshaPruner(reduction=3))
    assert judged(made, {100: 5.0, 200: 6.0, 300: 7.0}) == [False, False, False]  # nobody to compare with
    assert judged(made, {100: 4.0}) == [True]
    assert judged(made, {100: 6.0, 200: 6.0, 300: 6.5}) == [False, False, True]  # first of 3, then behind at step 300
    assert judged(made, {100: 3.0}) == [True]


def test_asha_decides_at_our_steps_only() -> None:
    made = study(AshaPruner(first=200, reduction=2), first=50)
    judged(made, {50: 9.0, 100: 9.0, 150: 9.0, 200: 9.0})
    assert judged(made, {50: 0.0, 100: 0.0, 150: 0.0, 200: 0.0}) == [False, False, False, True]


def test_the_median_stops_what_is_behind_it_once_enough_are_complete() -> None:
    made = study(MedianPruner(complete=3))
    for value in (1.0, 2.0, 3.0):
        assert judged(made, {100: value, 200: value}) == [False, False]
    assert judged(made, {100: 1.5}) == [True]
    assert judged(made, {100: 2.5, 200: 2.5}) == [False, False]


def test_an_answer_is_kept_for_whoever_asks_again() -> None:
    made = study(AshaPruner(reduction=3))
    judged(made, {100: 5.0})
    trial = made.ask()
    assert trial is not None
    assert [made.should_prune(trial.number, 100, 1.0) for _ in range(3)] == [True, True, True]


def test_signed_ranks_stop_a_trial_that_is_worse_on_most_videos() -> None:
    random = np.random.default_rng(0)
    best = random.uniform(40, 60, size=30)
    noise = random.normal(0, 1, size=30)
    pruner = WilcoxonPruner()
    assert worse_on_videos(pruner, list(best - 2 + noise), list(best), "max")
    assert not worse_on_videos(pruner, list(best + 2 + noise), list(best), "max")
    assert worse_on_videos(pruner, list(best + 2 + noise), list(best), "min")


def test_signed_ranks_stop_equal_trials_at_most_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    stopped = [
        worse_on_videos(WilcoxonPruner(p=0.1), list(random.normal(size=20)), list(random.normal(size=20)), "max")
        for _ in range(300)
    ]
    # Binomial(300, 0.1) is above 48 with probability below 0.001; on equal means the pruner spares half of the ties.
    assert np.sum(stopped) <= 48


def test_one_video_decides_nothing() -> None:
    assert not worse_on_videos(WilcoxonPruner(), [0.0], [100.0], "max")


@pytest.mark.parametrize("pruner", ["median", "wilcoxon", {"kind": "asha", "first": 4, "reduction": 2}])
def test_a_search_with_any_pruner_comes_to_its_end(lab: Any, pruner: Any) -> None:
    search = {"sampler": "random", "trials": 12, "pruner": pruner}
    lab.search(search=search)
    states = [trial.state for trial in lab.trials(search=search)]
    assert "pruned" in states and "complete" in states
    assert all(max(t.intermediate) in (2, 4) for t in lab.trials(search=search) if t.state == "pruned")
