"""A trained network for use: `rcf.load`.

checkpoint | weights in it | folder of a cell --load--> TrainedNetwork --segment--> FramePrediction, frame by frame

    import rcf
    model = rcf.load("runs/cells/0123456789abcdef")
    for seen in model.segment(frames):
        print(seen.identities.tolist(), model.names(seen), seen.masks.shape)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from rcf.checkpoint import load_network
from rcf.checkpoint_files import find_checkpoint
from rcf.config import FrameSizeConfig, RcfConfig
from rcf.errors import InputError, Problem
from rcf.model.network import RCF
from rcf.streaming import OnlineSegmenter
from rcf.structures import FramePrediction


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """A network with all that it needs to be used."""

    network: RCF
    """In evaluation mode."""
    config: RcfConfig
    """What it was trained with."""
    categories: tuple[str, ...]
    """Names, by index."""
    folder: Path
    """The checkpoint."""

    @property
    def input_size(self) -> FrameSizeConfig:
        """The size at which the network sees frames."""
        return self.config.evaluation.input or self.config.input

    @property
    def listens(self) -> bool:
        """Whether sound makes a difference to it."""
        return self.config.model.audio.features != "none"

    def segmenter(self) -> OnlineSegmenter:
        """For one stream: `push` it frame after frame. Each stream needs one of its own."""
        return OnlineSegmenter(self.network, self.input_size, self.config.evaluation)

    def segment(self, frames: Iterable[UInt8[Tensor, "3 H W"]]) -> Iterator[FramePrediction]:
        """One video, frame by frame, online: each answer sees its frame and those before it.

        Frames are red, green, blue, of any size, and may come from a generator: memory does not grow with the video.
        """
        segmenter = self.segmenter()
        for frame in frames:
            yield segmenter.push(frame)

    def names(self, seen: FramePrediction) -> tuple[str, ...]:
        """The most probable category of each object of `seen`."""
        best = seen.class_probabilities[:, : len(self.categories)].argmax(-1)
        return tuple(self.categories[int(index)] for index in best)


def load(path: str | Path, device: str | torch.device = "cpu") -> TrainedNetwork:
    """The trained network at `path`, on `device`.

    `path` is the folder of a checkpoint, the folder of a cell (its newest checkpoint), or a safetensors file of weights
    in a checkpoint. From a folder the running average of the weights is taken where the training kept one. Raises
    rcf.errors.InputError where there is no checkpoint, CheckpointError where it is damaged.
    """
    place = Path(path)
    weights = place if place.is_file() else None
    try:
        folder = find_checkpoint(place if weights is None else place.parent)
    except InputError as error:
        (problem,) = error.problems
        raise InputError([Problem(str(place), "", problem.got, problem.wanted)]) from error
    if weights is not None and weights.suffix != ".safetensors":
        raise InputError([Problem(str(place), "", "a file of another kind", "a folder, or weights in safetensors")])
    network, config, categories = load_network(folder, weights)
    return TrainedNetwork(network.to(device).eval(), config, categories, folder)
