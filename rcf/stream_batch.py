"""Several streams through one network: the frames of one moment in one pass, each stream with a past of its own.

frames of N streams (None: this stream has none now) --those of one size together--> describe, segment
                                                     --> the StreamState of each --> FramePredictions
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.config import EvaluationConfig, FrameSizeConfig
from rcf.data.sizes import network_size
from rcf.model.network import RCF
from rcf.stream_state import StreamState
from rcf.streaming import resize_frames
from rcf.structures import FramePrediction


class StreamBatch:
    """N streams that move on independently. Equal to N `OnlineSegmenter`s but for the rounding of batched sums."""

    def __init__(self, network: RCF, size: FrameSizeConfig, config: EvaluationConfig, streams: int) -> None:
        self._network, self._size, self._config = network.eval(), size, config
        self._device = next(network.parameters()).device
        self._states = [self._fresh() for _ in range(streams)]

    def __len__(self) -> int:
        return len(self._states)

    def reset(self, stream: int) -> None:
        """Forget one stream; the others go on."""
        self._states[stream] = self._fresh()

    def state_dict(self, stream: int) -> dict[str, Tensor]:
        """The state of one stream; an `OnlineSegmenter` of the same network can go on from it."""
        return self._states[stream].state_dict()

    def load_state_dict(self, stream: int, state: Mapping[str, Tensor]) -> None:
        """One stream goes on where `state_dict` was called. Raises rcf.errors.InputError."""
        fresh = self._fresh()
        fresh.load_state_dict(state, self._device)
        self._states[stream] = fresh

    @torch.inference_mode()
    def push(
        self,
        frames: Sequence[UInt8[Tensor, "3 _ _"] | None],
        audio: Sequence[Float[Tensor, "A E"] | None] | None = None,
    ) -> list[FramePrediction | None]:
        """The next frame of each stream, or None for a stream that has none at this moment.

        Frames of streams may differ in size. In one push either all frames have sound or none has. Raises
        rcf.errors.InputError where a stream changes its size, before any stream has moved on.
        """
        sizes = {number: self._states[number].check(frame) for number, frame in enumerate(frames) if frame is not None}
        groups: dict[tuple[int, int], list[int]] = {}
        for number, size in sizes.items():
            groups.setdefault(network_size(*size, self._size), []).append(number)
        found: dict[int, FramePrediction] = {}
        for size, numbers in groups.items():
            pictures = [resize_frames(_given(frames[number])[None], size) for number in numbers]
            sounds = None if audio is None else torch.stack([_given(audio[number]) for number in numbers])
            found |= self._pass(torch.cat(pictures), sounds, numbers, sizes)
        return [found.get(number) for number in range(len(frames))]

    def _pass(
        self, pictures: Tensor, sounds: Tensor | None, numbers: list[int], sizes: Mapping[int, tuple[int, int]]
    ) -> dict[int, FramePrediction]:
        heard = None if sounds is None else sounds.to(self._device)
        here = self._network.describe(pictures.to(self._device), audio=heard)
        states = [self._states[number] for number in numbers]
        windows = [state.window(here.kept[place], here.heard[place]) for place, state in enumerate(states)]
        answer = self._network.segment(here, *(torch.stack(parts) for parts in zip(*windows, strict=True)))
        for place, state in enumerate(states):
            state.keep(here.kept[place], here.heard[place])
        return {
            number: state.read(answer, place, sizes[number])
            for place, (number, state) in enumerate(zip(numbers, states, strict=True))
        }

    def _fresh(self) -> StreamState:
        return StreamState(self._network.references.frames, self._config)


def _given(value: Tensor | None) -> Tensor:
    assert value is not None
    return value
