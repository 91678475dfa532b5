"""A seeded data set of moving textured shapes on disk, in YouTube-VIS format: all or nothing.

SyntheticConfig --synthetic_digest--> identity of the content, known before anything is drawn

clips.render_split --whole_folder--> out/{train,val}/{JPEGImages, Audio, instances.json} + synthetic.json
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from rcf.config import SYNTHETIC_VERSION, SyntheticConfig
from rcf.data.clips import SPLITS, AnnotationFile, Clip, clip_count, described, render_split
from rcf.data.whole_folder import make_folder, write_json
from rcf.sound import SAMPLE_RATE

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
    make_folder(
        out, synthetic_digest(config), described(config), lambda folder: _write_splits(folder, config, progress)
    )


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
        write_json(folder / split / "instances.json", annotations.document())


def _write_frames(folder: Path, clip: Clip) -> None:
    folder.mkdir(parents=True)
    for t, frame in enumerate(clip.frames):
        # No colour subsampling: at this size it would smear the colours over the edges.
        Image.fromarray(frame).save(folder / f"{t:05d}.jpg", quality=JPEG_QUALITY, subsampling=0)


def write_sound(path: Path, samples: NDArray[np.int16]) -> None:
    """Write a FLAC file of 16 kHz, mono, 16 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16", format="FLAC")
