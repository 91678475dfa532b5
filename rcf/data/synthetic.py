"""A seeded data set of moving textured shapes on disk, in YouTube-VIS format: all or nothing.

SyntheticConfig --synthetic_digest--> identity of the content, known before anything is drawn

out there and complete? --> nothing to do
else: .<out>.<random>.tmp/{train,val}/{JPEGImages, Audio, instances.json} + synthetic.json --rename--> out
      (a second process that was faster wins; both wrote the same)
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from rcf.config import SYNTHETIC_VERSION, SyntheticConfig
from rcf.data.audio_io import write_sound
from rcf.data.clips import SPLITS, AnnotationFile, Clip, clip_count, described, render_split
from rcf.data.problems import refuse

MARK = "synthetic.json"
"""Says what a complete set was made from; it comes with the rename, so it is never there too early."""
JPEG_QUALITY = 90

Progress = Callable[[int, int], None]
"""Called with (clips written, clips in all)."""


def synthetic_digest(config: SyntheticConfig) -> str:
    """Identity of the content; needs no files. Equal digests mean equal pixels and masks, wherever they lie."""
    content = {**described(config), "version": SYNTHETIC_VERSION}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_synthetic(out: Path, config: SyntheticConfig, progress: Progress | None = None) -> None:
    """Make `out`/train and `out`/val; does nothing when the very same set is there already.

    Raises rcf.errors.InputError when `out` holds anything else.
    """
    if _complete(out, config):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        _write_splits(folder, config, progress)
        _write_json(folder / MARK, {"digest": synthetic_digest(config), "config": described(config)})
        folder.chmod(0o755)
        _move(folder, out, config)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _complete(out: Path, config: SyntheticConfig) -> bool:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        refuse(out, "", "a file or folder that is no synthetic set", "a new or empty folder", "Name another folder")
    if mark.get("digest") != synthetic_digest(config):
        refuse(out, "", "a synthetic set of other settings", "a new or empty folder", "Name another folder")
    return True


def _move(folder: Path, out: Path, config: SyntheticConfig) -> None:
    try:
        folder.replace(out)
    except OSError:
        if not _complete(out, config):
            raise


def _write_splits(folder: Path, config: SyntheticConfig, progress: Progress | None) -> None:
    total, done = sum(clip_count(config, split) for split in SPLITS), 0
    for split in SPLITS:
        annotations = AnnotationFile(config)
        for clip in render_split(config, split):
            _write_frames(folder / split / "JPEGImages" / clip.name, clip)
            if clip.sound is not None:
                write_sound(folder / split / "Audio" / f"{clip.name}.flac", clip.sound)
            annotations.add(clip)
            done += 1
            if progress is not None:
                progress(done, total)
        _write_json(folder / split / "instances.json", annotations.document())


def _write_frames(folder: Path, clip: Clip) -> None:
    folder.mkdir(parents=True)
    for t, frame in enumerate(clip.frames):
        # No colour subsampling: at this size it would smear the colours over the edges.
        Image.fromarray(frame).save(folder / f"{t:05d}.jpg", quality=JPEG_QUALITY, subsampling=0)


def _write_json(path: Path, value: object) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
