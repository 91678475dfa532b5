"""A Lipschitz bound of the box "audio": from the patches of a window to its tokens, and how long a token can get.

    patches --ear: layer constants--> features --layer of an LSTM, each way--> .. --linear, ReLU, linear--> tokens

An LSTM multiplies gates and cells, so it has a constant only where both are bounded. They are: gates are below 1, and a
cell grows by less than 1 a step from 0, so |c_t| < t. With zeta the change of the four gates' sums, elementwise

    |dc_t| <= |dc_{t-1}| + sqrt((t-1)^2 / 16 + 1 / 16 + 1) zeta_t        (a gate's slope is at most 1/4, that of tanh 1)
    |dh_t| <= |dc_t| + zeta_t / 4            zeta_t <= |W| |dx_t| + |U| |dh_{t-1}|

which is a matrix with entries of at least 0 from the steps of x to those of h: its norm is the bound.
"""

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from rcf.diagnostics.layer_constants import layer_constant, pooling_norm
from rcf.diagnostics.magnitudes import ONE, ZERO, Magnitude, hypot, magnitude, product
from rcf.diagnostics.spectral_norms import linear_norm
from rcf.model.audio import AudioTokens, NoAudio
from rcf.sound import MEL_BINS
from rcf.tensors import from_numpy, length, spectral_norm


def sound_bound(audio: AudioTokens | NoAudio, frames: int) -> Magnitude:
    """The constant from patches P A E to tokens P D, for windows of P = `frames`; 0 where nobody listens."""
    if isinstance(audio, NoAudio):
        return ZERO
    first, _, second = audio.project
    return _ear(audio) * lstm_bound(audio.lstm, frames) * layer_constant(first, ()) * layer_constant(second, ())


def lstm_bound(lstm: nn.LSTM, frames: int) -> Magnitude:
    """The constant of a bidirectional LSTM over sequences of so many steps, from all inputs to all outputs."""
    return product(
        hypot(*(_one_way(lstm, f"l{layer}{way}", frames) for way in ("", "_reverse")))
        for layer in range(lstm.num_layers)
    )


def sound_reach(audio: AudioTokens | NoAudio) -> Magnitude:
    """No token is longer, whatever is heard: the outputs of an LSTM lie between -1 and 1."""
    if isinstance(audio, NoAudio):
        return ZERO
    first, _, second = audio.project
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    inner = layer_constant(first, ()) * math.sqrt(first.in_features) + length(first.bias.detach().double())
    return layer_constant(second, ()) * inner + length(second.bias.detach().double())


def _ear(audio: AudioTokens) -> Magnitude:
    """Layer by layer; a silent patch gives the sizes. Reordering features between them costs nothing."""
    ear = audio.ear
    value = next(ear.parameters()).new_zeros(1, 1, audio.mel_frames, MEL_BINS)
    found = ONE * (1 / ear.unit)
    for layer in ear.features:
        found = found * layer_constant(layer, tuple(value.shape))
        value = cast(Tensor, layer(value))
    cells = cast("tuple[int, int]", ear.pool.output_size)
    found = found * pooling_norm((value.shape[-2], value.shape[-1]), cells)
    return found * product(layer_constant(layer, ()) for layer in ear.embeddings)


def _one_way(lstm: nn.LSTM, name: str, frames: int) -> Magnitude:
    """One layer in one direction: the norm of the matrix from steps to steps."""
    inputs, states = (
        linear_norm(cast(Tensor, getattr(lstm, f"weight_{kind}_{name}")).detach()) for kind in ("ih", "hh")
    )
    cell, state = np.zeros(frames), np.zeros(frames)
    rows: list[NDArray[np.float64]] = []
    for step in range(frames):
        gates = states * state
        gates[step] += inputs
        cell = cell + math.sqrt(step**2 / 16 + 1 / 16 + 1) * gates
        state = cell + gates / 4
        rows.append(state)
    return magnitude(float(spectral_norm(from_numpy(np.stack(rows)))))
