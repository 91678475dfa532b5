"""How frame predictions become tracks: scores over what fired or over the video, best category or best pairs."""

import pytest
import torch

from rcf.config import EvaluationConfig
from rcf.evaluation.tracks import TrackAssembler
from rcf.structures import FramePrediction, TrackPrediction

CATEGORIES = (7, 9)


def _frame(*objects: tuple[int, tuple[float, float]], mask: bool = True) -> FramePrediction:
    """Objects of one frame: identity, and the probabilities of both categories."""
    count = len(objects)
    probabilities = [[*each, 1 - sum(each)] for _, each in objects]
    return FramePrediction(
        slots=torch.arange(count),
        identities=torch.tensor([identity for identity, _ in objects], dtype=torch.int64),
        class_probabilities=torch.tensor(probabilities).reshape(count, 3),
        masks=torch.full((count, 4, 4), mask),
        overridden=torch.zeros(count, dtype=torch.bool),
    )


def _tracks(frames: list[FramePrediction], **evaluation: object) -> list[TrackPrediction]:
    assembler = TrackAssembler(EvaluationConfig.model_validate(evaluation))
    for frame in frames:
        assembler.add(frame)
    return assembler.tracks(1, CATEGORIES)


def _named(tracks: list[TrackPrediction]) -> list[tuple[int, float]]:
    return [(track.category_id, pytest.approx(track.score)) for track in tracks]


STAYS_AND_FLASHES = [
    _frame((0, (0.5, 0.1)), (1, (0.2, 0.8))),
    _frame((0, (0.7, 0.1))),
    _frame((0, (0.6, 0.3))),
    _frame((0, (0.6, 0.3))),
]


def test_a_track_is_scored_over_the_frames_in_which_it_fired() -> None:
    assert _named(_tracks(STAYS_AND_FLASHES)) == [(7, 0.6), (9, 0.8)]


def test_over_the_video_what_was_seen_for_a_moment_ranks_below_what_stayed() -> None:
    assert _named(_tracks(STAYS_AND_FLASHES, track_score="video")) == [(7, 0.6), (9, 0.2)]


def test_best_pairs_may_name_one_track_twice_and_come_best_first() -> None:
    found = _tracks(STAYS_AND_FLASHES, track_score="video", pairs_per_video=3)
    assert _named(found) == [(7, 0.6), (9, 0.2), (9, 0.2)]
    assert found[0].segmentations == found[1].segmentations != found[2].segmentations


def test_no_more_pairs_are_predicted_than_there_are() -> None:
    assert len(_tracks(STAYS_AND_FLASHES, pairs_per_video=100)) == 4


@pytest.mark.parametrize("pairs", [0, 5])
def test_a_track_without_a_pixel_is_not_predicted(pairs: int) -> None:
    assert _tracks([_frame((0, (0.9, 0.0)), mask=False), _frame()], pairs_per_video=pairs) == []
