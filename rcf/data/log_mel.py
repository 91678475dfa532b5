"""Log-mel spectrogram (section III-C, appendix VIII) and the patch of it that belongs to a video frame. Pure.

samples --torchaudio--> 16 kHz --STFT magnitudes--> 257 bins --triangles--> 64 mel bins --log(x + 0.01)--> A E

    hop j     samples 160 j - 240 .. 160 j + 159, periodic Hann: a window of 25 ms that ends where its hop of 10 ms ends
    padding   240 zeros before the first sample, and zeros to the end of the last hop: as many hops as the sound is long
    patch     a number of hops; what lies before the sound or after its end is silence

So a hop knows nothing of what comes after it, which an online network needs. Filters as in VGGish: triangles between 66
edges that are evenly spaced in mel, 125 to 7500 Hz, straight in mel, of height 1, over magnitudes (not power).
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
import torchaudio.functional
from jaxtyping import Float
from scipy.signal import resample_poly
from torch import Tensor
from torch.nn import functional

from rcf.sound import HOP, HOPS_PER_SECOND, MEL_BINS, OFFSET, SAMPLE_RATE, SILENCE
from rcf.tensors import from_numpy, spectrum

WINDOW = 400
"""Samples: 25 ms."""
FFT_LENGTH = 512
_LOWEST, _HIGHEST = 125.0, 7500.0
"""Hz."""

_REACH, _ROLLOFF = 10, 0.99
"""Zero crossings on each side of the resampling filter, and its cut-off relative to the lower Nyquist frequency."""
_LARGEST_KERNEL = 2**22
"""Numbers. Rates with a small common divisor with 16 kHz would take a kernel of gigabytes in torchaudio."""
_HOPS_AT_ONCE = 4096

FirstHop = Callable[[float, int, float], int]
"""(moment in seconds, hops of the patch, lookahead) -> first hop of the patch; `causal_start` or `centred_start`."""


def resampled(samples: Float[Tensor, " s"], rate: int) -> Float[Tensor, " r"]:
    """`samples` of `rate` Hz at 16 kHz, ceil(s * 16000 / rate) of them."""
    if rate == SAMPLE_RATE or samples.numel() == 0:
        return samples
    divisor = math.gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // divisor, rate // divisor
    if up * (down + 2 * _REACH * math.ceil(max(down / up, 1.0))) > _LARGEST_KERNEL:
        # scipy's filter has the same reach and is made once, not once for each phase.
        return from_numpy(resample_poly(samples.double().numpy(), up, down)).to(samples.dtype)
    return torchaudio.functional.resample(samples, rate, SAMPLE_RATE, lowpass_filter_width=_REACH, rolloff=_ROLLOFF)


def lookahead(rate: int) -> float:
    """Seconds by which a sample at 16 kHz depends on later samples of the original."""
    return 0.0 if rate == SAMPLE_RATE else _REACH / (_ROLLOFF * min(rate, SAMPLE_RATE))


def log_mel(samples: Float[Tensor, " s"]) -> Float[Tensor, "A E"]:
    """Log-mel spectrogram of a sound at 16 kHz, with A = ceil(s / 160); computed in double precision."""
    count = math.ceil(samples.numel() / HOP)
    if count == 0:
        return torch.zeros(0, MEL_BINS)
    padded = functional.pad(samples.double(), (WINDOW - HOP, count * HOP - samples.numel()))
    window = torch.hann_window(WINDOW, periodic=True, dtype=torch.float64)
    parts: list[Tensor] = []
    for frames in torch.split(padded.unfold(0, WINDOW, HOP), _HOPS_AT_ONCE):
        magnitudes = spectrum(frames * window, FFT_LENGTH).abs()
        parts.append((magnitudes @ mel_filters() + OFFSET).log().float())
    return torch.cat(parts)


@lru_cache(maxsize=1)
def mel_filters() -> Float[Tensor, "f E"]:
    """Weight of each of the 257 frequencies in each mel bin."""
    frequencies = torch.arange(FFT_LENGTH // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / FFT_LENGTH
    lowest, highest = _mel(torch.tensor([_LOWEST, _HIGHEST], dtype=torch.float64))
    edges = torch.linspace(float(lowest), float(highest), MEL_BINS + 2, dtype=torch.float64)
    mels = _mel(frequencies)[:, None]
    rising = (mels - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mels) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0.0)


def _mel(frequencies: Float[Tensor, " f"]) -> Float[Tensor, " f"]:
    """HTK's formula."""
    return 1127.0 * torch.log1p(frequencies / 700.0)


def causal_start(moment: float, hops: int, lookahead: float = 0.0) -> int:
    """First hop of the patch that ends at `moment`: no sample at `moment` or later has a part in it.

    A frame's moment is when it is shown, frame / fps; so the first frame of a video has heard nothing.
    """
    # The small term undoes rounding, 3 / 30 * 100 being less than 10; it is far less than one sample.
    return math.floor((moment - lookahead) * HOPS_PER_SECOND + 1e-6) - hops


def centred_start(moment: float, hops: int, lookahead: float = 0.0) -> int:
    """First hop of the patch with `moment` in its middle; half of it lies in the future."""
    return math.floor(moment * HOPS_PER_SECOND + 0.5) - hops // 2


def cut_patch(mel: Float[Tensor, "a E"], first: int, hops: int) -> Float[Tensor, "A E"]:
    """`hops` hops from number `first` on, which may be negative; silence where there is no sound."""
    patch = torch.full((hops, MEL_BINS), SILENCE)
    begin, end = max(first, 0), min(first + hops, mel.shape[0])
    if begin < end:
        patch[begin - first : end - first] = mel[begin:end]
    return patch
