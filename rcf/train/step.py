"""One training in progress: a network, its optimiser and a position in the sample stream.

    sample_clips(seed, step) --> this rank's clips, in `accumulate` parts
        each part --> RCF --> SetLoss / counts of the whole step --> backward            (gradients add up)
    --> sum over ranks --> clip --> AdamW(rate(step)) --> running average --> step + 1

All randomness is a function of (seed, step, rank), so a resume needs weights, optimiser state and the step, nothing
else; and the gradient of a step is the same however it is split over ranks and parts.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import cast

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from rcf.config import RcfConfig
from rcf.data.clip_plan import ClipPlan
from rcf.data.loader import Loader
from rcf.data.sampling import ClipSource, sample_clips
from rcf.errors import NonFiniteLossError
from rcf.loss.criterion import Loss, Normaliser, SetLoss
from rcf.model.network import RCF
from rcf.seeding import stream_seed
from rcf.structures import ClipBatch, FrameTargets
from rcf.tensors import floats, seed_globally
from rcf.train.average import RunningAverage
from rcf.train.optimizer import build_optimizer, peak_lr, rate, set_rate
from rcf.train.ranks import SINGLE, Ranks

_REDUCED = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_TERMS = ("train/loss", "train/loss_class", "train/loss_dice", "train/loss_bce", "train/loss_focal")


class Trainer:
    """Trains `network` on `dataset`, one `advance()` at a time; with many ranks, all of them call it together."""

    def __init__(self, network: RCF, dataset: ClipSource, config: RcfConfig, seed: int, ranks: Ranks = SINGLE) -> None:
        self.network, self.dataset, self.config, self.seed, self.ranks = network, dataset, config, seed, ranks
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network.to(self.device, memory_format=_memory_format(config))  # pyright: ignore[reportCallIssue]
        self._wrapped = ranks.wrap(network)
        self._forward = cast(RCF, torch.compile(self._wrapped) if config.training.compile else self._wrapped)
        training = config.training
        self._loss = SetLoss(training.loss)
        self._plan = ClipPlan.of(config)
        sampler = _sampler(dataset, self._plan, seed, ranks)
        self._loader = Loader(sampler, training.steps, training.loader_threads)
        self.optimizer = build_optimizer(network, config.training)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.training.precision == "float16")
        self.average = RunningAverage(network, config.training.ema) if config.training.ema else None
        self.step = 0
        self.skipped = 0
        """Clips that all ranks have left out so far, because a file of theirs is damaged."""

    @property
    def evaluated(self) -> RCF:
        """The network that is evaluated: the running average of the weights, where one is kept."""
        return self.network if self.average is None else self.average.network

    def advance(self) -> Mapping[str, float]:
        """One optimisation step; returns loss terms, learning rate and the share of time spent waiting for data.

        Raises NonFiniteLossError before the weights are touched, on all ranks alike.
        """
        began = time.perf_counter()
        batch = self._sample()
        waited = time.perf_counter() - began
        left_out = self._left_out(batch)
        self.network.train()
        seed_globally(stream_seed(self.seed, f"dropout/{self.step}" + (f"/{self.ranks.rank}" * bool(self.ranks.rank))))
        share = rate(self.step, self.config.training)
        set_rate(self.optimizer, share)
        self.optimizer.zero_grad(set_to_none=True)
        terms = self._backward(batch)
        for name, value in terms.items():
            if not math.isfinite(value):
                raise NonFiniteLossError(self.step, name, value)
        self._update()
        self.step += 1
        if self.average is not None:
            self.average.update(self.network)
        return {
            **terms,
            **left_out,
            "train/lr": share * peak_lr(self.config.training),
            "time/data_wait_pct": 100 * waited / (time.perf_counter() - began),
        }

    def _sample(self) -> ClipBatch:
        """This rank's clips of the step."""
        return self._loader.get(self.step)

    def _left_out(self, batch: ClipBatch) -> dict[str, float]:
        """The count so far, where damaged files may be left out at all."""
        if self._plan.on_corrupt == "fail":
            return {}
        self.skipped += int(self.ranks.total([float(batch.skipped)])[0])
        return {"data/skipped": float(self.skipped)}

    def _backward(self, batch: ClipBatch) -> dict[str, float]:
        """Add up the gradients of all parts; returns the terms of the whole step, summed over ranks."""
        whole = self._counts(batch)
        parts = list(_parts(batch, self.config.training.accumulate))
        sums = [0.0] * len(_TERMS)
        for number, part in enumerate(parts):
            # Ranks add their gradients once, with the last part.
            last = number == len(parts) - 1
            with nullcontext() if last else self.ranks.unsynchronised(self._wrapped):
                loss = self._part_loss(part, whole)
                # DistributedDataParallel averages over ranks; the loss is made to be summed.
                self.scaler.scale(loss.total * self.ranks.size).backward()  # pyright: ignore[reportUnknownMemberType]
            values = (loss.total.detach(), loss.class_term, loss.dice_term, loss.bce_term, loss.focal_term)
            sums = [before + value for before, value in zip(sums, floats(torch.stack(values)), strict=True)]
        return dict(zip(_TERMS, self.ranks.total(sums), strict=True))

    def _counts(self, batch: ClipBatch) -> Normaliser:
        mine = Normaliser.of(_frames(batch), self.config.model.queries, self.config.training.loss.empty_weight)
        instances, class_weight = self.ranks.total([mine.instances, mine.class_weight])
        return Normaliser(instances, class_weight)

    def _part_loss(self, part: ClipBatch, whole: Normaliser) -> Loss:
        kind = _REDUCED[self.config.training.precision]
        audio = None if part.audio is None else part.audio.to(self.device, non_blocking=True)
        sizes = None if part.sizes is None else part.sizes.to(self.device)
        with torch.autocast(self.device.type, dtype=kind, enabled=kind is not torch.float32):
            answer = self._forward(self._to_device(part.frames), sizes, audio)
        return self._loss(answer, _frames(part), whole, seed=stream_seed(self.seed, f"points/{self.step}"))

    def _to_device(self, frames: UInt8[Tensor, "B P 3 H W"]) -> UInt8[Tensor, "B P 3 H W"]:
        """Pinned on the way to a GPU, so that the copy runs beside what the GPU still has to do."""
        return frames.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else frames

    def _update(self) -> None:
        """Clip, or with a limit of 0 only look: a gradient that is not finite would spoil every weight.

        Under float16 such a gradient is a sign of too large a scale: the step is left out and the scale halved.
        """
        self.scaler.unscale_(self.optimizer)
        limit = self.config.training.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit, foreach=False).item()
        if not math.isfinite(norm) and not self.scaler.is_enabled():
            raise NonFiniteLossError(self.step, "gradient norm", norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """Adam's moments by parameter name, and the state of the loss scale, for a checkpoint."""
        names = {id(weight): name for name, weight in self.network.named_parameters()}
        tensors: dict[str, Tensor] = {}
        for weight, state in self.optimizer.state.items():
            for key, value in cast("dict[str, Tensor]", state).items():
                tensors[f"{key}/{names[id(weight)]}"] = value
        for key, value in cast("dict[str, float]", self.scaler.state_dict()).items():
            tensors[f"{_SCALER}/{key}"] = torch.tensor(value, dtype=torch.float64)
        return tensors

    def load_optimizer_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Undo `optimizer_tensors`; memory formats follow the parameters, as in an uninterrupted run."""
        weights = dict(self.network.named_parameters())
        self.optimizer.state.clear()
        scale = {path.split("/", 1)[1]: value.item() for path, value in tensors.items() if path.startswith(_SCALER)}
        if scale:
            counts = {key: int(scale[key]) for key in ("growth_interval", "_growth_tracker")}
            self.scaler.load_state_dict({**scale, **counts})
        for path, value in tensors.items():
            key, name = path.split("/", 1)
            if key == _SCALER:
                continue
            weight = weights[name]
            home = torch.empty_like(weight if key != "step" else value, device=weight.device).copy_(value)
            self.optimizer.state[weight][key] = home


_SCALER = "loss_scale"


def _sampler(source: ClipSource, plan: ClipPlan, seed: int, ranks: Ranks) -> Callable[[int], ClipBatch]:
    """step -> this rank's clips."""
    each = plan.clips // ranks.size
    places = range(ranks.rank * each, (ranks.rank + 1) * each)
    return lambda step: sample_clips(source, plan, seed, step, places)


def _frames(batch: ClipBatch) -> Sequence[FrameTargets]:
    return [frame for clip in batch.targets for frame in clip]


def _parts(batch: ClipBatch, count: int) -> Iterator[ClipBatch]:
    """The batch in `count` parts of equal size."""
    clips = len(batch.targets) // count
    for first in range(0, len(batch.targets), clips):
        part = slice(first, first + clips)
        yield ClipBatch(
            batch.frames[part],
            batch.targets[part],
            None if batch.sizes is None else batch.sizes[part],
            None if batch.audio is None else batch.audio[part],
        )


def _memory_format(config: RcfConfig) -> torch.memory_format:
    return torch.channels_last if config.training.channels_last else torch.contiguous_format
