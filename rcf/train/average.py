"""A running average of the weights, which is evaluated in place of the weights themselves.

average <- decay x average + (1 - decay) x weights, after each step; the first step's weights are its start
"""

from typing import cast

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rcf.model.network import RCF


class RunningAverage:
    """Torch's exponential moving average over parameters and buffers."""

    def __init__(self, network: RCF, decay: float) -> None:
        average = get_ema_multi_avg_fn(decay)  # pyright: ignore[reportUnknownVariableType]  one argument has no type
        self._model = AveragedModel(network, multi_avg_fn=average, use_buffers=True)  # pyright: ignore[reportUnknownArgumentType]
        self._model.requires_grad_(False)

    @property
    def network(self) -> RCF:
        """The network with averaged weights."""
        return cast(RCF, self._model.module)

    @torch.no_grad()
    def update(self, network: RCF) -> None:
        """Take the weights after a step into account."""
        self._model.update_parameters(network)

    def resumed(self) -> None:
        """Tell it that its weights were loaded: the next update must not start anew."""
        self._model.n_averaged.fill_(1)
