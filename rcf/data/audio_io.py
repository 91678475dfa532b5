"""A sound file as a log-mel spectrogram, decoded once and whole.

file --soundfile, block by block--> mean of the channels, all finite? --resampled--> 16 kHz --log_mel--> Sound

FLAC notices any damage by its checksums, WAV when it is shorter than its header says; libsndfile cannot tell a cut Ogg
file from a shorter one.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rcf.data.log_mel import log_mel, lookahead, resampled
from rcf.data.problems import refuse
from rcf.sound import MEL_BINS
from rcf.tensors import from_numpy

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000
"""Hz; no recording has less or more, and a damaged header should not decide how much memory a filter takes."""
_BLOCK = 2**16
"""Samples decoded at a time: a header that promises hours takes no memory for what is not there."""
_CUT_SHORT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_LENGTH = 2**31 - 2**16
"""Bytes; programs that write WAV into a pipe put the largest number there that fits."""

_NO_LENGTH = 2**63 - 1
"""What soundfile says of a FLAC file whose header leaves the length open; its end cannot be read."""

_DAMAGED = "sound-damaged"


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The sound track of one video."""

    mel: Float[Tensor, "A E"]
    seconds: float
    lookahead: float
    """Seconds by which a hop depends on samples after its end: the reach of the resampling filter."""


NO_SOUND = Sound(torch.zeros(0, MEL_BINS), 0.0, 0.0)


def read_sound(path: Path, place: str = "") -> Sound:
    """The whole file; `place` says whose sound it is.

    Raises rcf.errors.InputError when the file is missing, damaged, cut short, or holds a sample that is no number.
    """
    samples, rate = read_samples(path, place)
    return Sound(log_mel(resampled(samples, rate)), samples.numel() / rate, lookahead(rate))


def read_samples(path: Path, place: str = "") -> tuple[Float[Tensor, " s"], int]:
    """The mean of the channels at the file's own rate, and that rate in Hz. Raises rcf.errors.InputError likewise."""
    if not path.is_file():
        refuse(path, place, "no such file", "a sound file", rule="sound-missing")
    try:
        with soundfile.SoundFile(path) as file:
            return _decode(path, place, file), file.samplerate
    except soundfile.LibsndfileError as error:
        got = f"a file that is no sound ({_short(error)})"
        refuse(path, place, got, "a FLAC or WAV file", "Fetch it again", _DAMAGED)


def _decode(path: Path, place: str, file: soundfile.SoundFile) -> Float[Tensor, " s"]:
    """The mean of the channels at the file's own rate."""
    rate, blocks, done = file.samplerate, list[NDArray[np.float32]](), 0
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        refuse(path, place, f"a rate of {rate} Hz", f"{_LOWEST_RATE} to {_HIGHEST_RATE} Hz", rule=_DAMAGED)
    if file.frames == _NO_LENGTH:
        again = "It was written into a pipe: write it into a file again, as in: ffmpeg -i IN.flac OUT.flac"
        wanted = f"a {file.format} file that says how long it is"
        refuse(path, place, "a header without a length", wanted, again, _DAMAGED)
    while True:
        try:
            block: NDArray[np.float32] = file.read(_BLOCK, dtype="float32", always_2d=True).mean(axis=1)
        except soundfile.LibsndfileError as error:
            reason = f"a damaged file ({_short(error)} after {done / rate:.2f} s)"
            refuse(path, place, reason, f"a whole {file.format} file", "Fetch it again", _DAMAGED)
        wrong = np.flatnonzero(~np.isfinite(block))
        if len(wrong):
            number = done + int(wrong[0])
            got = f"a sample that is no finite number, sample {number} ({number / rate:.3f} s)"
            refuse(path, place, got, "finite samples", "Convert it again", _DAMAGED)
        blocks.append(block)
        done += len(block)
        if len(block) < _BLOCK:
            break
    _refuse_cut_short(path, place, file, done)
    return from_numpy(np.concatenate(blocks))


def _refuse_cut_short(path: Path, place: str, file: soundfile.SoundFile, done: int) -> None:
    promised, there = file.frames, done
    cut = _CUT_SHORT.search(file.extra_info)
    if cut is not None and int(cut[2]) < int(cut[1]) < _UNKNOWN_LENGTH:
        promised, there = int(cut[1]), int(cut[2])
    if there < promised:
        got = f"a file that ends after {100 * there / promised:.0f} % of its sound ({done / file.samplerate:.2f} s)"
        refuse(path, place, got, f"a whole {file.format} file", "It was cut short: fetch it again", _DAMAGED)


def _short(error: Exception) -> str:
    return str(error).rpartition(": ")[2].rstrip(".")[:100]
