"""Ranks over torch.distributed: each is one process of the default group, which somebody else has started.

    wrap                    DistributedDataParallel in the default group's backend (nccl, gloo): gradients
    total, gather, share    gloo, in a group of their own: small values and objects

On CPUs gradients are added in the order of the ranks. A ring adds each part of a bucket in an order of its own, and
buckets are laid out anew after the first step: from three ranks on, a resumed training would end in other bits.

With a group of its own, a rank that waits for the next call of another blocks no GPU, and a stray message can never be
taken for a gradient. Objects are pickled by torch, between processes of one training that run the same code.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from rcf.tensors import floats

Value = TypeVar("Value")
Network = TypeVar("Network", bound=Callable[..., Any])

_WHOLE_NETWORK = 2**20
"""Megabytes of one bucket, so that a CPU waits for the others once a step: it has nothing to do beside the sum."""


class ProcessRanks:
    """This process among those of the default group; made by all of them together.

    A rank that waits longer than `timeout_s` for the others raises RuntimeError.
    """

    def __init__(self, timeout_s: float) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        group = dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_s))
        assert isinstance(group, dist.ProcessGroup), "every process is a member of the group of all"
        self._group = group

    def wrap(self, network: Network) -> Network:
        """DistributedDataParallel, without a search for unused weights: an unused one is a fault, and raises."""
        assert isinstance(network, nn.Module)
        device = next(network.parameters()).device
        for weight in network.parameters():
            weight.data = _plain_strides(weight.data)
        on_cpu = device.type == "cpu"
        wrapped = DistributedDataParallel(
            network,
            device_ids=None if on_cpu else [device],
            gradient_as_bucket_view=True,
            bucket_cap_mb=_WHOLE_NETWORK if on_cpu else None,
        )
        if on_cpu:
            wrapped.register_comm_hook(None, _mean_in_order)  # pyright: ignore[reportUnknownMemberType]
        return cast("Network", wrapped)

    def unsynchronised(self, network: Callable[..., Any]) -> AbstractContextManager[object]:
        """The `no_sync` of DistributedDataParallel."""
        assert isinstance(network, DistributedDataParallel), "only a wrapped network sends gradients"
        return cast("AbstractContextManager[object]", network.no_sync())

    def align(self, network: Callable[..., Any]) -> None:
        """Broadcast every buffer."""
        assert isinstance(network, nn.Module)
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


def _plain_strides(weight: torch.Tensor) -> torch.Tensor:
    """The same memory; a 1x1 kernel lies alike in both memory formats and gets the strides of the plain one.

    Its gradient may have those; where they are not the weight's, the reducer copies it instead of taking it as it is.
    """
    if weight.dim() != 4 or weight.shape[2:] != (1, 1) or not weight.is_contiguous():
        return weight
    return weight.as_strided(weight.shape, (weight.shape[1], 1, 1, 1))


def _mean_in_order(
    state: object,
    bucket: dist.GradBucket,  # pyright: ignore[reportPrivateImportUsage]  its documented name
) -> torch.futures.Future[torch.Tensor]:
    """Mean over ranks of each value, added from rank 0 on wherever the value lies.

    Each rank adds one part for all: what is sent is no more than a ring sends.
    """
    gradient, size = bucket.buffer(), dist.get_world_size()
    rest = -len(gradient) % size
    mine = nn.functional.pad(gradient, (0, rest)) if rest else gradient
    parts = torch.empty_like(mine)
    dist.all_to_all_single(parts, mine)
    mean, *others = parts.view(size, -1)
    for part in others:
        mean += part
    mean /= size
    dist.all_gather(list(mine.view(size, -1)), mean)
    done: torch.futures.Future[torch.Tensor] = torch.futures.Future()
    done.set_result(mine[: len(gradient)])
    return done
