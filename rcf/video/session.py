"""One video through a network, from source frames to what is shown; all its state in one dictionary of tensors.

SourceFrame --sound--> SoundBuffer --patch--+
            --pixels------------------------+--> OnlineSegmenter --> OutputMode --> Shown
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from rcf.data.live_sound import SoundBuffer
from rcf.phases import UNWATCHED, PhaseWatch
from rcf.streaming import OnlineSegmenter
from rcf.structures import FramePrediction
from rcf.trained import TrainedNetwork
from rcf.video.modes import Choice, OutputMode
from rcf.video.source import SourceFrame

_PARTS = ("segmenter", "sound", "mode")


@dataclass(frozen=True, slots=True)
class ShownObject:
    """One object in one frame."""

    identity: int
    slot: int
    category: str
    score: float
    overridden: bool
    """The IoU rule gave it another identity than the slot rule."""

    @property
    def label(self) -> str:
        """For a picture."""
        return f"{self.identity} {self.category} {100 * self.score:.0f}%"


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What is said of one frame."""

    frame: SourceFrame
    mode: str
    objects: tuple[ShownObject, ...]
    masks: Bool[Tensor, "M H W"]
    """One for each of `objects`."""


class VideoSession:
    """Segments one source; `sound_rate` is the source's, 0 where it has none."""

    def __init__(
        self, model: TrainedNetwork, mode: OutputMode, sound_rate: int = 0, phases: PhaseWatch = UNWATCHED
    ) -> None:
        self._model, self._mode, self.phases = model, mode, phases
        self._segmenter = OnlineSegmenter(
            model.network, model.input_size, mode.reading(model.config.evaluation), phases
        )
        listens = model.listens and sound_rate > 0
        self._sound = SoundBuffer(model.config.model.audio, sound_rate) if listens else None

    @property
    def frames(self) -> int:
        """How many it has seen, those before a resumption included."""
        return self._segmenter.frames

    @property
    def ahead_s(self) -> float:
        """Seconds of sound that the network wants to hear after each frame; 0 for a causal one."""
        return 0.0 if self._sound is None else self._sound.ahead_s

    def push(self, frame: SourceFrame) -> Shown:
        """The next frame. Raises rcf.errors.InputError where it has another size than the first."""
        self.phases.enter("preprocess")
        patch = None
        if self._sound is not None:
            self._sound.add(frame.sound)
            patch = self._sound.patch(frame.moment)
        prediction = self._segmenter.push(frame.pixels, patch)
        chosen = self._mode.select(prediction)
        rows = torch.tensor([each.index for each in chosen], dtype=torch.int64)
        objects = tuple(self._described(prediction, each) for each in chosen)
        return Shown(frame, self._mode.name, objects, prediction.masks[rows])

    def state_dict(self) -> dict[str, Tensor]:
        """All that the frames so far have left behind; of constant size."""
        parts = zip(_PARTS, (self._segmenter, self._sound, self._mode), strict=True)
        held = [(name, part.state_dict()) for name, part in parts if part is not None]
        return {f"{name}.{key}": value for name, state in held for key, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor], *, other_sound: bool = False) -> None:
        """Go on where `state_dict` was called.

        `other_sound`: the clock of the source begins anew, as a camera's does, so what was heard is forgotten. Raises
        rcf.errors.InputError, KeyError or ValueError where it is no state of this network, mode and rate of sound.
        """
        for name, part in zip(_PARTS, (self._segmenter, self._sound, self._mode), strict=True):
            if part is not None and not (other_sound and name == "sound"):
                inner = {
                    key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")
                }
                part.load_state_dict(inner)

    def _described(self, prediction: FramePrediction, chosen: Choice) -> ShownObject:
        return ShownObject(
            identity=int(prediction.identities[chosen.index]),
            slot=int(prediction.slots[chosen.index]),
            category=self._model.categories[chosen.category],
            score=chosen.score,
            overridden=bool(prediction.overridden[chosen.index]),
        )
