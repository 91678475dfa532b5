"""How much faster the evaluator is than a plain double loop over predictions, true tracks and frames.

    same tracks --> evaluate(): check, decode, compare, match, twelve numbers  --time--.
               `--> merge + area of each pair in each frame (IoU alone)        --time--> ratio
    results.json --> ResultsFile, assess --peak memory--> beside the bytes of the largest video and of the file

300 videos of 36 frames, 20 predictions each. The first line is the one to watch: frames as the synthetic set has them,
20 true tracks of one category as in a flock or a crowd, so that each prediction meets 20. The others say what changes
the ratio: larger masks (more text to decode, which both sides must do), and fewer true tracks of a prediction's
category. The loop does less than `evaluate` (no checks, no matching) and must get equal IoUs wherever they are 0.5 or
more; below that `evaluate` need not know them.

    python benchmarks/evaluator.py [--videos 300] [--rounds 2]
"""

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from rcf.data.annotations import Annotations, Category, Track, Video, load_annotations
from rcf.evaluation.assessment import Asked, assess
from rcf.evaluation.compared import BY_CATEGORY
from rcf.evaluation.overlap import Segmentations, Shape, overlaps
from rcf.evaluation.results import write_results
from rcf.evaluation.results_file import ResultsFile
from rcf.evaluation.rle import areas as areas_of
from rcf.evaluation.rules import STRICT
from rcf.evaluation.track_ap import evaluate
from rcf.evaluation.tracking import trackeval_metrics
from rcf.structures import Rle, TrackPrediction

