"""Run by the tests of this folder: one rank of a group, a process that serves one call after another.

    stdin   {"call": name, "store": file, "rank": 0, "size": 2, ...arguments}        a line each
    stdout  {"result": ...} | {"error": "ValueError: ..."}

For each call the group is made anew over gloo and a file, as Ray Train does it over the network: no Ray here.
"""

import hashlib
import json
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from rcf.tensors import floats
from rcf.train.process_ranks import ProcessRanks
from rcf.train.ranks import Ranks
from rcflab.execute import notices
from rcflab.execute.batch import Batch
from rcflab.execute.conducting import run_rank
from rcflab.execute.job import Halt
from rcflab.execute.process_state import ProcessState
from rcflab.task import load_task

PATIENCE_S = 20.0


def talk(ranks: Ranks) -> list[Any]:
    """What each way of talking gives on this rank."""
    return [ranks.total([1.0, ranks.rank]), ranks.gather({"rank": ranks.rank}), ranks.share(ranks.rank + 5)]


def gradient(ranks: Ranks, parts: int) -> list[list[float]]:
    """Gradients of a linear layer on 12 samples in `parts`, twice: this rank takes its share of the samples."""
    generator = torch.Generator().manual_seed(ranks.rank)
    layer = nn.Linear(3, 1, bias=False)
    nn.init.normal_(layer.weight, generator=generator)  # another one on each rank: rank 0's counts
    wrapped, samples = ranks.wrap(layer), torch.randn(12, 3, generator=torch.Generator().manual_seed(9))
    each = 12 // ranks.size
    found: list[list[float]] = []
    for _ in range(2):
        layer.zero_grad(set_to_none=True)
        mine = samples[ranks.rank * each : (ranks.rank + 1) * each].chunk(parts)
        for part in mine[:-1]:
            with ranks.unsynchronised(wrapped):
                (wrapped(part).square().sum() * ranks.size).backward()
        (wrapped(mine[-1]).square().sum() * ranks.size).backward()
        assert layer.weight.grad is not None
        found.append(floats(layer.weight.grad.flatten()))
    return found


def statistics(ranks: Ranks) -> list[list[float]]:
    """A batch norm's running mean before and after the ranks were aligned."""
    norm = nn.BatchNorm1d(2)
    wrapped = ranks.wrap(norm)
    wrapped(torch.full((3, 2), float(ranks.rank + 1)))
    before = norm.running_mean.tolist()
    ranks.align(norm)
    return [before, norm.running_mean.tolist()]


class Folded(nn.Conv2d):
    """A convolution of one cell that is taken as a matrix, as the mask head takes its last one."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return input @ self.weight.flatten(1).T


def warned(ranks: Ranks) -> list[str]:
    """What torch warns of while such a convolution learns in channels_last."""
    wrapped = ranks.wrap(Folded(4, 6, 1, bias=False).to(memory_format=torch.channels_last))  # pyright: ignore[reportCallIssue]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        wrapped(torch.ones(2, 4)).sum().backward()
    return [str(warning.message) for warning in caught]


def train(ranks: Ranks, task: str, config: dict[str, Any], steps: int, save: str, start: str = "") -> dict[str, Any]:
    """Losses of some steps of a task, and the digest of the weights after them; from a checkpoint and into one."""
    training = load_task(task).start(config, 0, ranks)
    if start:
        training.restore(Path(start))
    losses = [training.advance()["train/loss"] for _ in range(steps)]
    target = Path(save) / f"rank-{ranks.rank}"
    target.mkdir(parents=True)
    training.save(target)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(target.iterdir())}
    return {"losses": losses, "files": files}


def evaluate(ranks: Ranks, task: str, config: dict[str, Any], folder: str) -> dict[str, float] | None:
    """Evaluate a fresh training, into `folder`."""
    training = load_task(task).start(config, 0, ranks)
    if ranks.rank:
        training.assist([config])
        return None
    (found,) = training.evaluate([config], [Path(folder)])
    return dict(found.metrics)


def job(ranks: Ranks, batch: str, key: str) -> dict[str, Any] | None:
    """This rank's part of a job."""
    found = Batch.read(Path(batch))
    last = run_rank(ProcessState(), found, found.jobs[key], ranks)
    return None if last is None else asdict(last)


def preempted(ranks: Ranks, batch: str, key: str, after: int) -> dict[str, Any]:
    """The same where the machine of a worker is taken away: each rank is asked, and only rank 0 knows by itself."""
    asked: list[int] = []

    def notice() -> Halt | None:
        asked.append(int(ranks.share(len(asked) + 1)))  # a meeting of all ranks, as Ray Train's is
        return Halt("its machine goes", "preempted") if asked[-1] == after else None

    found = Batch.read(Path(batch))
    notices.NOTICE_EVERY_S = 0.0
    last = run_rank(ProcessState(), found, found.jobs[key], ranks, notice)
    return {"asked": asked, "last": None if last is None else asdict(last)}


CALLS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (talk, gradient, statistics, warned, train, evaluate, job, preempted)
}


def serve(line: str) -> dict[str, Any]:
    """One call, in a group of its own."""
    request = json.loads(line)
    name, store, rank, size = (request.pop(field) for field in ("call", "store", "rank", "size"))
    wait = timedelta(seconds=PATIENCE_S)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size, timeout=wait)
    try:
        return {"result": CALLS[name](ProcessRanks(PATIENCE_S), **request)}
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for request in sys.stdin:
        sys.stdout.write(json.dumps(serve(request)) + "\n")
        sys.stdout.flush()
