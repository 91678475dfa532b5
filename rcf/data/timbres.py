"""What a synthetic clip sounds like: a timbre for each category, the louder the more of the object is in view.

timbre of the category, or one drawn anew --> wave (pitch, phases, envelope at random) --+
visible area of each frame / largest of the clip --> loudness, between frames linear ----x--> sum of all objects
                                                                      + noise floor --> 16 bit at 16 kHz
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rcf.data.shapes import CATEGORIES, Flags, Reals
from rcf.sound import SAMPLE_RATE

_LOUDNESS = 0.1
"""Root mean square of an object in full view, of a full scale of 1."""
_FLOOR = (0.001, 0.004)
"""Range of the noise, root mean square: 28 to 40 decibels below."""

_TAU = 2 * np.pi


def _hum(rng: np.random.Generator, time: Reals) -> Reals:
    """Low, with twelve harmonics."""
    pitch, phases = rng.uniform(110, 150), rng.uniform(0, _TAU, size=12)
    harmonics = (np.sin(_TAU * k * pitch * time + phase) / k for k, phase in enumerate(phases, start=1))
    return sum(harmonics, start=0 * time)


def _trill(rng: np.random.Generator, time: Reals) -> Reals:
    """Two pure tones, a fourth apart, in turn."""
    pitch, pace, phase = rng.uniform(1100, 1400), rng.uniform(6, 9), rng.uniform(0, 1)
    high = np.floor((time * pace + phase) * 2) % 2
    return np.sin(_TAU * np.cumsum(pitch * np.where(high > 0, 4 / 3, 1.0)) / SAMPLE_RATE)


def _rattle(rng: np.random.Generator, time: Reals) -> Reals:
    """Short bursts of noise."""
    pace, phase = rng.uniform(9, 14), rng.uniform(0, 1)
    return rng.normal(size=time.shape) * np.exp(-8 * ((time * pace + phase) % 1))


def _siren(rng: np.random.Generator, time: Reals) -> Reals:
    """A tone that climbs by three octaves, again and again."""
    lowest, pace, phase = rng.uniform(450, 600), rng.uniform(3, 5), rng.uniform(0, 1)
    return np.sin(_TAU * np.cumsum(lowest * 2 ** (3 * ((time * pace + phase) % 1))) / SAMPLE_RATE)


TIMBRES: dict[str, Callable[[np.random.Generator, Reals], Reals]] = {
    "hum": _hum, "trill": _trill, "rattle": _rattle, "siren": _siren,
}  # fmt: skip
"""In the order of rcf.data.shapes.CATEGORIES."""
_WAVES = tuple(TIMBRES.values())
assert len(_WAVES) == len(CATEGORIES)

Choice = Callable[[np.random.Generator, Sequence[int]], dict[int, int]]


def own_timbres(rng: np.random.Generator, categories: Sequence[int]) -> dict[int, int]:
    """Each category has its timbre."""
    return {category: category for category in categories}


def drawn_timbres(rng: np.random.Generator, categories: Sequence[int]) -> dict[int, int]:
    """Each category of a clip has some timbre, drawn anew for every clip: it says nothing of the category."""
    return {category: int(rng.integers(len(_WAVES))) for category in sorted(set(categories))}


def clip_sound(
    rng: np.random.Generator, choice: Choice, categories: Sequence[int], masks: Flags, fps: float
) -> NDArray[np.int16]:
    """The sound of a clip from the categories of its objects and their visible masks (objects, frames, ...).

    `fps`: frames a second; a clip has at least one sample.
    """
    areas = masks.sum(axis=(2, 3)).astype(np.float64)
    frames: int = areas.shape[1]
    time = np.arange(max(int(frames * SAMPLE_RATE / fps), 1), dtype=np.float64) / SAMPLE_RATE
    timbres = choice(rng, categories)
    total: Reals = rng.normal(size=time.shape) * rng.uniform(*_FLOOR)
    for number, category in enumerate(categories):
        share: Reals = areas[number] / areas[number].max()
        loudness = np.interp(time * fps, np.arange(frames, dtype=np.float64), share)
        total = total + loudness * _enveloped(rng, _WAVES[timbres[category]](rng, time), time)
    return np.rint(np.clip(total, -1, 1) * 32767).astype(np.int16)


def _enveloped(rng: np.random.Generator, wave: Reals, time: Reals) -> Reals:
    """`wave` at the common loudness, slowly swelling."""
    swell = 1 + 0.4 * np.sin(_TAU * (rng.uniform(0.5, 2) * time + rng.uniform(0, 1)))
    return wave * swell * (_LOUDNESS * rng.uniform(0.7, 1.4) / np.sqrt(np.mean(wave**2)))
