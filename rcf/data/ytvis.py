"""A YouTube-VIS data set as tensors, decoded when asked for and kept in memory within a budget.

root, split --layout--> instances.json, JPEGImages --load_annotations--> Annotations
                                                                                 |
VideoDataset.frame(video, t)   --> (3, H, W) uint8                          <----|
VideoDataset.targets(video, t) --> FrameTargets of the visible instances    <----|
VideoDataset.audio(video, t)   --> log-mel patch, from rcf/data/sounds.py
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from rcf.data.annotations import Annotations, Track
from rcf.data.cache import ByteCache
from rcf.data.frames import read_frame, resize_frame, stacked
from rcf.data.mask_size import resize_masks
from rcf.data.order import Pool
from rcf.data.sizes import Size
from rcf.data.sounds import NoSounds, VideoSounds
from rcf.data.strips import Strips, strips_of_counts, strips_of_masks
from rcf.structures import FrameTargets

DEFAULT_BUDGET = 2 * 1024**3
"""Bytes of decoded frames; all of YouTube-VIS at 640x360 would be a hundred times as much."""


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """FrameTargets with their masks as strips: a hundredth of the bytes."""

    labels: tuple[int, ...]
    tracks: tuple[int, ...]
    strips: Strips


class VideoDataset:
    """Frames and targets by (video index, frame index), at one size a video. What it returns must not be changed."""

    def __init__(  # noqa: PLR0913  a part or a size each
        self,
        annotations: Annotations,
        frames_root: Path,
        height: int,
        width: int,
        cache_bytes: int = DEFAULT_BUDGET,
        *,
        size_of: Callable[[int, int], Size] | None = None,
        still: bool = False,
        sounds: VideoSounds | NoSounds = NoSounds(),  # noqa: B008  it has no state
    ) -> None:
        """`size_of` (height, width of a video) replaces the fixed `height` x `width`; `still`: videos of one image."""
        self.annotations, self.frames_root, self._sounds = annotations, frames_root, sounds
        self._fixed, self._size_of, self._budget = (height, width), size_of, cache_bytes
        self.videos = annotations.videos
        self.pools = (Pool(0, len(annotations.videos), still=still),)
        self.category_ids = tuple(sorted(category.id for category in annotations.categories))
        """Category index -> the data set's own id."""
        self._index = {number: index for index, number in enumerate(self.category_ids)}
        self._tracks: dict[int, list[Track]] = {video.id: [] for video in self.videos}
        for track in annotations.tracks:
            self._tracks[track.video_id].append(track)
        self._frames = ByteCache[Tensor](cache_bytes, lambda frame: frame.nbytes)
        self._targets = ByteCache[_Packed](cache_bytes // 4, lambda packed: packed.strips.nbytes + 400)

    def frames(self, video_index: int, numbers: Iterable[int] | None = None) -> UInt8[Tensor, "T 3 H W"]:
        """These frames of a video, by default all."""
        return stacked([self.frame(video_index, number) for number in self._numbers(video_index, numbers)])

    def heard(self, video_index: int, numbers: Iterable[int] | None = None) -> Float[Tensor, "T A E"] | None:
        """The sound at these frames, by default at all; None where nobody listens."""
        if not self.listens:
            return None
        return torch.stack([self.audio(video_index, number) for number in self._numbers(video_index, numbers)])

    def originals(self, video_index: int) -> list[NDArray[np.uint8]]:
        """All frames of a video in their own size, H W 3, as they are to be seen."""
        numbers = self._numbers(video_index, None)
        return [self.original(video_index, number).permute(1, 2, 0).numpy() for number in numbers]

    def _numbers(self, video_index: int, numbers: Iterable[int] | None) -> Iterable[int]:
        return range(self.videos[video_index].length) if numbers is None else numbers

    def with_annotations(self, annotations: Annotations) -> "VideoDataset":
        """The same files at the same size under other annotations, without sound."""
        height, width = self._fixed
        return VideoDataset(annotations, self.frames_root, height, width, self._budget, size_of=self._size_of)

    def frame(self, video_index: int, frame_index: int) -> UInt8[Tensor, "3 H W"]:
        """One frame, 0..255. Raises rcf.errors.InputError when its file is damaged or of another size."""
        return self._frames.get((video_index, frame_index), lambda: self._read(video_index, frame_index))

    @property
    def listens(self) -> bool:
        """Whether there is something to hear for the network."""
        return self._sounds.listens

    def audio(self, video_index: int, frame_index: int) -> Float[Tensor, "A E"]:
        """What is heard at a frame; no hops in a set that nobody listens to.

        Raises rcf.errors.InputError when the sound file is damaged.
        """
        return self._sounds.patch(video_index, frame_index)

    def original(self, video_index: int, frame_index: int) -> UInt8[Tensor, "3 h w"]:
        """One frame at the video's own size, decoded anew. Raises rcf.errors.InputError as `frame` does."""
        video = self.videos[video_index]
        path = self.frames_root / video.file_names[frame_index]
        return read_frame(path, video, f"frame {frame_index} of video {video.id}")

    def targets(self, video_index: int, frame_index: int) -> FrameTargets:
        """The instances that are visible at the frame's size here, in the order of the file; crowds are left out."""
        packed = self._targets.get((video_index, frame_index), lambda: self._pack(video_index, frame_index))
        return FrameTargets(torch.tensor(packed.labels, dtype=torch.int64), packed.strips.draw(),
                            torch.tensor(packed.tracks, dtype=torch.int64))  # fmt: skip

    def size(self, video_index: int) -> Size:
        """Height and width of the frames of a video here, without reading one."""
        video = self.videos[video_index]
        return self._fixed if self._size_of is None else self._size_of(video.height, video.width)

    def _read(self, video_index: int, frame_index: int) -> UInt8[Tensor, "3 H W"]:
        return resize_frame(self.original(video_index, frame_index), *self.size(video_index))

    def _pack(self, video_index: int, frame_index: int) -> _Packed:
        video, size = self.videos[video_index], self.size(video_index)
        tracks: list[Track] = []
        texts: list[str] = []
        for track in self._tracks[video.id]:
            rle = track.segmentations[frame_index]
            if rle is not None and not track.iscrowd:
                tracks.append(track)
                texts.append(rle["counts"])
        strips, seen = _strips(texts, (video.height, video.width), size).without_empty()
        visible = [tracks[number] for number in seen]
        labels = tuple(self._index[track.category_id] for track in visible)
        return _Packed(labels, tuple(track.id for track in visible), strips)


def _strips(texts: list[str], own: Size, size: Size) -> Strips:
    if own == size or not texts:
        return strips_of_counts(texts, size)
    # One mask after the other: all objects of a large image at its own size may be gigabytes.
    masks = [resize_masks(strips_of_counts([text], own).draw(), *size) for text in texts]
    return strips_of_masks(torch.cat(masks))
