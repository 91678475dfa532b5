"""Online inference: push a frame, get its objects. Memory does not grow with the video.

frame --resize--> backbone (once) --> kept C K K --> ring buffer of R
                     |                                   |
                     +--------> segment <-- window ------+ --> FrameReader --> FramePrediction
"""

from collections import deque

import torch
import torch.nn.functional as functional
from jaxtyping import UInt8
from torch import Tensor

from rcf.config import EvaluationConfig, FrameSizeConfig
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
        self._kept: deque[Tensor] = deque(maxlen=max(self._network.references.frames, 1))
        self._reader = FrameReader(self._config)

    @torch.inference_mode()
    def push(self, frame: UInt8[Tensor, "3 H W"]) -> FramePrediction:
        """Segment the next frame; sees this frame and the ones pushed before, never a later one."""
        answer = self.step(resize_frames(frame[None], self._size).to(self._device))
        return self._reader.read(answer.classes[-1, 0], answer.masks[-1, 0], (frame.shape[-2], frame.shape[-1]))

    def step(self, frame: UInt8[Tensor, "1 3 H W"]) -> Segmentation:
        """The network's answer for a frame of network size, and the buffer moved on by one."""
        pyramid, kept = self._network.describe(frame)
        references = self._network.references.frames
        past = list(self._kept) or [kept[0]]
        past = [past[0]] * (references - len(past)) + past[max(len(past) - references, 0) :]
        window = torch.stack(past[:references])[None] if references else kept[:, None][:, :0]
        answer = self._network.segment(pyramid, window)
        self._kept.append(kept[0])
        return answer


@torch.inference_mode()
def segment_video(network: RCF, frames: UInt8[Tensor, "T 3 H W"], chunk: int = 8) -> Segmentation:
    """All frames of a video of network size in chunks: the same windows as `OnlineSegmenter`, fewer calls.

    Returns the last layer only (S = 1), on the network's device.
    """
    device = next(network.parameters()).device
    references = network.references.frames
    history: Tensor | None = None
    classes: list[Tensor] = []
    masks: list[Tensor] = []
    for start in range(0, frames.shape[0], chunk):
        pyramid, kept = network.describe(frames[start : start + chunk].to(device))
        past = kept[:1].expand(references, *kept.shape[1:]) if history is None else history
        stream = torch.cat((past, kept))
        windows = torch.stack([stream[index : index + references] for index in range(kept.shape[0])])
        answer = network.segment(pyramid, windows)
        classes.append(answer.classes[-1])
        masks.append(answer.masks[-1])
        history = stream[stream.shape[0] - references :]
    return Segmentation(torch.cat(classes)[None], torch.cat(masks)[None])


def resize_frames(frames: UInt8[Tensor, "N 3 H W"], size: FrameSizeConfig) -> UInt8[Tensor, "N 3 h w"]:
    """Antialiased bilinear resize to the network's input size."""
    if frames.shape[-2:] == (size.height, size.width):
        return frames
    return functional.interpolate(frames, size=(size.height, size.width), mode="bilinear", antialias=True)
