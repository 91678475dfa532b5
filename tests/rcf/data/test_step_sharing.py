"""A step's clips are the same for any number of workers, with every augmentation, and at any step of a resume."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rcf.config import AugmentConfig, FrameSizeConfig
from rcf.data.annotations import Annotations, Category, Track, Video
from rcf.data.clip_plan import ClipPlan
from rcf.data.mixture import Mixture
from rcf.data.order import Pool
from rcf.data.runs import format_counts, runs_of_mask
from rcf.data.sampling import ClipSource, sample_clips
from rcf.data.ytvis import VideoDataset
from rcf.structures import ClipBatch, FrameTargets, Rle

SHAPES = [(40, 60), (60, 40), (48, 48), (40, 80), (30, 90)]
EVERYTHING = AugmentConfig(short_sides=(32, 36), crop=0.5, colour=0.3)
KEPT = FrameSizeConfig(height=36, width=64, keep_ratio=True)


class Drawn(VideoDataset):
    """Videos of unlike shape whose frames are made up; no file is read."""

    def original(self, video_index: int, frame_index: int) -> torch.Tensor:
        video = self.videos[video_index]
        generator = torch.Generator().manual_seed(1000 * video.id + frame_index)
        return torch.randint(0, 256, (3, video.height, video.width), dtype=torch.uint8, generator=generator)


def _drawn(count: int, length: int, first_id: int, *, still: bool = False) -> Drawn:
    videos: list[Video] = []
    tracks: list[Track] = []
    for number in range(count):
        height, width = SHAPES[number % len(SHAPES)]
        names = tuple(f"{first_id + number}/{t}.jpg" for t in range(length))
        videos.append(Video(first_id + number, width, height, length, names))
        mask = np.zeros((height, width), dtype=bool)
        mask[5:25, 5:25] = True
        rle = Rle(size=[height, width], counts=format_counts(runs_of_mask(mask)))
        tracks.append(Track(first_id + number, first_id + number, 1, False, (rle,) * length, (400.0,) * length))
    made = Annotations(Path("drawn.json"), tuple(videos), (Category(1, "thing"),), tuple(tracks))
    return Drawn(made, Path("frames"), 0, 0, size_of=lambda height, width: (height, width), still=still)


@pytest.fixture(scope="module")
def source() -> Mixture:
    """Videos and still images of five shapes."""
    return Mixture(_drawn(7, 4, 1), _drawn(11, 1, 100, still=True), share=0.4)


def _equal(one: ClipBatch, two: ClipBatch) -> bool:
    def same(a: FrameTargets, b: FrameTargets) -> bool:
        return torch.equal(a.masks, b.masks) and torch.equal(a.tracks, b.tracks) and torch.equal(a.labels, b.labels)

    sizes = one.sizes is two.sizes or (one.sizes is not None and two.sizes is not None
                                       and torch.equal(one.sizes, two.sizes))  # fmt: skip
    masks = all(same(a, b) for x, y in zip(one.targets, two.targets, strict=True) for a, b in zip(x, y, strict=True))
    return torch.equal(one.frames, two.frames) and sizes and masks


def _joined(parts: list[ClipBatch]) -> ClipBatch:
    padded = any(part.sizes is not None for part in parts)
    whole = [part.sizes if part.sizes is not None else _full(part) for part in parts]
    return ClipBatch(
        torch.cat([part.frames for part in parts]),
        tuple(clip for part in parts for clip in part.targets),
        torch.cat(whole) if padded else None,
    )


def _full(part: ClipBatch) -> torch.Tensor:
    return torch.tensor([part.frames.shape[-2:]] * len(part.targets))


PLANS = [
    ClipPlan(8, 2, 1, size=FrameSizeConfig(height=36, width=64)),
    ClipPlan(8, 2, 1, EVERYTHING, FrameSizeConfig(height=36, width=64)),
    ClipPlan(8, 1, 2, EVERYTHING, KEPT),
]


@settings(max_examples=15)
@given(st.integers(0, 2), st.sampled_from([1, 2, 4, 8]), st.integers(0, 60), st.integers(0, 5))
def test_the_workers_of_any_number_share_one_step(
    source: Mixture, plan: int, workers: int, step: int, seed: int
) -> None:
    whole = sample_clips(source, PLANS[plan], seed, step)
    each = 8 // workers
    parts = [
        sample_clips(source, PLANS[plan], seed, step, range(rank * each, (rank + 1) * each)) for rank in range(workers)
    ]
    assert _equal(_joined(parts), whole)


@settings(max_examples=15)
@given(st.integers(0, 2), st.integers(0, 60))
def test_a_step_does_not_depend_on_the_steps_before_it(plan: int, step: int) -> None:
    fresh, used = (Mixture(_drawn(7, 4, 1), _drawn(11, 1, 100, still=True), share=0.4) for _ in range(2))
    for earlier in range(max(step - 2, 0), step):
        sample_clips(used, PLANS[plan], 0, earlier)
    assert _equal(sample_clips(used, PLANS[plan], 0, step), sample_clips(fresh, PLANS[plan], 0, step))


def test_all_clips_of_a_step_have_one_scale_and_steps_have_others(source: Mixture) -> None:
    plan = ClipPlan(4, 1, 0, AugmentConfig(short_sides=(32, 64)), FrameSizeConfig(height=32, width=64))
    shapes = {tuple(sample_clips(source, plan, 0, step).frames.shape[-2:]) for step in range(20)}
    assert shapes == {(32, 64), (64, 128)}


def test_with_keep_ratio_little_of_a_batch_is_padding() -> None:
    """Five shapes mixed at random would fill less than two thirds of their batches."""
    dataset = _drawn(50, 1, 1)
    filled, whole = 0, 0
    for step in range(30):
        batch = sample_clips(dataset, ClipPlan(5, 1, 0, size=KEPT), 0, step)
        sizes = _full(batch) if batch.sizes is None else batch.sizes
        filled += int(sizes.prod(dim=1).sum())
        whole += batch.frames.shape[0] * batch.frames.shape[-2] * batch.frames.shape[-1]
    assert filled / whole > 0.85


def test_a_still_image_moves_and_a_video_does_not(source: Mixture) -> None:
    """Each frame of a drawn video has pixels of its own, so a video is told by its identity: ids below 100."""
    plan = ClipPlan(8, 3, 0, AugmentConfig(flip=False), FrameSizeConfig(height=40, width=60))
    batch = sample_clips(source, plan, 0, 0)
    for clip in batch.targets:
        boxes = {tuple(target.masks.flatten().nonzero().flatten().tolist()) for target in clip}
        still = int(clip[0].tracks[0]) >= 100
        assert (len(boxes) > 1) == still


def test_an_object_keeps_its_identity_over_the_frames_of_a_still_image(source: Mixture) -> None:
    plan = ClipPlan(8, 4, 0, size=FrameSizeConfig(height=40, width=60))
    for clip in sample_clips(source, plan, 0, 0).targets:
        assert len({int(track) for target in clip for track in target.tracks}) == 1


@pytest.mark.parametrize("made", [_drawn(3, 2, 1), Mixture(_drawn(3, 2, 1), _drawn(2, 1, 100, still=True), share=0.5)])
def test_every_source_keeps_the_contract(made: ClipSource) -> None:
    assert isinstance(made, ClipSource)
    assert sum(pool.count for pool in made.pools) == len(made.videos)
    assert sum(pool.share for pool in made.pools) == pytest.approx(1.0)
    for index, video in enumerate(made.videos):
        frame, targets = made.frame(index, 0), made.targets(index, 0)
        assert frame.shape == (3, video.height, video.width)
        assert targets.masks.shape[1:] == frame.shape[1:]


def test_images_of_a_mixture_come_after_its_videos(source: Mixture) -> None:
    assert source.pools == (Pool(0, 7, 0.6), Pool(7, 11, 0.4, still=True))
    assert source.targets(7, 0).tracks.tolist() == [100]


def test_a_mixture_of_two_lists_of_categories_is_refused() -> None:
    images = _drawn(2, 1, 100, still=True)
    images.category_ids = (1, 2)
    with pytest.raises(ValueError, match="one set of categories"):
        Mixture(_drawn(3, 2, 1), images, share=0.5)
