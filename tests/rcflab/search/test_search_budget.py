"""A search whose budget counts trainings: it stops at that many, keeps all it has, and goes on once more is allowed."""

from collections.abc import Callable
from typing import Any

import pytest

from rcflab.errors import BudgetSpentError


def test_a_search_begins_no_more_trainings_than_its_budget_has_and_goes_on_with_more(labs: Callable[[], Any]) -> None:
    whole, lab = labs(), labs()
    whole.search(budget={"trials": 6})
    for _ in range(2):
        with pytest.raises(BudgetSpentError, match=r"3 of 3 trials.*3 trainings of the search are left.*budget.trials"):
            lab.search(budget={"trials": 3})
        assert (len(lab.trainings()), set(lab.states())) == (3, {"finished"})
    lab.search(budget={"trials": 6})
    assert lab.files() == whole.files()


def test_a_budget_that_suffices_changes_nothing_of_what_is_found(labs: Callable[[], Any]) -> None:
    whole, lab = labs(), labs()
    whole.search()
    lab.search(budget={"trials": 6})
    assert lab.files()["trials.json"] == whole.files()["trials.json"]


def test_trainings_that_are_begun_or_finished_cost_no_trial_again(lab: Any) -> None:
    with pytest.raises(BudgetSpentError):
        lab.search(budget={"trials": 2}, search={"seeds": 2})
    first = lab.trainings()
    assert len(first) == 2
    with pytest.raises(BudgetSpentError, match="10 trainings of the search are left"):
        lab.search(budget={"trials": 2}, search={"seeds": 2})
    assert lab.trainings() == first
    assert [lab.attempts(key) for key in first] == [1, 1]
