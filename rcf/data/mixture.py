"""Videos and still images as one source of clips, for joint training (appendix X).

videos 0 .. V-1, images V .. V+I-1      two pools: sampling draws from each in its share
"""

from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.data.annotations import Annotations, Video
from rcf.data.order import Pool
from rcf.data.ytvis import VideoDataset
from rcf.structures import FrameTargets


class Mixture:
    """A data set of videos with images under the same categories; see rcf.data.sampling.ClipSource."""

    def __init__(self, videos: VideoDataset, images: VideoDataset, share: float) -> None:
        """`share` of the clips are images."""
        if videos.category_ids != images.category_ids:
            raise ValueError(f"one set of categories, got {videos.category_ids} and {images.category_ids}")
        self._parts = (videos, images)
        self._first = len(videos.videos)
        self.videos: tuple[Video, ...] = videos.videos + images.videos
        self.category_ids = videos.category_ids
        self.pools = (
            Pool(0, self._first, share=1 - share),
            Pool(self._first, len(images.videos), share=share, still=True),
        )

    @property
    def annotations(self) -> Annotations:
        """Those of the videos: their categories are everyone's."""
        return self._parts[0].annotations

    def frame(self, video_index: int, frame_index: int) -> UInt8[Tensor, "3 H W"]:
        """One frame of a video, or the image. Raises rcf.errors.InputError when its file is damaged."""
        part, index = self._part(video_index)
        return part.frame(index, frame_index)

    def targets(self, video_index: int, frame_index: int) -> FrameTargets:
        """The instances that are visible in it."""
        part, index = self._part(video_index)
        return part.targets(index, frame_index)

    @property
    def listens(self) -> bool:
        """Whether there is something to hear for the network; still images are silent."""
        return self._parts[0].listens

    def audio(self, video_index: int, frame_index: int) -> Float[Tensor, "A E"]:
        """What is heard at a frame. Raises rcf.errors.InputError when the sound file is damaged."""
        part, index = self._part(video_index)
        return part.audio(index, frame_index)

    def _part(self, video_index: int) -> tuple[VideoDataset, int]:
        if video_index < self._first:
            return self._parts[0], video_index
        return self._parts[1], video_index - self._first
