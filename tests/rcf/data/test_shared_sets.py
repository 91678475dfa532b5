"""The reader takes real video and photographic cut-outs, with RCF_SHARED set."""

from pathlib import Path

import pytest

from rcf.data.annotations import load_annotations
from rcf.data.clip_plan import ClipPlan
from rcf.data.layout import find_split
from rcf.data.sampling import sample_clips
from rcf.data.ytvis import VideoDataset

SIZES = [
    ("davis-vis", "train", 14, 254, 14), ("davis-vis", "val", 6, 95, 6),
    ("stamps-avis", "train", 240, 2880, 611), ("stamps-avis", "val", 60, 720, 155),
]  # fmt: skip


@pytest.mark.parametrize(("name", "split", "videos", "frames", "tracks"), SIZES)
def test_a_real_set_is_read_whole(
    shared_data: Path, name: str, split: str, videos: int, frames: int, tracks: int
) -> None:
    path, folder = find_split(shared_data / name, split)
    read = load_annotations(path, folder)
    assert len(read.videos) == videos
    assert sum(video.length for video in read.videos) == frames
    assert len(read.tracks) == tracks


@pytest.mark.parametrize(("name", "height", "width"), [("davis-vis", 96, 160), ("stamps-avis", 144, 256)])
def test_clips_of_a_real_set_hold_frames_and_objects(shared_data: Path, name: str, height: int, width: int) -> None:
    path, folder = find_split(shared_data / name, "train")
    dataset = VideoDataset(load_annotations(path, folder), folder, height, width)
    batch = sample_clips(dataset, ClipPlan(clips=4, targets=2, references=2), seed=0, step=0)
    assert batch.frames.shape == (4, 4, 3, height, width)
    assert sum(int(target.masks.any()) for clip in batch.targets for target in clip) >= 4
    assert batch.frames.float().std() > 20
