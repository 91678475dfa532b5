"""Two ways to say what is in a frame, each with its name in everything that is written.

    slots    a slot whose best category passes the threshold is one object with that category: the paper (section III-D)
    top-K    all slots, no threshold; the K best pairs of track and category by the mean so far: practice of the field

FramePrediction --select--> rows (which mask, category, score)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.evaluation.tracks import best_pairs
from rcf.structures import FramePrediction
from rcf.tensors import integers, pairs


@dataclass(frozen=True, slots=True)
class Choice:
    """One object that is shown."""

    index: int
    """Row of the FramePrediction."""
    category: int
    score: float


@runtime_checkable
class OutputMode(Protocol):
    """Chooses what of each frame is shown; may hold a state that does not grow with the video."""

    name: str

    def reading(self, config: EvaluationConfig) -> EvaluationConfig:
        """How frames must be read for it."""
        ...

    def select(self, prediction: FramePrediction) -> list[Choice]:
        """What is shown of the next frame."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """All that it holds."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`."""
        ...


class SlotFiltered:
    """The paper's: what fired, with its best category and its probability in this frame."""

    name = "slots"

    def reading(self, config: EvaluationConfig) -> EvaluationConfig:
        """As the configuration says."""
        return config

    def select(self, prediction: FramePrediction) -> list[Choice]:
        """Every slot that fired."""
        scores, categories = prediction.class_probabilities[:, :-1].max(-1)
        rows = zip(integers(categories), scores, strict=True)
        return [Choice(index, category, float(score)) for index, (category, score) in enumerate(rows)]

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Nothing."""


class TopPairs:
    """The field's: the best pairs of track and category, so an object may be there twice, as two categories."""

    def __init__(self, count: int) -> None:
        self.name = f"top-{count}"
        self._choose = best_pairs(count)
        self._sums: dict[int, Tensor] = {}
        self._frames: dict[int, int] = {}

    def reading(self, config: EvaluationConfig) -> EvaluationConfig:
        """Every slot fires."""
        return config.model_copy(update={"class_threshold": 0.0})

    def select(self, prediction: FramePrediction) -> list[Choice]:
        """The best pairs, the best first."""
        identities = integers(prediction.identities)
        if not identities:
            return []
        rows = zip(identities, prediction.class_probabilities.double(), strict=True)
        self._sums = {each: row + self._sums.get(each, torch.zeros_like(row)) for each, row in rows}
        # Every slot fires in every frame, so what is not in this one never comes back.
        self._frames = {each: self._frames.get(each, 0) + 1 for each in identities}
        means = torch.stack([self._sums[each][:-1] / self._frames[each] for each in identities])
        return [
            Choice(index, category, float(means[index, category])) for index, category in pairs(self._choose(means))
        ]

    def state_dict(self) -> dict[str, Tensor]:
        """Sums and numbers of frames of the tracks of the last frame."""
        counts = torch.tensor(sorted(self._frames.items()), dtype=torch.int64).reshape(-1, 2)
        return {"counts": counts, **{f"sum.{each}": row.clone() for each, row in self._sums.items()}}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`."""
        self._frames = dict(pairs(state["counts"]))
        self._sums = {each: state[f"sum.{each}"] for each in self._frames}


def output_mode(top: int) -> OutputMode:
    """`slots` for 0, else the `top` best pairs."""
    return TopPairs(top) if top else SlotFiltered()
