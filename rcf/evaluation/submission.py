"""The file that a benchmark server takes: results.json in a zip, checked before anybody sees it.

    each video: answer_video --read_frames, TrackAssembler--> rows --checks--> results.json (hidden)
        --read again: every check--> zip, the same bytes for the same rows --rename--> FILE.zip

Written whole or not at all. A zip says in its comment how predictions were chosen; servers look at results.json only.
"""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rcf.config import EvaluationConfig
from rcf.data.annotations import Annotations
from rcf.data.ytvis import VideoDataset
from rcf.evaluation.checks import TrackChecks
from rcf.evaluation.results import row_of
from rcf.evaluation.results_file import MEMBER, ResultsFile
from rcf.evaluation.tracks import TrackAssembler
from rcf.evaluation.video_pass import answer_video, read_frames
from rcf.model.network import RCF
from rcf.structures import TrackPrediction

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name: a file's time would make each zip another one."""
Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What was written."""

    path: Path
    videos: int
    tracks: int
    json_bytes: int
    zip_bytes: int
    sha256: str
    """Of the zip."""
    choice: str
    """How predictions were chosen, as every table says it."""


def choice_name(way: EvaluationConfig) -> str:
    """How predictions are chosen from what the network says."""
    if way.pairs_per_video:
        return (
            f"top-{way.pairs_per_video} pairs of track and category of each video (field practice), "
            f"class threshold {way.class_threshold:g}"
        )
    return f"slot-filtered (paper): slots above {way.class_threshold:g}, each track with its best category"


def predict(network: RCF, dataset: VideoDataset, way: EvaluationConfig) -> Iterator[list[TrackPrediction]]:
    """The tracks of each video in turn; nothing but the current video is kept. The network is in evaluation mode."""
    for index, video in enumerate(dataset.videos):
        answer = answer_video(network, dataset, index, dataset.frames(index))
        assembler = TrackAssembler(way)
        for frame in read_frames(dataset, index, answer, way):
            assembler.add(frame)
        yield assembler.tracks(video.id, dataset.category_ids)


def write_submission(
    path: Path,
    annotations: Annotations,
    predictions: Iterable[Sequence[TrackPrediction]],
    choice: str,
    progress: Progress = _silent,
) -> Submission:
    """Write the predictions of each video, one video after the other.

    Raises rcf.errors.InputError with all faults of the first video that has some: ids, lengths, sizes, a score outside
    0..1; then nothing is left of the file, and an older one stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _hidden(path, "json") as plain, _hidden(path, "zip") as packed:
        videos, tracks = _write_rows(plain, annotations, predictions, path, progress)
        with ResultsFile(plain, annotations) as again:  # as a stranger reads it
            assert again.rows == tracks, "what was written is what is read"
        _pack(plain, packed, choice)
        with packed.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        sizes = plain.stat().st_size, packed.stat().st_size
        packed.replace(path)
    return Submission(path, videos, tracks, *sizes, digest, choice)


def _write_rows(
    plain: Path,
    annotations: Annotations,
    predictions: Iterable[Sequence[TrackPrediction]],
    path: Path,
    progress: Progress,
) -> tuple[int, int]:
    """Videos and tracks that were written."""
    videos = tracks = 0
    with plain.open("w", encoding="ascii") as file:
        file.write("[")
        for rows in predictions:
            _refuse_faults(annotations, rows, str(path))
            texts = [json.dumps(row_of(row), allow_nan=False) for row in rows]
            file.writelines(f"{',' if tracks + place else ''}\n{text}" for place, text in enumerate(texts))
            tracks, videos = tracks + len(texts), videos + 1
            progress(videos, len(annotations.videos))
        file.write("\n]\n")
    return videos, tracks


@contextmanager
def _hidden(path: Path, kind: str) -> Generator[Path]:
    """A name beside `path` that is gone in the end."""
    place = path.with_name(f".{path.name}.{os.getpid()}.{kind}")
    try:
        yield place
    finally:
        place.unlink(missing_ok=True)


def _refuse_faults(annotations: Annotations, rows: Sequence[TrackPrediction], file: str) -> None:
    checks = TrackChecks.against(annotations, file)
    for row in rows:
        place = f"/video {row.video_id}"
        if not 0 <= row.score <= 1:
            checks.problems.add(f"{place}/score", str(row.score), "a number from 0 to 1")
        checks.category(place, row.category_id)
        video = checks.video(place, row.video_id)
        if video is not None:
            checks.masks(place, row.segmentations, video)
    checks.finish(decode=False)


def _pack(plain: Path, packed: Path, choice: str) -> None:
    """The same bytes wherever and whenever it is made, by the same zlib."""
    entry = zipfile.ZipInfo(MEMBER, _EPOCH)
    entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
    entry.external_attr = 0o100644 << 16
    entry.file_size = plain.stat().st_size  # tells zipfile whether it takes the form for large files
    with zipfile.ZipFile(packed, "w", compresslevel=6) as archive:
        archive.comment = choice.encode("ascii")
        with plain.open("rb") as source, archive.open(entry, "w") as target:
            shutil.copyfileobj(source, target, 1 << 20)
