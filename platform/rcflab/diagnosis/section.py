"""Parts of a page: what the modules beside this one make, and the template lays out.

Study --words, tables, figures--> Section: sentences, grids, pictures, notes --diagnosis.html.j2--> one HTML document
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rcflab.report.html import Grid, GridCell, GridRow, Kind
from rcflab.report.numbers import rounded, typographic
from rcflab.report.page import PagePicture

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Section:
    """Under one heading."""

    title: str
    sentences: tuple[str, ...] = ()
    grids: tuple[tuple[str, Grid], ...] = ()
    """Caption and table."""
    figures: tuple[PagePicture, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to show."""
        return not (self.sentences or self.grids or self.figures)


def number(value: float | None, digits: int = 1) -> str:
    """As people read it; a dash where there is none."""
    return MISSING if value is None else typographic(rounded(value, digits))


def share(part: int, whole: int) -> str:
    """Percent, a dash of nothing."""
    return number(100 * part / whole) if whole else MISSING


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Grid:
    """The first `words` columns are names, the others numbers."""
    kinds: list[Kind] = ["name" if place < words else "number" for place in range(len(head))]

    def line(texts: Sequence[str]) -> tuple[GridCell, ...]:
        return tuple(GridCell(text, kind) for text, kind in zip(texts, kinds, strict=True))

    return Grid(line(head), tuple(GridRow(line(row)) for row in rows))
