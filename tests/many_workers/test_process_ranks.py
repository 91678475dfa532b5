"""Ranks over torch.distributed: what is sent arrives, gradients add up, and one process needs none of it."""

from typing import Any

import pytest
import torch

from rcf.train.ranks import SINGLE, Ranks


@pytest.mark.parametrize("size", [2, 3])
def test_each_rank_gets_sums_everybodys_values_and_those_of_rank_0(servers: Any, size: int) -> None:
    wanted = [[size, sum(range(size))], [{"rank": rank} for rank in range(size)], 5]
    assert servers.results("talk", size) == [wanted] * size


def test_one_process_talks_to_itself() -> None:
    assert isinstance(SINGLE, Ranks)
    assert (SINGLE.total([1.0, 2.5]), SINGLE.gather("a"), SINGLE.share("b")) == ([1.0, 2.5], ["a"], "b")


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("parts", [1, 2])
def test_gradients_are_those_of_all_samples_in_one_process(
    servers: Any, rank_server: Any, size: int, parts: int
) -> None:
    whole = rank_server.gradient(SINGLE, 1)
    for found in servers.results("gradient", size, parts=parts):
        torch.testing.assert_close(torch.tensor(found), torch.tensor(whole), rtol=1e-5, atol=1e-5)


def test_ranks_agree_on_rank_0s_batch_statistics_when_they_are_aligned(servers: Any) -> None:
    (own, aligned), (other, same) = servers.results("statistics")
    assert own != other
    assert aligned == same == own


def test_no_gradient_is_laid_out_unlike_its_weight(servers: Any) -> None:
    """Torch warns of it, for it costs a copy of each such gradient."""
    assert servers.results("warned", 2) == [[], []]
