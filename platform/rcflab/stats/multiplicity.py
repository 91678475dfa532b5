"""Several tests in one table: p that may each be compared with alpha.

    p of m tests --holm--> any false claim at most alpha, whatever depends on whatever     the default
                 --hochberg--> the same for positively dependent tests, a little sharper
                 --benjamini_hochberg--> expected share of false claims ("FDR"), for exploration

Order in is order out.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from rcflab.stats.resamples import Floats


def holm(p: Sequence[float]) -> Floats:
    """Adjusted p, (m,): step down, (m - i) times the i-th smallest (from 0). Raises ValueError unless 0 <= p <= 1."""
    values, order = _sorted(p)
    steps = values[order] * np.arange(len(values), 0, -1)
    return _back(np.minimum(np.maximum.accumulate(steps), 1.0), order)


def hochberg(p: Sequence[float]) -> Floats:
    """Adjusted p, (m,): step up with Holm's factors (Hochberg 1988). Raises ValueError unless 0 <= p <= 1."""
    values, order = _sorted(p)
    steps = values[order] * np.arange(len(values), 0, -1)
    return _back(np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0), order)


def benjamini_hochberg(p: Sequence[float]) -> Floats:
    """Adjusted p, (m,): the false discovery rate. Raises ValueError unless 0 <= p <= 1."""
    values, _ = _sorted(p)
    return np.asarray(stats.false_discovery_control(values, method="bh"), np.float64) if len(values) else values


def _sorted(p: Sequence[float]) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    values = np.asarray(p, np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p: got {list(p)}, expected numbers between 0 and 1")
    return values, np.argsort(values, kind="stable")


def _back(ordered: Floats, order: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
    found = np.empty_like(ordered)
    found[order] = ordered
    return found
