"""A search that cannot work is refused with every fault, before anything starts."""

from typing import Any

import pytest

from rcflab.errors import InputError

LR = {"uniform": [0.1, 1]}
NUMERIC = {"training.lr": LR, "model.slope": LR}
SEVERAL = {"toy/score": "max", "toy/distance": "min"}


def problems(lab: Any, **changes: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        lab.session(**changes)
    return [f"{each.place}: {each.got} | {each.wanted} {each.hint}" for each in caught.value.problems]


def place(problem: str) -> str:
    return problem.split(": ")[0]


@pytest.mark.parametrize(
    ("search", "where", "words"),
    [
        (
            {"space": {"training.lrr": LR}, "when": None},
            "search.space.training.lrr",
            "'training.lr'",
        ),
        ({"space": {"lr": LR}, "when": None}, "search.space.lr", "'training.lr'"),
        ({"space": {}, "when": None}, "search.space", "an empty space"),
        ({"space": {"data.videos": {"int": [1, 3]}}, "when": None}, "search.space.data.videos", "share their videos"),
        ({"objective": {"toy/scor": "max"}}, "search.objective.toy/scor", "did you mean 'toy/score'"),
        ({"objective": {"train/loss": "min"}}, "search.objective.train/loss", "which no evaluation of the task toy"),
        ({"objective": {"val/ap": "max"}}, "search.objective.val/ap", "which no evaluation of the task toy reports"),
        ({"objective": {"toy/score": "min"}}, "search.objective.toy/score", "higher is better"),
        ({"objective": {}}, "search.objective", "at least 1"),
        ({"trials": 0}, "search.trials", "greater than or equal to 1"),
        ({"trials": None}, "search", "`trials`"),
        ({"sampler": "tpee"}, "search.sampler", "tpe"),
        ({"sampler": "grid"}, "search.sampler", "the range of lr, decay"),
        ({"sampler": "cma-es"}, "search.sampler", "1 numeric fields that always exist"),
        ({"pruner": "hyperband"}, "search.pruner.kind", "asha"),
        ({"pruner": {"kind": "asha", "reduction": 1}}, "search.pruner.reduction", "greater than or equal to 2"),
        ({"objective": SEVERAL, "pruner": "asha"}, "search", "a pruner"),
        ({"objective": SEVERAL, "per_arm": True}, "search", "per_arm"),
        ({"objective": SEVERAL, "sampler": "cma-es", "space": NUMERIC, "when": None}, "search", "cma-es"),
        ({"when": {"decay": {"memry": [1]}}}, "search.when.decay.memry", "did you mean 'memory'"),
    ],
)
def test_a_fault_is_named_with_its_place(lab: Any, search: dict[str, Any], where: str, words: str) -> None:
    found = problems(lab, search=search)
    assert [place(each) for each in found] == [where]
    assert words in found[0], found


def test_all_faults_are_named_at_once(lab: Any) -> None:
    wrong = {"space": {"a": {"choice": [1, "x"]}, "training.lr": {"int": []}}, "when": None, "objective": {"x": "max"}}
    assert len(problems(lab, search=wrong)) == 4


def test_a_point_that_is_no_configuration_is_refused(lab: Any) -> None:
    (found,) = problems(lab, search={"space": {"model.decay": {"uniform": [0, 2]}}, "when": None})
    assert place(found) == "search.space.model.decay" and "less than or equal to 1" in found


def test_a_field_that_an_arm_sets_cannot_be_searched(lab: Any) -> None:
    (found,) = problems(lab, arms={"plain": {}, "fast": {"training.lr": 0.5}})
    assert place(found) == "arms.fast.training.lr"


def test_a_pruner_needs_evaluations_on_the_way(lab: Any) -> None:
    (found,) = problems(lab, training={"evaluate_every": 0}, search={"pruner": "median"})
    assert place(found) == "search.pruner"


def test_a_front_is_of_one_arm(lab: Any) -> None:
    several = {"objective": {"toy/score": "max", "toy/distance": "min"}}
    (found,) = problems(lab, arms={"plain": {}, "other": {"model.slope": 2.0}}, search=several)
    assert place(found) == "arms"


def test_options_reach_into_a_search(lab: Any) -> None:
    from rcflab.load import load_experiment

    lab.session()
    options = ["search.trials=9", "search.space.training.lr={uniform: [0.1, 0.2]}"]
    search = load_experiment(lab.folder / "experiment.yaml", options).spec.search
    assert search is not None and search.trials == 9
    assert search.space["training.lr"] == {"uniform": [0.1, 0.2]}
