"""The shapes in the signatures of `rcf` are checked while the tests run."""

import pytest
import torch

from rcf.structures import FrameTargets


def _targets(instances: int, *mask_shape: int) -> FrameTargets:
    numbers = torch.zeros(instances, dtype=torch.int64)
    return FrameTargets(labels=numbers, masks=torch.zeros(*mask_shape, dtype=torch.bool), tracks=numbers)


def test_a_missing_axis_is_refused() -> None:
    with pytest.raises(Exception, match=r"(?i)type-check"):
        _targets(2, 2, 4)


def test_two_parts_that_disagree_on_the_number_of_instances_are_refused() -> None:
    with pytest.raises(Exception, match=r"(?i)type-check"):
        _targets(2, 3, 4, 4)


def test_shapes_that_agree_are_accepted() -> None:
    assert _targets(2, 2, 4, 4).masks.shape == (2, 4, 4)
