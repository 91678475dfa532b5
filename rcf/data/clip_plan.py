"""Which clip stands at each place of a step: a pure function of (seed, step), nothing is read.

ClipPlan, videos --order.draw_step--> video of each place
                 --stream "data"--> first target      --stream "augment"--> flipped?      --> Clip
frames of a clip: R before the first target, T targets; clamped to the video, as in online inference
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rcf.config import AugmentConfig, FrameSizeConfig, OnCorrupt, RcfConfig, SyntheticConfig
from rcf.data.annotations import Video
from rcf.data.order import Draw, Pool, draw_step, video_of
from rcf.data.sizes import network_size, scaled_box
from rcf.seeding import stream


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What the clips of every step are made of; the same in all workers."""

    clips: int
    """Of a step, in all workers together."""
    targets: int
    references: int
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    size: FrameSizeConfig | None = None
    """The network's; None takes the frames as the source gives them."""
    on_corrupt: OnCorrupt = "fail"

    @classmethod
    def of(cls, config: RcfConfig) -> "ClipPlan":
        """The plan of a trial."""
        training, data = config.training, config.data
        return cls(
            clips=training.clips_per_step,
            targets=training.targets_per_clip,
            references=config.model.reference.frames,
            augment=training.augment,
            size=config.input,
            on_corrupt="fail" if isinstance(data, SyntheticConfig) else data.on_corrupt,
        )

    def box(self, seed: int, step: int) -> FrameSizeConfig | None:
        """The size of a step. One scale for all its clips: two scales in a batch would be mostly padding."""
        sides = self.augment.short_sides
        if self.size is None or not sides:
            return self.size
        return scaled_box(self.size, sides[int(stream(seed, "augment/scale", step).integers(len(sides)))])


@dataclass(frozen=True, slots=True)
class Clip:
    """Where one clip is taken from."""

    draw: Draw
    video_index: int
    first: int
    """Frame of the first target."""
    start: float
    """Where `first` lies among all possible first targets, 0..1."""
    flipped: bool


def window(t: int, references: int) -> list[int]:
    """Reference frames of target `t`, oldest first; at the start of a video the oldest frame is repeated."""
    return [max(t - back, 0) for back in range(references, 0, -1)]


def clip_frames(length: int, first: int, targets: int, references: int) -> list[int]:
    """R + T frame numbers of a clip; a video shorter than T repeats its last frame."""
    return [min(max(t, 0), length - 1) for t in range(first - references, first + targets)]


def plan_clips(videos: Sequence[Video], pools: Sequence[Pool], plan: ClipPlan, seed: int, step: int) -> list[Clip]:
    """The clips of one step, one a place.

    The number of reference frames has no part in it: it cannot change the targets.
    """
    starts = stream(seed, "data", step).random(plan.clips).tolist()
    mirrored = stream(seed, "augment", step).random(plan.clips) < 0.5
    draws = _draws(videos, pools, plan, seed, step)
    return [
        clip_at(videos, pools, draw, plan, seed, start, plan.augment.flip and bool(flipped))
        for draw, start, flipped in zip(draws, starts, mirrored, strict=True)
    ]


def clip_at(
    videos: Sequence[Video], pools: Sequence[Pool], draw: Draw, plan: ClipPlan, seed: int, start: float, flipped: bool
) -> Clip:
    """The clip of one draw."""
    return _clip_of(video_of(pools, draw, seed), videos, draw, plan, start, flipped)


def _clip_of(video: int, videos: Sequence[Video], draw: Draw, plan: ClipPlan, start: float, flipped: bool) -> Clip:
    choices = max(videos[video].length - plan.targets + 1, 1)
    return Clip(draw, video, int(start * choices), start, flipped)


def donor_of(
    clip: Clip, videos: Sequence[Video], pools: Sequence[Pool], plan: ClipPlan, rng: np.random.Generator
) -> Clip | None:
    """A clip of another video of the same pool whose objects are pasted onto `clip`; None where nothing is pasted."""
    pool = pools[clip.draw.pool]
    if pool.count < 2 or rng.random() >= plan.augment.paste:
        return None
    start, mirrored = rng.random(2).tolist()
    video = pool.first + (clip.video_index - pool.first + int(rng.integers(1, pool.count))) % pool.count
    return _clip_of(video, videos, clip.draw, plan, start, plan.augment.flip and mirrored < 0.5)


def _draws(videos: Sequence[Video], pools: Sequence[Pool], plan: ClipPlan, seed: int, step: int) -> list[Draw]:
    box = plan.size
    if box is None or not box.keep_ratio:  # all shapes are equal
        return draw_step(pools, plan.clips, seed, step)
    return draw_step(
        pools, plan.clips, seed, step, lambda index: network_size(videos[index].height, videos[index].width, box)
    )
