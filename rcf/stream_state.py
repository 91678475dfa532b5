"""What one stream holds of its past; all of it goes into tensors and comes back from them.

    kept.0, kept.1, ..   C K K each      what the last R frames left behind, oldest first
    heard.0, heard.1, .. V each          the feature of their sound
    reader.*                             identities so far (rcf/identity.py)
    frames, frame_size, references       how many frames, of which size, and R

Nothing of it grows with the stream.
"""

from collections import deque
from collections.abc import Mapping

import torch
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.errors import InputError, Problem
from rcf.reading import FrameReader
from rcf.structures import FramePrediction, Segmentation
from rcf.tensors import integers

_READER = "reader."


class StreamState:
    """The past of one stream, at its start."""

    def __init__(self, references: int, config: EvaluationConfig) -> None:
        self._references = references
        self._past: deque[tuple[Tensor, Tensor]] = deque(maxlen=max(references, 1))
        self._reader = FrameReader(config)
        self._frame_size: tuple[int, int] | None = None
        self.frames = 0
        """How many frames were read."""

    @property
    def past(self) -> list[tuple[Tensor, Tensor]]:
        """What the last frames have kept and heard, oldest first."""
        return list(self._past)

    def check(self, frame: Tensor) -> tuple[int, int]:
        """Height and width of the next frame.

        Raises rcf.errors.InputError where it is no 3 H W of uint8, or of another size than the first one.
        """
        place = f"frame {self.frames}"
        if frame.dtype != torch.uint8 or frame.ndim != 3 or frame.shape[0] != 3:
            got = f"{frame.dtype} of shape {tuple(frame.shape)}"
            raise InputError([Problem("stream", place, got, "red, green, blue as uint8 of shape (3, height, width)")])
        size = (frame.shape[-2], frame.shape[-1])
        if self._frame_size not in (None, size):
            height, width = self._frame_size
            got, wanted = f"{size[1]}x{size[0]}", f"{width}x{height} as the frames before it"
            raise InputError([Problem("stream", place, got, wanted, "Reset the stream: another size is another video")])
        self._frame_size = size
        return size

    def window(self, kept: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
        """R ... and R+1 V: what the frames before have kept, and what was heard up to this one.

        At the start of a video the oldest frame is repeated; the first has itself as its reference.
        """
        count = self._references
        past = self.past or [(kept, heard)]
        past = ([past[0]] * (count - len(past)) + past)[:count]
        window = torch.stack([frame for frame, _ in past]) if past else kept[None][:0]
        return window, torch.stack([*(sound for _, sound in past), heard])

    def keep(self, kept: Tensor, heard: Tensor) -> None:
        """Move on by one frame. A view is copied: it would hold the batch that it is a part of."""
        self._past.append((_own(kept), _own(heard)))

    def read(self, answer: Segmentation, index: int, size: tuple[int, int]) -> FramePrediction:
        """The next frame, number `index` of the answer, as objects with identities."""
        self.frames += 1
        return self._reader.read(answer.classes[-1, index], answer.masks[-1, index], answer.codes[index], size)

    def state_dict(self) -> dict[str, Tensor]:
        """All of it, on the CPU; see the module's figure."""
        state = {
            "references": torch.tensor([self._references]),
            "frames": torch.tensor([self.frames]),
            "frame_size": torch.tensor(self._frame_size or (), dtype=torch.int64),
        }
        for number, (kept, heard) in enumerate(self._past):
            state[f"kept.{number}"], state[f"heard.{number}"] = kept.cpu().clone(), heard.cpu().clone()
        return state | {_READER + name: value.clone() for name, value in self._reader.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Fill a state that is at its start. Raises rcf.errors.InputError where `state` is none of this network."""
        try:
            self._fill(state, device)
        except KeyError as error:
            wanted = "a whole state of this network, with this identity rule"
            raise InputError([Problem("state of a stream", str(error.args[0]), "no such tensor", wanted)]) from error

    def _fill(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        references = int(state["references"])
        if references != self._references:
            got = f"the state of a network with {references} reference frames"
            raise InputError([Problem("state of a stream", "references", got, f"one with {self._references}")])
        size = integers(state["frame_size"])
        self.frames = int(state["frames"])
        self._frame_size = (size[0], size[1]) if size else None
        for number in range(min(self.frames, max(references, 1))):
            self._past.append((state[f"kept.{number}"].to(device), state[f"heard.{number}"].to(device)))
        reader = {name.removeprefix(_READER): value for name, value in state.items() if name.startswith(_READER)}
        self._reader.load_state_dict(reader)


def _own(tensor: Tensor) -> Tensor:
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()
