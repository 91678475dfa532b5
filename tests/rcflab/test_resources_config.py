"""Where and how wide cells run: what is refused with its reason."""

from typing import Any

import pytest
from pydantic import ValidationError

from rcflab.execute.job import Job, ordered
from rcflab.schema import ResourcesConfig


@pytest.mark.parametrize("workers", [[1, 4], {"min": 1, "max": 4}])
def test_a_group_that_grows_and_shrinks_is_refused_with_the_reason(workers: Any) -> None:
    with pytest.raises(ValidationError, match="adds in another order after each change, so a cell would depend on"):
        ResourcesConfig.model_validate({"workers": workers})


def test_growth_needs_an_end() -> None:
    with pytest.raises(ValidationError, match="max_concurrent beside grows"):
        ResourcesConfig.model_validate({"grows": True})
    assert ResourcesConfig.model_validate({"grows": True, "max_concurrent": 64}).grows


def jobs() -> list[Job]:
    return [Job(f"{arm}{seed}", f"{arm}/{seed}", "toy", {}, seed, ()) for arm in "ba" for seed in (0, 1)]


def test_cells_start_in_the_order_of_the_table() -> None:
    assert [job.label for job in ordered(jobs(), "arms")] == ["b/0", "b/1", "a/0", "a/1"]


def test_or_all_arms_of_a_seed_first_so_that_they_can_be_compared_early() -> None:
    assert [job.label for job in ordered(jobs(), "seeds")] == ["b/0", "a/0", "b/1", "a/1"]
