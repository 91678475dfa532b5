"""The shell's way to a page: what the ledger, the store and the file say, gathered; then one HTML file.

Session, LedgerView --gather--> PageFacts --experiment_page--> ExperimentPage --write_report--> report.html
                                figures ------------------------------------------------------> figures/*.png *.svg
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args

from rcflab.ablation import AblationTable
from rcflab.curves import cell_curves
from rcflab.errors import IncompleteError
from rcflab.ledger.files import replace_bytes, replace_text, storage_errors
from rcflab.overlays import find_overlays
from rcflab.report.figures import FigureData, Picture, pictures
from rcflab.report.page import ExperimentPage, PageFacts, PagePicture, experiment_page, render_page
from rcflab.report.style import ImageFormat, image
from rcflab.session import LedgerView, Session
from rcflab.tables import build_table

REPORT = "report.html"


class Drawn(NamedTuple):
    """A picture, and its SVG: the page and the file have the same one."""

    picture: Picture
    svg: bytes


class Told(NamedTuple):
    """What there is to tell of an experiment's results."""

    table: AblationTable | None
    """The whole table, else one of what is there, else none."""
    faults: tuple[str, ...] = ()
    """What stands in the way of the whole."""


def told_table(session: Session, view: LedgerView, *, reuse_stale: bool) -> Told:
    """The experiment's table, or the part that there is and why it is not whole."""
    try:
        return Told(build_table(session, view, reuse_stale=reuse_stale))
    except IncompleteError as error:
        first, *named = str(error).splitlines()
        # The first line says that those below it name what is missing.
        faults = tuple(named or [first])
    try:
        return Told(build_table(session, view, reuse_stale=reuse_stale, partial=True), faults)
    except IncompleteError:
        return Told(None, faults)


def write_report(session: Session, view: LedgerView, told: Told) -> Path:
    """Write the page and the figures of one experiment into its folder; returns the page's path.

    The page of a part never takes the place of the whole one's. Raises StorageError.
    """
    folder = session.experiment_folder / "partial" if told.faults else session.experiment_folder
    drawn = _pictures(session, view, told.table)
    _write_figures(folder / "figures", drawn)
    write_pages(folder / REPORT, [_page(session, view, told, drawn)])
    return folder / REPORT


def report_page(session: Session, view: LedgerView, told: Told) -> ExperimentPage:
    """The page of one experiment, for a document of several."""
    return _page(session, view, told, _pictures(session, view, told.table))


def write_pages(path: Path, pages: Sequence[ExperimentPage]) -> None:
    """Write `pages` as one document. Raises StorageError."""
    with storage_errors(path.parent, "create"):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, render_page(pages))


def lab_note(path: Path) -> str:
    """The comment at the head of an experiment's file: question, run, cost, expect. Empty where it has none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    head: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            break
        head.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(head).strip("\n")


def _pictures(session: Session, view: LedgerView, table: AblationTable | None) -> tuple[Drawn, ...]:
    if table is None:
        return ()
    data = FigureData(table, cell_curves(session.plan, view.keys), tuple(session.spec.factors or ()))
    return tuple(Drawn(each, image(each.draw(), "svg")) for each in pictures(data))


def _page(session: Session, view: LedgerView, told: Told, drawn: Sequence[Drawn]) -> ExperimentPage:
    return experiment_page(
        PageFacts(
            plan=session.plan,
            keys=view.keys,
            states=view.states,
            fingerprints=session.fingerprints,
            table=told.table,
            faults=told.faults,
            note=lab_note(session.path),
            figures=tuple(PagePicture(picture.caption, svg, "svg") for picture, svg in drawn),
            overlays=find_overlays(session.plan, view.keys, session.storage),
        )
    )


def _write_figures(folder: Path, drawn: Sequence[Drawn]) -> None:
    """All of these and none of an earlier page."""
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    files: set[str] = set()
    for picture, svg in drawn:
        for form in get_args(ImageFormat):
            replace_bytes(folder / f"{picture.name}.{form}", svg if form == "svg" else image(picture.draw(), form))
            files.add(f"{picture.name}.{form}")
    with storage_errors(folder, "clear"):
        for path in folder.iterdir():
            if path.suffix in (".png", ".svg") and path.name not in files:
                path.unlink()
