"""How fast `rcflab data check` and the training loader read frames, against a bare parallel decode loop.

    python benchmarks/data_check.py [--height H] [--width W] [--smaller N] [--clips N] [--turns N] [--threads N]

Four loops over the same JPEG files, as many threads each, one after the other in turns:

    bare    read the bytes, decode_image, let go at once: nothing is checked, nothing kept
    check   what the check does of each frame: file there and inside its folder, header of the right size, decoded whole
    first   batches of a training in its first epoch: clips of a target and a reference, flipped at random, with masks
    later   the same in later epochs: the strips that the masks are drawn from are kept, a few frames are, most are not

Wall time says what a user waits, CPU time what the work is on a machine that others use too. A ratio is the speed in
frames a second against the bare loop of the same run. With --smaller 2 the network's sides are half those of the files.
Cells on a CPU keep the memory that they free (rcflab/execute/ray_session.py); so do all loops here.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from _timing import Times, interleaved
from torchvision.io import ImageReadMode, decode_image

from rcf.config import SyntheticConfig
from rcf.data.annotations import load_annotations
from rcf.data.clip_plan import ClipPlan
from rcf.data.decoding import MediaFolders, in_parallel
from rcf.data.frame_files import FramesFolder
from rcf.data.layout import find_split
from rcf.data.loader import Loader
from rcf.data.sampling import sample_clips
from rcf.data.scan import stream_videos
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset
from rcflab.execute.ray_session import KEPT_MEMORY

CLIPS_OF_A_STEP, STEPS = 4, 48
"""So many steps that the first batch, which nobody makes ahead, and the last do not count."""
FRAMES_KEPT = 5


def _decode(path: Path) -> torch.Tensor:
    return decode_image(torch.as_tensor(np.fromfile(path, dtype=np.uint8)), ImageReadMode.RGB)


def _discard(path: Path) -> None:
    _decode(path)  # let go at once, as the check does: what memory costs is the same on both sides


def _bare(paths: list[Path], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(_discard, paths):
            pass


def _check(annotations: Path, frames: Path, threads: int) -> None:
    media = MediaFolders(annotations, FramesFolder(frames), None)
    for decoded in in_parallel(lambda task: media.decode(*task), stream_videos(annotations), threads):
        assert not decoded.problems


def _load(dataset: VideoDataset, threads: int) -> None:
    plan = ClipPlan(clips=CLIPS_OF_A_STEP, targets=1, references=1)
    loader = Loader(partial(sample_clips, dataset, plan, 0), STEPS, threads)
    for step in range(STEPS):
        loader.get(step)


def main() -> None:
    """Write a set, time the four loops, print three ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("height", 360), ("width", 640), ("smaller", 1), ("clips", 8), ("turns", 7), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        write_synthetic(root, SyntheticConfig(
            height=given.height, width=given.width, train_clips=given.clips, val_clips=1, frames=12))  # fmt: skip
        annotations, frames = find_split(root, "train")
        size = given.height // given.smaller, given.width // given.smaller
        first, later = (
            VideoDataset(load_annotations(annotations), frames, *size, cache_bytes=kept * size[0] * size[1] * 3)
            for kept in (0, FRAMES_KEPT)
        )
        paths = [frames / name for video in first.videos for name in video.file_names]
        parts: dict[str, Callable[[], object]] = {
            "bare": partial(_bare, paths, given.threads),
            "check": partial(_check, annotations, frames, given.threads),
            "first": partial(_load, first, given.threads),
            "later": partial(_load, later, given.threads),
        }
        times = interleaved(parts, given.turns)
    batches = STEPS * CLIPS_OF_A_STEP * 2
    counts = {"bare": len(paths), "check": len(paths), "first": batches, "later": batches}
    print(f"{len(paths)} frames of {given.width}x{given.height}, network {size[1]}x{size[0]}, {given.threads} threads")
    for name in ("check", "first", "later"):
        print(f"{name:<6} {_speed(times, counts, name)}")


def _speed(times: dict[str, Times], counts: dict[str, int], name: str) -> str:
    rate, bare = (1e3 * counts[part] / times[part].wall for part in (name, "bare"))
    work, plain = (times[part].cpu / counts[part] for part in (name, "bare"))
    cpu = f"{plain / work:.2f} by CPU time, {work:.2f} against {plain:.2f} ms a frame"
    return f"{rate:.0f} frames/s, {rate / bare:.2f} of the bare loop ({cpu})"


if __name__ == "__main__":
    if os.environ.keys() >= KEPT_MEMORY.keys():
        main()
    else:  # glibc reads these when a process starts
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEPT_MEMORY})
