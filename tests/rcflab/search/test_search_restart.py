"""A search that is killed anywhere goes on as if nothing had happened, whatever its sampler keeps in mind."""

from collections.abc import Callable
from typing import Any

import pytest

NUMERIC = {"training.lr": {"log_uniform": [1e-3, 0.9]}, "model.slope": {"uniform": [0.0, 3.0]}}
FINITE = {"model.memory": {"choice": [0, 1, 2]}, "training.noise": {"choice": [0.1, 0.2]}}
SEARCHES: dict[str, dict[str, Any]] = {
    "tpe": {"sampler": "tpe", "trials": 13, "pruner": "asha"},
    "random": {"sampler": "random", "seeds": 2},
    "gp": {"sampler": "gp", "trials": 12},
    "cma-es": {"sampler": "cma-es", "trials": 9, "space": NUMERIC, "when": None},
    "nsga2": {"sampler": "nsga2", "trials": 24, "objective": {"toy/score": "max", "toy/distance": "min"}},
    "grid": {"sampler": "grid", "trials": None, "space": FINITE, "when": None},
}
SHORT = {"steps": 4, "evaluate_every": 2}
"""Points of a fault, at a trial in the middle of the search."""
FAULTS = ["search.asked:raise:5", "search.written:raise:5", "search.tell:raise:5", "search.told:raise:5"]


@pytest.fixture(autouse=True)
def _library(request: pytest.FixtureRequest) -> None:
    if "sampler" in request.fixturenames and request.getfixturevalue("sampler") == "cma-es":
        pytest.importorskip("cmaes")


@pytest.mark.parametrize("sampler", SEARCHES)
def test_an_interrupted_search_is_the_uninterrupted_one(labs: Callable[[], Any], sampler: str) -> None:
    whole, changes = labs(), {"search": SEARCHES[sampler], "training": SHORT}
    whole.search(**changes)
    for fault in FAULTS:
        lab = labs()
        lab.search(fault, **changes)
        assert lab.points(**changes) == whole.points(**changes), fault
        assert lab.files() == whole.files(), fault
        assert "open" not in {trial.state for trial in lab.trials(**changes)}
        assert set(lab.states()) <= {"finished", "pruned"}


def test_a_search_that_dies_between_a_value_and_its_judgement_goes_on_alike(labs: Callable[[], Any]) -> None:
    search = {"trials": 8, "pruner": "asha"}
    whole, lab = labs(), labs()
    whole.search(search=search)
    assert "pruned" in {trial.state for trial in whole.trials(search=search)}
    for count in (1, 2, 5, 9):
        lab = labs()
        lab.search(f"search.reported:raise:{count}", search=search)
        assert lab.files() == whole.files()


@pytest.mark.parametrize("sampler", SEARCHES)
def test_one_seed_gives_one_search_and_another_seed_another(labs: Callable[[], Any], sampler: str) -> None:
    found: list[list[dict[str, Any]]] = []
    for seed in (0, 0, 1):
        lab, search = labs(), {**SEARCHES[sampler], "trials": 3, "seed": seed}
        lab.search(search=search, training=SHORT)
        found.append(lab.points(search=search, training=SHORT))
    assert found[0] == found[1]
    assert (found[0] != found[2]) == (sampler != "grid")


def test_half_a_line_at_the_end_of_the_journal_is_no_obstacle(labs: Callable[[], Any]) -> None:
    whole, lab = labs(), labs()
    whole.search()
    lab.search("search.told:raise:3")
    journal = lab.folder / "runs" / "experiments" / "toy-search" / "search" / "journal.log"
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"x","stu')
    (journal.parent / "state.json").unlink()
    lab.search()
    assert lab.files() == whole.files()
