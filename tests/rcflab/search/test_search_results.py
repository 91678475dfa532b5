"""What a search leaves: a pinned winner that is an ordinary experiment, a front, importance, honest pages."""

import json
from typing import Any

import pytest

from rcflab.search.cells import value_at, with_values
from rcflab.search.found import Found
from rcflab.search.optuna_importance import importances
from rcflab.search.space import read_space
from rcflab.search.trial import Trial
from rcflab.session import open_experiment

SEVERAL = {"toy/score": "max", "toy/distance": "min"}


def found(*values: tuple[float, ...] | None, objective: Any = None) -> Found:
    trials = tuple(Trial(number, "complete" if each else "pruned", {}, each) for number, each in enumerate(values))
    return Found(
        "plain", "s", objective or {"toy/score": "max"}, {}, trials, {t.number: f"t{t.number}" for t in trials}
    )


def test_the_winner_is_an_experiment_with_the_values_of_the_best_trial(lab: Any) -> None:
    arms = {"plain": {}, "far": {"model.slope": 3.0}}
    winner = open_experiment(lab.search(arms=arms).next)
    (study,) = lab.json()["studies"]
    best = study["trials"][study["best"]]["point"]
    for cell in winner.plan.cells:
        assert {path: value_at(cell.config, path) for path in best} == best
    assert winner.spec.search is None
    assert [cell.seed for cell in winner.plan.cells] == [0, 0]


def test_the_winner_has_the_cells_of_the_same_values_written_by_hand(lab: Any) -> None:
    arms = {"plain": {}, "far": {"model.slope": 3.0}}
    session = lab.session(arms=arms)
    found = lab.search(arms=arms)
    (study,) = lab.json()["studies"]
    point = study["trials"][study["best"]]["point"]
    for cell in open_experiment(found.next).plan.cells:
        own = next(each.config for each in session.plan.cells if each.arm == cell.arm)
        assert cell.config == with_values("toy", own, point)


def test_the_winner_says_where_it_comes_from_and_its_table_too(lab: Any) -> None:
    text = lab.search().next.read_text()
    (study,) = lab.json()["studies"]
    assert study["study"] in text and study["trials"][study["best"]]["name"] in text
    assert lab.session().provenance.code_digest in text
    tuned = open_experiment(lab.search().next).spec.tuned
    assert tuned is not None and "6 trials" in tuned and "shared by all arms" in tuned
    assert "search seed variance is not included" in tuned


def test_each_arm_is_pinned_with_its_own_values(lab: Any) -> None:
    arms = {"plain": {}, "far": {"model.slope": -3.0}}
    space = {"training.lr": {"uniform": [0.01, 0.9]}}
    changes: dict[str, Any] = {"arms": arms, "search": {"space": space, "when": None, "per_arm": True, "trials": 5}}
    winner = open_experiment(lab.search(**changes).next)
    best = {study["arm"]: study["trials"][study["best"]]["point"]["training.lr"] for study in lab.json()["studies"]}
    assert {cell.arm: cell.config["training"]["lr"] for cell in winner.plan.cells} == best
    assert "for each arm, 5 trials each" in (winner.spec.tuned or "")


def test_a_design_stays_a_design_in_the_winner(lab: Any) -> None:
    changes: dict[str, Any] = {
        "arms": None,
        "baseline": None,
        "factors": {"model.slope": [1.0, 3.0], "model.offset": [0.0, 1.0]},
        "design": "factorial",
        "table": {"effects": ["slope"]},
        "search": {"trials": 3},
    }
    spec = open_experiment(lab.search(**changes).next).spec
    assert spec.design == "factorial" and spec.table.effects == ("slope",) and len(spec.arms) == 4


def test_the_front_is_every_trial_that_no_other_one_beats() -> None:
    values = [(1.0, 1.0), (2.0, 2.0), (1.5, 2.5), (3.0, 9.0), (2.0, 2.0), (0.5, 0.5), None]
    front = found(*values, objective={"a": "max", "b": "min"}).front
    assert [trial.number for trial in front] == [3, 1, 0, 5]


def test_the_first_of_equal_trials_wins() -> None:
    assert [trial.number for trial in found((1.0,), (3.0,), (3.0,), (2.0,)).ranked] == [1, 2, 3, 0]
    assert found((1.0,), (3.0,), None, objective={"toy/distance": "min"}).best == Trial(0, "complete", {}, (1.0,))


def test_best_so_far_only_rises() -> None:
    steps = found((1.0,), (0.5,), None, (2.0,), (2.0,), (3.0,)).best_so_far()
    assert [(trial.number, value) for trial, value in steps] == [(0, 1.0), (3, 2.0), (5, 3.0)]


def test_several_objectives_become_an_experiment_with_the_front_as_arms(lab: Any) -> None:
    changes = {"search": {"objective": {"toy/score": "max", "toy/distance": "min"}, "sampler": "nsga2", "trials": 8}}
    done = lab.search(**changes)
    assert not done.is_winner and done.next.name == "front.yaml"
    (study,) = lab.json()["studies"]
    names = [study["trials"][number]["name"] for number in study["front"]]
    session = open_experiment(done.next)
    assert list(session.spec.arms) == names and session.spec.baseline == names[0]
    assert session.spec.name == "toy-search-front"
    assert (done.folder / "front.png").stat().st_size > 1000 and (done.folder / "front.svg").exists()


def test_importance_finds_the_field_that_decides() -> None:
    space, _ = read_space({"a": {"uniform": [0, 1]}, "b": {"uniform": [0, 1]}, "c": {"choice": [1, 2]}}, None)
    assert space is not None
    points = [{"a": (i * 7 % 40) / 40, "b": (i * 11 % 40) / 40, "c": 1 + i % 2} for i in range(40)]
    trials = [Trial(i, "complete", point, (-((point["a"] - 0.3) ** 2),)) for i, point in enumerate(points)]
    shares = importances(trials, space, {"toy/score": "max"})["toy/score"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["a"] > 3 * max(shares["b"], shares["c"])


def test_a_search_tells_the_importance_of_the_planted_field(lab: Any) -> None:
    # The step size decides how near the walk comes; the threshold of no step does nothing to it.
    space = {"training.lr": {"log_uniform": [1e-4, 0.5]}, "training.log_every": {"int": [1, 6]}}
    search = {"sampler": "random", "trials": 30, "space": space, "when": None}
    done = lab.search(search=search)
    shares = lab.json()["studies"][0]["importance"]["toy/score"]
    assert shares["training.lr"] > 0.7
    assert "lr" in done.text.split("### Importance")[1]
    assert (done.folder / "importance.png").stat().st_size > 1000


def test_too_few_trials_have_no_importance_and_say_so(lab: Any) -> None:
    done = lab.search(search={"trials": 3})
    assert "3 complete trials are too few" in done.text
    assert not (done.folder / "importance.png").exists()


def test_pages_hold_no_times_and_no_folders(lab: Any) -> None:
    done = lab.search()
    content = json.dumps(lab.json())
    assert str(lab.folder) not in content and str(lab.folder) not in done.text
