"""Norms at some frames of a data set: which frames, what they cost, and that they are those of the windows."""

import pytest
import torch

from rcf.data.clip_plan import window
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.golub_kahan import Effort
from rcf.diagnostics.jacobian import jacobian_norm
from rcf.diagnostics.local_norms import affordable_points, local_norms, spread_places
from rcf.diagnostics.window_map import Window, WindowMap, differentiable
from rcf.model.network import RCF

ONE_STEP = Effort(steps=2, seeds=(0,))


@pytest.mark.parametrize(("frames", "references", "points"), [(2160, 1, 15), (2160, 0, 30), (10, 1, 0)])
def test_as_many_points_as_half_of_the_pass_pays_for(frames: int, references: int, points: int) -> None:
    assert affordable_points(frames, references) == points
    assert points * 8 * 4.5 * (references + 1) <= frames / 2 < (points + 1) * 8 * 4.5 * (references + 1)


def test_points_are_spread_over_the_frames_that_have_a_next_one(clips: VideoDataset) -> None:
    found = spread_places(clips, 3)
    assert found == [(0, 1), (1, 1), (2, 1)]
    every = spread_places(clips, 100)
    assert every == [(v, f) for v in range(3) for f in range(3)]


def test_each_is_the_norm_of_its_window(tiny_network: RCF, clips: VideoDataset) -> None:
    (found,) = local_norms(tiny_network, clips, spread_places(clips, 1), effort=ONE_STEP)
    frames = torch.stack([clips.frame(found.video, number) for number in [*window(found.frame, 2), found.frame]])
    with differentiable(tiny_network):
        seen = Window(tiny_network.backbone.normalise(frames))
        wanted = jacobian_norm(WindowMap(tiny_network, "both", 1.0, seen), seen.stacked, ONE_STEP)
    assert found.estimate == wanted
    assert found.estimate.value > 0
