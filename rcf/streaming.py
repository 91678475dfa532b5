"""Online inference: push a frame, get its objects. Memory does not grow with the video.

frame --resize--> backbone (once) --> kept C K K --> ring buffer of R
                     |                                   |
                     +--------> segment <-- window ------+ --> FrameReader --> FramePrediction
"""

from collections import deque

import torch
import torch.nn.functional as functional
from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.config import EvaluationConfig, FrameSizeConfig
from rcf.data.sizes import network_size
from rcf.model.network import RCF
from rcf.reading import FrameReader
from rcf.structures import FramePrediction, Segmentation


class OnlineSegmenter:
    """Segments one stream of frames with a network in evaluation mode."""

    def __init__(self, network: RCF, size: FrameSizeConfig, config: EvaluationConfig) -> None:
        self._network, self._size, self._config = network.eval(), size, config
        self._device = next(network.parameters()).device
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next frame is the first of a new video."""
        self._kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=max(self._network.references.frames, 1))
        self._reader = FrameReader(self._config)

    @torch.inference_mode()
    def push(self, frame: UInt8[Tensor, "3 H W"], audio: Float[Tensor, "A E"] | None = None) -> FramePrediction:
        """Segment the next frame; sees this frame and the ones pushed before, never a later one.

        `audio` is the log-mel patch that ends with this frame (rcf/data/log_mel.py); without it the frame is silent.
        """
        size = network_size(frame.shape[-2], frame.shape[-1], self._size)
        patch = None if audio is None else audio[None].to(self._device)
        answer = self.step(resize_frames(frame[None], size).to(self._device), patch)
        whole = (frame.shape[-2], frame.shape[-1])
        return self._reader.read(answer.classes[-1, 0], answer.masks[-1, 0], answer.codes[0], whole)

    def step(self, frame: UInt8[Tensor, "1 3 H W"], audio: Float[Tensor, "1 A E"] | None = None) -> Segmentation:
        """The network's answer for a frame of network size, and the buffer moved on by one."""
        here = self._network.describe(frame, audio=audio)
        references = self._network.references.frames
        past = list(self._kept) or [(here.kept[0], here.heard[0])]
        past = ([past[0]] * (references - len(past)) + past)[:references]
        kept = torch.stack([frame for frame, _ in past])[None] if past else here.kept[:, None][:, :0]
        heard = torch.stack([*(sound for _, sound in past), here.heard[0]])[None]
        answer = self._network.segment(here, kept, heard)
        self._kept.append((here.kept[0], here.heard[0]))
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
    return functional.interpolate(frames, size=size, mode="bilinear", antialias=True)
