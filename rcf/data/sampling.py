"""Training clips as a pure function of (seed, step, place): a resume needs no sampler state, workers share one batch.

clip_plan.plan_clips --> clips of the step --read: frames, targets--> augment.draw_look (window, size, colour)
    --> augmented --paste.py: with objects of another clip--> collate.py: padded to the step's size --> ClipBatch

A step has `clips` places; each worker takes some of them, and what stands at a place does not depend on which.
"""

import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.config import FrameSizeConfig
from rcf.data.annotations import Video
from rcf.data.augment import draw_look, show_frames, show_targets
from rcf.data.clip_plan import Clip, ClipPlan, clip_at, clip_frames, donor_of, plan_clips
from rcf.data.collate import ShownClip, collate
from rcf.data.order import Draw, Pool
from rcf.data.paste import chosen, draw_kept, paste
from rcf.data.sizes import network_size
from rcf.errors import InputError, Problem
from rcf.seeding import stream
from rcf.structures import ClipBatch, FrameTargets

Shown = tuple[list[UInt8[Tensor, "3 H W"]], tuple[FrameTargets, ...]]
"""The frames of a clip as they look, and the objects of its last ones."""

logger = logging.getLogger(__name__)


@runtime_checkable
class ClipSource(Protocol):
    """What sampling needs of a data set; VideoDataset and Mixture are two."""

    @property
    def videos(self) -> tuple[Video, ...]: ...

    @property
    def pools(self) -> tuple[Pool, ...]: ...

    @property
    def listens(self) -> bool: ...

    def frame(self, video_index: int, frame_index: int) -> UInt8[Tensor, "3 H W"]: ...

    def targets(self, video_index: int, frame_index: int) -> FrameTargets: ...

    def audio(self, video_index: int, frame_index: int) -> Float[Tensor, "A E"]: ...


def sample_clips(source: ClipSource, plan: ClipPlan, seed: int, step: int, places: range | None = None) -> ClipBatch:
    """The clips at `places` of one step (None: all of them), each of `references` + `targets` frames.

    All parts of a step are padded to the size of its largest clip; where the plan leaves the size to the source, each
    part to that of its own largest. Raises rcf.errors.InputError when a file is damaged; under on_corrupt: skip only
    when more clips than half of the places are.
    """
    planned = plan_clips(source.videos, source.pools, plan, seed, step)
    wanted = range(plan.clips) if places is None else places
    reader = _Reader(source, plan, seed, step, most=max(len(wanted) // 2, 1))
    shown = [reader.read(planned[place], place) for place in wanted]
    return collate(shown, _canvas(source, planned, reader.box), len(reader.damaged))


def _canvas(source: ClipSource, planned: list[Clip], box: FrameSizeConfig | None) -> tuple[int, int]:
    """Height and width that hold every clip of the step."""
    if box is None:
        return 0, 0
    videos = [source.videos[clip.video_index] for clip in planned]
    sizes = [network_size(video.height, video.width, box) for video in videos]
    return max(height for height, _ in sizes), max(width for _, width in sizes)


class _Reader:
    """Reads clips; under on_corrupt: skip the next clip in the order stands in for one that is damaged."""

    def __init__(self, source: ClipSource, plan: ClipPlan, seed: int, step: int, most: int) -> None:
        self._source, self._plan, self._seed, self._step = source, plan, seed, step
        self._most = most
        self.box = plan.box(seed, step)
        self.damaged: list[Problem] = []
        """One for each clip that was left out."""

    def read(self, clip: Clip, place: int) -> ShownClip:
        """`clip`, or the next one that can be read. Raises InputError when too many cannot."""
        while True:
            try:
                return self._read(clip, place)
            except InputError as error:
                if self._plan.on_corrupt == "fail":
                    raise
                self._leave_out(clip, error.problems[0])
            following = Draw(clip.draw.pool, clip.draw.number + 1)
            source = self._source
            clip = clip_at(source.videos, source.pools, following, self._plan, self._seed, clip.start, clip.flipped)

    def _leave_out(self, clip: Clip, problem: Problem) -> None:
        self.damaged.append(problem)
        self._warn("clip_skipped", clip, problem)
        if len(self.damaged) > self._most:
            raise InputError(self.damaged)

    def _warn(self, event: str, clip: Clip, problem: Problem) -> None:
        number = self._source.videos[clip.video_index].id
        logger.warning("event=%s step=%d video=%d reason=%s", event, self._step, number, problem)

    def _read(self, clip: Clip, place: int) -> ShownClip:
        source, numbers = self._source, self._numbers(clip)
        frames, targets = self._show(clip, place, self._objects(clip, numbers[self._plan.references :]))
        heard = [source.audio(clip.video_index, number) for number in numbers] if source.listens else []
        host = ShownClip(frames, targets, torch.stack(heard) if heard else None)
        if not self._plan.augment.paste:
            return host
        rng = stream(self._seed, "augment/paste", self._step, place, clip.draw.number)
        donor = donor_of(clip, source.videos, source.pools, self._plan, rng)
        try:
            return host if donor is None else self._paste(host, donor, place, rng)
        except InputError as error:
            if self._plan.on_corrupt == "fail":
                raise
            # Nothing is wrong with the clip itself, so it is not left out.
            self._warn("paste_skipped", donor or clip, error.problems[0])
            return host

    def _paste(self, host: ShownClip, donor: Clip, place: int, rng: np.random.Generator) -> ShownClip:
        """`host` with objects of `donor`, which has a look of its own: that of a place behind all others."""
        objects = self._objects(donor, self._numbers(donor))
        kept = draw_kept(rng, objects)
        if not kept:
            return host
        return paste(host, *self._show(donor, self._plan.clips + place, [chosen(each, kept) for each in objects]))

    def _numbers(self, clip: Clip) -> list[int]:
        length = self._source.videos[clip.video_index].length
        return clip_frames(length, clip.first, self._plan.targets, self._plan.references)

    def _objects(self, clip: Clip, numbers: list[int]) -> list[FrameTargets]:
        """Those of each of these frames; each frame is read once, however often the clip repeats it."""
        targets = {number: self._source.targets(clip.video_index, number) for number in sorted(set(numbers))}
        return [targets[number] for number in numbers]

    def _show(self, clip: Clip, place: int, objects: Sequence[FrameTargets]) -> Shown:
        """The frames of a clip and the `objects` of its last ones, as they look at `place`."""
        source, plan, numbers = self._source, self._plan, self._numbers(clip)
        video = source.videos[clip.video_index]
        look = draw_look(
            plan.augment,
            frames=len(numbers),
            still=source.pools[clip.draw.pool].still,
            flipped=clip.flipped,
            size=None if self.box is None else network_size(video.height, video.width, self.box),
            position=(self._seed, self._step, place),
        )
        frames = {number: source.frame(clip.video_index, number) for number in sorted(set(numbers))}
        windows = look.windows[len(numbers) - len(objects) :]
        shown = tuple(show_targets(each, part, look) for each, part in zip(objects, windows, strict=True))
        return show_frames([frames[number] for number in numbers], look), shown
