"""Random answers and ground truths of a few frames."""

from collections.abc import Callable, Sequence

import pytest
import torch

from rcf.structures import FrameTargets, Segmentation

SIDE = 16
CATEGORIES = 3


def _frame(labels: Sequence[int], seed: int = 0, tracks: Sequence[int] | None = None) -> FrameTargets:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(len(labels), SIDE, SIDE, generator=generator) > 0.5
    numbers = torch.tensor(range(len(labels)) if tracks is None else tracks, dtype=torch.int64)
    return FrameTargets(torch.tensor(labels, dtype=torch.int64), masks, numbers)


def _answer(layers: int, frames: int, queries: int, seed: int = 0) -> Segmentation:
    generator = torch.Generator().manual_seed(seed)
    return Segmentation(
        torch.randn(layers, frames, queries, CATEGORIES + 1, generator=generator),
        torch.randn(layers, frames, queries, SIDE // 4, SIDE // 4, generator=generator),
        torch.zeros(frames, queries, 2),
    )


@pytest.fixture(scope="session")
def frame_of() -> Callable[..., FrameTargets]:
    """(labels, seed, tracks) -> one frame of 16 x 16 pixels with random masks."""
    return _frame


@pytest.fixture(scope="session")
def answer_of() -> Callable[..., Segmentation]:
    """(layers, frames, queries, seed) -> a random answer for frames of 16 x 16 pixels and three categories."""
    return _answer
