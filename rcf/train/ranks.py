"""The processes that train one network together, as a part that is passed in. Each is a rank; they are numbered from 0.

    Ranks  SINGLE        one process: rank 0 of 1, nothing is sent
           ProcessRanks  one of many, over torch.distributed: gradients by DistributedDataParallel, the rest by gloo

Every rank must call the same methods in the same order. What is sent as an object is pickled by torch, between
processes of one training that run the same code and nobody else.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Protocol, TypeVar, cast, runtime_checkable

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from rcf.tensors import floats

Value = TypeVar("Value")


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

    def wrap(self, network: nn.Module) -> nn.Module:
        """`network`, so that a backward pass leaves the mean of all ranks' gradients; weights become rank 0's.

        Every trainable weight must take part in every backward pass.
        """
        ...

    def unsynchronised(self, network: nn.Module) -> AbstractContextManager[object]:
        """Forward and backward of a wrapped network inside the block add up gradients here, and send nothing."""
        ...

    def align(self, network: nn.Module) -> None:
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

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network itself."""
        return network

    def unsynchronised(self, network: nn.Module) -> AbstractContextManager[object]:
        """Gradients add up as they always do."""
        return nullcontext()

    def align(self, network: nn.Module) -> None:
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


class ProcessRanks:
    """One process of the default group of torch.distributed, which must have been started (by Ray Train, say).

    Values and objects go over gloo on the CPU, whatever the gradients take: a rank that waits for the next call of
    another then blocks no GPU. `timeout_s`: how long a rank waits for the others before it raises RuntimeError;
    that of the default group where gloo is its backend.
    """

    def __init__(self, timeout_s: float = 1800.0) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._group: dist.ProcessGroup | None = None
        if dist.get_backend() != "gloo":
            every = dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_s))
            assert isinstance(every, dist.ProcessGroup), "this process is a member of the group of all"
            self._group = every

    def wrap(self, network: nn.Module) -> nn.Module:
        """DistributedDataParallel, without a search for unused weights: an unused one is a fault, and raises."""
        device = next(network.parameters()).device
        return DistributedDataParallel(
            network, device_ids=[device] if device.type == "cuda" else None, gradient_as_bucket_view=True
        )

    def unsynchronised(self, network: nn.Module) -> AbstractContextManager[object]:
        """The `no_sync` of DistributedDataParallel."""
        assert isinstance(network, DistributedDataParallel), "only a wrapped network sends gradients"
        return cast("AbstractContextManager[object]", network.no_sync())

    def align(self, network: nn.Module) -> None:
        """Broadcast every buffer."""
        for buffer in network.buffers():
            dist.broadcast(buffer, src=0)

    def total(self, values: Sequence[float]) -> list[float]:
        """One sum over gloo."""
        sums = torch.tensor(list(values), dtype=torch.float64)
        dist.all_reduce(sums, group=self._group)
        return floats(sums)

    def gather(self, value: Value) -> list[Value]:
        """Everybody's value, by everybody."""
        found: list[Value | None] = [None] * self.size
        dist.all_gather_object(found, value, group=self._group)
        return cast("list[Value]", found)

    def share(self, value: Value) -> Value:
        """Rank 0 sends its value."""
        box: list[Value | None] = [value if self.rank == 0 else None]
        dist.broadcast_object_list(box, src=0, group=self._group)
        return cast("Value", box[0])
