"""How fast `rcflab data check` and the training loader read frames, against a bare parallel decode loop.

    python benchmarks/data_check.py [--height H] [--width W] [--clips N] [--turns N] [--threads N]

Three loops over the same JPEG files, as many threads each, one after the other in turns, no cache:

    bare    read the bytes, decode_image: nothing is checked
    check   what the check does of each frame: file there and inside its folder, header of the right size, decoded whole
    loader  batches of a training (clips of a target and a reference, flipped at random) with masks and all

Wall time says what a user waits, CPU time what the work is on a machine that others use too. A ratio is the speed in
frames a second against the bare loop of the same run. Frames have the size of the network, so the loader resizes
nothing; what a crop or a change of size costs is another question. Cells on a CPU keep the memory that they free; the
same here, with MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=10737418240 MALLOC_TOP_PAD_=268435456 in front.
"""

import argparse
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

CLIPS_OF_A_STEP, STEPS = 4, 12


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
    """Write a set, time the three loops, print two ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("height", 360), ("width", 640), ("clips", 8), ("turns", 7), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        write_synthetic(root, SyntheticConfig(
            height=given.height, width=given.width, train_clips=given.clips, val_clips=1, frames=12))  # fmt: skip
        annotations, frames = find_split(root, "train")
        dataset = VideoDataset(load_annotations(annotations), frames, given.height, given.width, cache_bytes=0)
        paths = [frames / name for video in dataset.videos for name in video.file_names]
        parts: dict[str, Callable[[], object]] = {
            "bare": partial(_bare, paths, given.threads),
            "check": partial(_check, annotations, frames, given.threads),
            "loader": partial(_load, dataset, given.threads),
        }
        times = interleaved(parts, given.turns)
    counts = {"bare": len(paths), "check": len(paths), "loader": STEPS * CLIPS_OF_A_STEP * 2}
    print(f"{len(paths)} frames of {given.width}x{given.height}, {given.threads} threads, {given.turns} turns")
    for name in ("check", "loader"):
        print(f"{name:<7} {_speed(times, counts, name)}")


def _speed(times: dict[str, Times], counts: dict[str, int], name: str) -> str:
    rate, bare = (1e3 * counts[part] / times[part].wall for part in (name, "bare"))
    work, plain = (times[part].cpu / counts[part] for part in (name, "bare"))
    cpu = f"{plain / work:.2f} by CPU time, {work:.2f} against {plain:.2f} ms a frame"
    return f"{rate:.0f} frames/s, {rate / bare:.2f} of the bare loop ({cpu})"


if __name__ == "__main__":
    main()
