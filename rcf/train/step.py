"""One training in progress: a network, its optimiser and a position in the sample stream.

    sample_clips(seed, step) --> RCF --> set_loss --> backward --> clip --> AdamW(rate(step)) --> step + 1

All randomness is a function of (seed, step), so a resume needs weights, optimiser state and the step, nothing else.
"""

import math
import time
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from rcf.config import RcfConfig
from rcf.data.sampling import sample_clips
from rcf.data.ytvis import VideoDataset
from rcf.errors import NonFiniteLossError
from rcf.loss.criterion import Loss, set_loss
from rcf.model.network import RCF
from rcf.seeding import stream_seed
from rcf.structures import ClipBatch
from rcf.tensors import seed_globally
from rcf.train.optimizer import build_optimizer, rate, set_rate


class Trainer:
    """Trains `network` on `dataset`, one `advance()` at a time."""

    def __init__(self, network: RCF, dataset: VideoDataset, config: RcfConfig, seed: int) -> None:
        self.network, self.dataset, self.config, self.seed = network, dataset, config, seed
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network.to(self.device, memory_format=_memory_format(config))  # pyright: ignore[reportCallIssue]
        self._forward = cast(RCF, torch.compile(network)) if config.training.compile else network
        self.optimizer = build_optimizer(network, config.training)
        self.step = 0

    def advance(self) -> Mapping[str, float]:
        """One optimisation step; returns loss terms, learning rate and the share of time spent waiting for data.

        Raises NonFiniteLossError before the weights are touched.
        """
        began = time.perf_counter()
        batch = self._sample()
        waited = time.perf_counter() - began
        self.network.train()
        seed_globally(stream_seed(self.seed, f"dropout/{self.step}"))
        share = rate(self.step, self.config.training)
        set_rate(self.optimizer, share)
        loss = self._loss(batch)
        self._check_finite(loss)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # pyright: ignore[reportUnknownMemberType]
        self._clip()
        self.optimizer.step()  # pyright: ignore[reportUnknownMemberType]
        self.step += 1
        return {
            "train/loss": loss.total.item(),
            "train/loss_class": loss.class_term.item(),
            "train/loss_dice": loss.dice_term.item(),
            "train/loss_bce": loss.bce_term.item(),
            "train/lr": share * self.config.training.lr,
            "time/data_wait_pct": 100 * waited / (time.perf_counter() - began),
        }

    def _sample(self) -> ClipBatch:
        training = self.config.training
        return sample_clips(
            self.dataset,
            clips=training.clips_per_step,
            targets=training.targets_per_clip,
            references=self.config.model.reference.frames,
            flip=training.flip,
            seed=self.seed,
            step=self.step,
        )

    def _loss(self, batch: ClipBatch) -> Loss:
        reduced = self.config.training.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced):
            answer = self._forward(self._to_device(batch.frames))
        frames = [frame for clip in batch.targets for frame in clip]
        return set_loss(answer, frames, self.config.training.loss)

    def _to_device(self, frames: UInt8[Tensor, "B P 3 H W"]) -> UInt8[Tensor, "B P 3 H W"]:
        """Pinned on the way to a GPU, so that the copy runs beside what the GPU still has to do."""
        return frames.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else frames

    def _check_finite(self, loss: Loss) -> None:
        terms = {"train/loss_class": loss.class_term, "train/loss_dice": loss.dice_term, "train/loss": loss.total}
        for name, term in terms.items():
            if not math.isfinite(value := term.item()):
                raise NonFiniteLossError(self.step, name, value)

    def _clip(self) -> None:
        """Clip, or with a limit of 0 only look: a gradient that is not finite would spoil every weight."""
        limit = self.config.training.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit, foreach=False).item()
        if not math.isfinite(norm):
            raise NonFiniteLossError(self.step, "gradient norm", norm)

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """Adam's moments by parameter name, for a checkpoint."""
        names = {id(weight): name for name, weight in self.network.named_parameters()}
        tensors: dict[str, Tensor] = {}
        for weight, state in self.optimizer.state.items():
            for key, value in cast("dict[str, Tensor]", state).items():
                tensors[f"{key}/{names[id(weight)]}"] = value
        return tensors

    def load_optimizer_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Undo `optimizer_tensors`; memory formats follow the parameters, as in an uninterrupted run."""
        weights = dict(self.network.named_parameters())
        self.optimizer.state.clear()
        for path, value in tensors.items():
            key, name = path.split("/", 1)
            weight = weights[name]
            home = value.clone() if key == "step" else torch.empty_like(weight).copy_(value)
            self.optimizer.state[weight][key] = home


def _memory_format(config: RcfConfig) -> torch.memory_format:
    return torch.channels_last if config.training.channels_last else torch.contiguous_format
