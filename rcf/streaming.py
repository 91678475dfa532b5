"""Online inference: push a frame, get its objects. Memory does not grow with the video.

frame --resize--> backbone (once) --> kept C K K --> ring buffer of R        all that a stream holds of its past is a
                     |                                   |                   StreamState: tensors, saved and loaded
                     +--------> segment <-- window ------+ --> FrameReader --> FramePrediction

    OnlineSegmenter   one stream          StreamBatch (rcf/stream_batch.py)   several, one pass for all of a moment
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.config import EvaluationConfig, FrameSizeConfig
from rcf.data.frames import resize_frame, stacked
from rcf.data.sizes import network_size
from rcf.model.network import RCF
from rcf.phases import UNWATCHED, PhaseWatch
from rcf.stream_state import StreamState
from rcf.structures import FramePrediction, Segmentation


class OnlineSegmenter:
    """Segments one stream of frames with a network in evaluation mode."""

    def __init__(
        self, network: RCF, size: FrameSizeConfig, config: EvaluationConfig, phases: PhaseWatch = UNWATCHED
    ) -> None:
        self._network, self._size, self._config, self._phases = network.eval(), size, config, phases
        self._device = next(network.parameters()).device
        self.reset()

    @property
    def frames(self) -> int:
        """How many were pushed since the last reset."""
        return self._state.frames

    def reset(self) -> None:
        """Forget the stream: the next frame is the first of a new video."""
        self._state = StreamState(self._network.references.frames, self._config)

    def state_dict(self) -> dict[str, Tensor]:
        """The whole state of the stream, on the CPU: what references have kept, identities, number of frames.

        Its size does not grow with the stream. `rcf.stream_files.save_stream` writes it without pickle.
        """
        return self._state.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on where `state_dict` was called: the same frames give the same bits on the same machine.

        The network and both configurations must be those of then. Raises rcf.errors.InputError where the state is one
        of another network.
        """
        self._state = StreamState(self._network.references.frames, self._config)
        self._state.load_state_dict(state, self._device)

    @torch.inference_mode()
    def push(self, frame: UInt8[Tensor, "3 H W"], audio: Float[Tensor, "A E"] | None = None) -> FramePrediction:
        """Segment the next frame; sees this frame and the ones pushed before, never a later one.

        `audio` is the log-mel patch that ends with this frame (rcf/data/log_mel.py); without it the frame is silent.
        Raises rcf.errors.InputError where the frame has another size than those before it: `reset` first.
        """
        self._phases.enter("preprocess")
        whole = self._state.check(frame)
        patch = None if audio is None else audio[None].to(self._device)
        seen = resize_frames(frame[None], network_size(*whole, self._size)).to(self._device)
        answer = self.step(seen, patch)
        self._phases.enter("identity")
        return self._state.read(answer, 0, whole)

    def step(self, frame: UInt8[Tensor, "1 3 H W"], audio: Float[Tensor, "1 A E"] | None = None) -> Segmentation:
        """The network's answer for a frame of network size, and the buffer moved on by one."""
        self._phases.enter("fusion")
        here = self._network.describe(frame, audio=audio)
        kept, heard = self._state.window(here.kept[0], here.heard[0])
        answer = self._network.segment(here, kept[None], heard[None])
        self._state.keep(here.kept[0], here.heard[0])
        return answer


@torch.inference_mode()
def segment_video(
    network: RCF,
    frames: UInt8[Tensor, "T 3 H W"],
    audio: Float[Tensor, "T A E"] | None = None,
    chunk: int = 8,
) -> Segmentation:
    """All frames of a video of network size in chunks: the same windows as `OnlineSegmenter`, fewer calls.

    Returns the last layer only (S = 1), on the network's device.
    """
    device = next(network.parameters()).device
    references = network.references.frames
    kept = _Stream(references)
    heard = _Stream(references)
    answers: list[Segmentation] = []
    for start in range(0, frames.shape[0], chunk):
        part = slice(start, start + chunk)
        here = network.describe(frames[part].to(device), audio=None if audio is None else audio[part].to(device))
        windows = kept.windows(here.kept)[:, :references]
        answers.append(network.segment(here, windows, heard.windows(here.heard)))
    return Segmentation(
        torch.cat([answer.classes[-1] for answer in answers])[None],
        torch.cat([answer.masks[-1] for answer in answers])[None],
        torch.cat([answer.codes for answer in answers]),
    )


class _Stream:
    """What frames of a video leave behind, chunk after chunk; the oldest is repeated at the start."""

    def __init__(self, references: int) -> None:
        self._references = references
        self._history: Tensor | None = None

    def windows(self, chunk: Tensor) -> Tensor:
        """N R+1 ...: of each frame of the chunk, the entries of the R frames before it and its own."""
        count = self._references
        past = chunk[:1].expand(count, *chunk.shape[1:]) if self._history is None else self._history
        stream = torch.cat((past, chunk))
        self._history = stream[stream.shape[0] - count :]
        return torch.stack([stream[index : index + count + 1] for index in range(chunk.shape[0])])


def resize_frames(frames: UInt8[Tensor, "N 3 H W"], size: tuple[int, int]) -> UInt8[Tensor, "N 3 h w"]:
    """Antialiased bilinear resize to the network's input size, (height, width)."""
    if frames.shape[-2:] == size:
        return frames
    return stacked([resize_frame(frame, *size) for frame in frames])
