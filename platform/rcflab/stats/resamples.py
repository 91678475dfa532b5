"""Videos drawn again, with replacement: one matrix for a whole table.

    seed --V draws of V videos, B times--> how often each video counts, (V, 1 + B); column 0 counts each once

All arms and seeds of a table are scored under the same columns, so a difference between two arms is paired over videos
in each of them, and a table that is made again has the same bytes.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def resample_matrix(videos: int, resamples: int, seed: int) -> Floats:
    """How often each video counts: (V, 1 + B), column 0 ones, each other column whole numbers that add up to V.

    The relative error of a standard error from B resamples is 1 / sqrt(2 B): 1.6 % at 2,000.
    Raises ValueError for fewer than one video or resample, and for a negative seed.
    """
    for name, value, least in (("videos", videos, 1), ("resamples", resamples, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: got {value}, expected at least {least}")
    random = np.random.default_rng(np.random.SeedSequence(seed))
    drawn = random.multinomial(videos, np.full(videos, 1 / videos), resamples)
    return np.concatenate((np.ones((videos, 1)), drawn.T.astype(np.float64)), axis=1)
