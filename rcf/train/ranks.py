"""The processes that train one network together, as a part that is passed in. Each is a rank; they are numbered from 0.

    Ranks  SINGLE        one process: rank 0 of 1, nothing is sent
           ProcessRanks  one of many, over torch.distributed (process_ranks.py)

Every rank must call the same methods in the same order. This module loads no torch: tasks without a network take
ranks too.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar, runtime_checkable

Value = TypeVar("Value")
Network = TypeVar("Network", bound=Callable[..., Any])
"""A torch.nn.Module."""


@runtime_checkable
class Ranks(Protocol):
    """All processes of one training, seen from one of them."""

    @property
    def rank(self) -> int:
        """Number of this process, 0 .. size - 1."""
        ...

    @property
    def size(self) -> int:
        """How many processes there are."""
        ...

    def wrap(self, network: Network) -> Network:
        """What to call instead of `network`, so that backward leaves the mean of all ranks' gradients in its weights.

        The weights and buffers of all ranks become rank 0's. Every trainable weight must take part in every backward
        pass.
        """
        ...

    def unsynchronised(self, network: Callable[..., Any]) -> AbstractContextManager[object]:
        """Forward and backward of a wrapped network inside the block add up gradients here, and send nothing."""
        ...

    def align(self, network: Callable[..., Any]) -> None:
        """Give every rank the buffers of rank 0: batch statistics are each rank's own while it trains."""
        ...

    def total(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the ranks, in float64; the same bits on all of them."""
        ...

    def gather(self, value: Value) -> list[Value]:
        """The values of all ranks, in their order, on each of them."""
        ...

    def share(self, value: Value) -> Value:
        """Rank 0's value, on each rank; those of the others are not looked at."""
        ...


class SingleRank:
    """A training in one process."""

    rank = 0
    size = 1

    def wrap(self, network: Network) -> Network:
        """The network itself."""
        return network

    def unsynchronised(self, network: Callable[..., Any]) -> AbstractContextManager[object]:
        """Gradients add up as they always do."""
        return nullcontext()

    def align(self, network: Callable[..., Any]) -> None:
        """There is nobody to agree with."""

    def total(self, values: Sequence[float]) -> list[float]:
        """The values themselves."""
        return [float(value) for value in values]

    def gather(self, value: Value) -> list[Value]:
        """The one value."""
        return [value]

    def share(self, value: Value) -> Value:
        """The value itself."""
        return value


SINGLE = SingleRank()
