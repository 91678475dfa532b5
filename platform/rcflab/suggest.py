"""The next move for a name that is not known: the nearest one that is."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known name nearest to `name`, or nothing when none is near."""
    # Long names cost quadratic time and are never a slip of the pen.
    close = get_close_matches(name[:100], list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