FRAMES, PREDICTIONS = 36, 20
_GROUP = 50
Ious = list[list[list[float]]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What the videos look like; `tracks` divides the number of predictions."""

    name: str
    height: int = 64
    width: int = 96
    tracks: int = 20
    categories: int = 1


SETTINGS = (
    Setting("evaluator"),
    Setting("evaluator at 320 x 180", 180, 320),
    Setting("evaluator with 10 true tracks", tracks=10),
    Setting("evaluator with 5 true tracks", tracks=5),
    Setting("evaluator with 10 categories, one true track each", tracks=10, categories=10),
)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Time of one call."""

    wall: float
    process: float

    def __add__(self, other: "Seconds") -> "Seconds":
        """Of two calls together."""
        return Seconds(self.wall + other.wall, self.process + other.process)


@dataclass(frozen=True, slots=True)
class Path2D:
    """Where a shape moves, (FRAMES, 2) of x and y, and how large it is, all in pixels."""

    points: NDArray[np.float64]
    radius: float


def wobbling_track(rng: np.random.Generator, path: Path2D, setting: Setting, error: float) -> tuple[Rle, ...]:
    """A lobed shape along a path; `error` moves and scales it, in parts of its radius."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    phase, shift = rng.uniform(0, 2 * np.pi), rng.normal(0, error * path.radius, 2)
    lobes = 1 + 0.2 * np.sin(3 * angles + phase) + 0.05 * np.sin(5 * angles)
    masks: list[Rle] = []
    for x, y in path.points + shift:
        reach = path.radius * (1 + rng.normal(0, error)) * lobes
        outline = np.stack((x + reach * np.cos(angles), y + reach * np.sin(angles)), axis=1)
        rle = coco_mask.frPyObjects([outline.ravel().tolist()], setting.height, setting.width)[0]
        masks.append({"size": [setting.height, setting.width], "counts": rle["counts"].decode("ascii")})
    return tuple(masks)


def make_tracks(setting: Setting, videos: int) -> tuple[Annotations, list[TrackPrediction]]:
    """Each true track is predicted equally often, from well to badly."""
    rng = np.random.default_rng(0)
    size = np.array([setting.width, setting.height])
    tracks: list[Track] = []
    predictions: list[TrackPrediction] = []
    for video in range(1, videos + 1):
        for number in range(setting.tracks):
            ends = size * rng.uniform(0.2, 0.8, (2, 2))
            points = ends[0] + np.linspace(0, 1, FRAMES)[:, None] * (ends[1] - ends[0])
            path = Path2D(points, setting.height * rng.uniform(0.1, 0.25))
            category = 1 + number % setting.categories
            masks = wobbling_track(rng, path, setting, 0.0)
            areas = tuple(areas_of(masks).astype(float).tolist())
            tracks.append(Track(len(tracks) + 1, video, category, False, masks, areas))
            for error in np.linspace(0.05, 0.5, PREDICTIONS // setting.tracks):
                guess = wobbling_track(rng, path, setting, float(error))
                predictions.append(TrackPrediction(video, category, float(rng.random()), guess))
    listed = tuple(
        Video(v, setting.width, setting.height, FRAMES, tuple(f"{v}/{frame:05d}.jpg" for frame in range(FRAMES)))
        for v in range(1, videos + 1)
    )
    kinds = tuple(Category(k, f"kind {k}") for k in range(1, setting.categories + 1))
    return Annotations(Path("benchmark"), listed, kinds, tuple(tracks)), predictions


def plain_iou(first: Segmentations, second: Segmentations) -> float:
    """The double loop's inner loop, as public evaluators have it."""
    shared = union = 0
    for a, b in zip(first, second, strict=True):
        present = [mask for mask in (a, b) if mask is not None]
        if len(present) == 2:
            shared += int(coco_mask.area([coco_mask.merge(present, intersect=True)])[0])
            union += int(coco_mask.area([coco_mask.merge(present, intersect=False)])[0])
        elif present:
            union += int(coco_mask.area(present)[0])
    return shared / union if union else 0.0


def plain_ious(annotations: Annotations, predictions: Sequence[TrackPrediction]) -> Ious:
    """Per video, the IoU of each true track with the predictions of its category."""
    ious: Ious = []
    for video in annotations.videos:
        guesses = [guess for guess in predictions if guess.video_id == video.id]
        for guess in guesses:  # the areas of predictions are part of any evaluation
            areas_of([mask for mask in guess.segmentations if mask is not None])
        tracks = [track for track in annotations.tracks if track.video_id == video.id]
        ious.append(
            [
                [
                    plain_iou(guess.segmentations, track.segmentations)
                    for guess in guesses
                    if guess.category_id == track.category_id
                ]
                for track in tracks
            ]
        )
    return ious


def our_ious(annotations: Annotations, predictions: Sequence[TrackPrediction]) -> Ious:
    """The same from the evaluator's own comparison."""
    ious: Ious = []
    for video in annotations.videos:
        shape = Shape(video.height, video.width, video.length)
        row: list[list[float]] = []
        for track in (track for track in annotations.tracks if track.video_id == video.id):
            same = [p for p in predictions if (p.video_id, p.category_id) == (video.id, track.category_id)]
            guesses = [guess.segmentations for guess in same]
            found = overlaps(shape, [track.segmentations], guesses, [(0, len(same))], BY_CATEGORY.floor)
            row.append(found.iou()[0].tolist())
        ious.append(row)
    return ious


def timed(call: Callable[[], object]) -> Seconds:
    """Run once."""
    wall, process = time.perf_counter(), time.process_time()
    call()
    return Seconds(time.perf_counter() - wall, time.process_time() - process)


def compare(setting: Setting, videos: int, rounds: int) -> str:
    """Both sides in turn on groups of fifty videos, times added: what else runs on the machine slows both alike.

    Of the rounds the least disturbed counts: the one in which both took least.
    """
    annotations, predictions = make_tracks(setting, videos)
    groups = list(_groups(annotations, predictions))
    totals: list[tuple[Seconds, Seconds]] = []
    for _ in range(rounds):
        ours, plain = Seconds(0, 0), Seconds(0, 0)
        for some, guesses in groups:
            found: list[Ious] = []
            ours += timed(lambda some=some, guesses=guesses: evaluate(some, guesses))
            plain += timed(lambda some=some, guesses=guesses, found=found: found.append(plain_ious(some, guesses)))
            if _high(found[0]) != _high(our_ious(some, guesses)):
                raise SystemExit(f"benchmark {setting.name}: the two sides disagree")
        totals.append((plain, ours))
    plain, ours = min(totals, key=lambda pair: pair[0].process + pair[1].process)
    return (
        f"ratio {plain.process / ours.process:.1f} of process time ({plain.process:.2f} s / {ours.process:.3f} s), "
        f"{plain.wall / ours.wall:.1f} of wall time ({plain.wall:.2f} s / {ours.wall:.3f} s)"
    )


def _groups(
    annotations: Annotations, predictions: Sequence[TrackPrediction]
) -> Iterator[tuple[Annotations, list[TrackPrediction]]]:
    for start in range(0, len(annotations.videos), _GROUP):
        videos = annotations.videos[start : start + _GROUP]
        known = {video.id for video in videos}
        tracks = tuple(track for track in annotations.tracks if track.video_id in known)
        yield replace(annotations, videos=videos, tracks=tracks), [p for p in predictions if p.video_id in known]


def _high(ious: Ious) -> Ious:
    return [[[iou if iou >= BY_CATEGORY.floor else 0.0 for iou in row] for row in video] for video in ious]


def memory(videos: int) -> str:
    """What `assess` adds to the peak of a fresh process, for a quarter of the videos and for all."""
    lines: list[str] = []
    for count in (videos // 4, videos):
        annotations, predictions = make_tracks(SETTINGS[0], count)
        with tempfile.TemporaryDirectory() as folder:
            write_results(Path(folder, "results.json"), predictions)
            Path(folder, "truth.json").write_text(json.dumps(_as_file(annotations)))
            run = [sys.executable, __file__, "--memory-of", folder]
            lines.append(subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    return "; ".join(lines)


def _as_file(annotations: Annotations) -> dict[str, object]:
    tracks = [
        {"id": t.id, "video_id": t.video_id, "category_id": t.category_id, "segmentations": t.segmentations}
        for t in annotations.tracks
    ]
    videos = [
        {"id": v.id, "width": v.width, "height": v.height, "file_names": v.file_names} for v in annotations.videos
    ]
    names = [{"id": category.id, "name": category.name} for category in annotations.categories]
    return {"videos": videos, "categories": names, "annotations": tracks}


def _memory_of(folder: Path) -> None:
    """Peak of resident memory while a results file is read and assessed, beyond that with the annotations in memory.

    Linux only: a process can have its peak forgotten.
    """
    annotations = load_annotations(folder / "truth.json")
    trackeval_metrics()  # a library is no data
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_mb()
    with ResultsFile(folder / "results.json", annotations) as file:
        found = assess(annotations, file, STRICT, Asked())
    print(
        f"{len(annotations.videos)} videos: peak +{_peak_mb() - before:.0f} MB beside a results file of "
        f"{(folder / 'results.json').stat().st_size / 1e6:.1f} MB, its largest video {found.largest_video / 1e6:.2f} MB"
    )


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Print one line a setting."""
    parser = argparse.ArgumentParser(description="Evaluator against a plain double loop.")
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--memory-of", type=Path, help="A folder of two files; the benchmark calls itself with it.")
    options = parser.parse_args()
    if options.memory_of is not None:
        _memory_of(options.memory_of)
        return
    print(f"benchmark evaluator, memory: {memory(options.videos)}", flush=True)
    for setting in SETTINGS:
        wanted = " (wanted: at least 50)" if setting is SETTINGS[0] else ""
        print(f"benchmark {setting.name}: {compare(setting, options.videos, options.rounds)}{wanted}", flush=True)


if __name__ == "__main__":
    main()
