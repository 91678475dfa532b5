"""`rcflab table`: the table of what is finished, if all of it is; of one experiment or of many.

Session + LedgerView --build_table--> AblationTable --render--> stdout, and the files below storage.root
          `-- of the ledger, or of MLflow alone: equal bytes
of each experiment                                  --one document--> stdout, and --output
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from rcflab.commands.options import Arms, Base, Experiments, Partial, Seeds, Set, open_session, open_sessions
from rcflab.report.files import Format, render_tables, write_document, write_tables
from rcflab.session import LedgerView, Session, keep_results, read_ledger
from rcflab.tables import build_tables, table_folder, table_provenance
from rcflab.track.view import read_tracking

OnStale = Literal["ask", "reuse"]
Source = Literal["ledger", "mlflow"]


def table_command(
    experiments: Experiments,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = "md",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Also write one document of all, in every format."),
    ] = None,
    on_stale: Annotated[OnStale, typer.Option("--on-stale", help="Cells that other code finished.")] = "ask",
    source: Annotated[Source, typer.Option("--from", help="Where the results are read.")] = "ledger",
    partial: Partial = False,
) -> None:
    """Print the tables of experiments; trains nothing, and refuses when a cell of any is missing.

    With --partial cells that are missing, failed or stale are left out instead, and named below the table; an arm
    without any seed has a row of dashes. Its files go into the folder `partial` beside those of the whole table.

    Reads the YAML files, the data's digests and the ledgers below storage.root; with `--from mlflow` the tracking
    store instead of the ledger, for equal bytes. Writes each table in all formats below storage.root/experiments/NAME
    when the whole experiment is asked for. Several experiments become one document; each table stays complete, and a
    family of comparisons of its own. Costs seconds.

    Example: rcflab table experiments/table_*.yaml --base synth --format tex --output paper/

    Exit codes: 0 ok, 2 bad input, 3 a cell is missing, failed or stale, 69 MLflow is down, 74 storage.
    """
    sessions = [_tuned(each, set_, arms, seeds, base) for each in open_sessions(experiments, set_, arms, seeds, base)]
    views = [_read(session, source) for session in sessions]
    reuse = on_stale == "reuse" or agreed(views)
    tables = build_tables(list(zip(sessions, views, strict=True)), reuse_stale=reuse, partial=partial)
    for session, view, table in zip(sessions, views, tables, strict=True):
        if session.is_whole:
            write_tables(table_folder(session, table), table, table_provenance(session, view))
            keep_results(session)
    if output is not None:
        write_document(output, tables)
    typer.echo(render_tables(tables, form), nl=False)


def _tuned(
    session: Session, options: list[str] | None, arms: str | None, seeds: int | None, base: str | None
) -> Session:
    """What a search has found, in the place of an experiment that has one."""
    if session.spec.search is None:
        return session
    from rcflab.searching import tuned_winner

    whole = open_session(session.path, options, None, None, base)
    return open_session(tuned_winner(whole), None, arms, seeds, None)


def _read(session: Session, source: Source) -> LedgerView:
    return read_tracking(session) if source == "mlflow" else read_ledger(session, series=False)


def agreed(views: list[LedgerView]) -> bool:
    """Ask a person about stale cells; without a person the answer is no."""
    stale = sum(state == "stale" for view in views for state in view.states.values())
    if not stale or not sys.stdin.isatty():
        return False
    return typer.confirm(f"{stale} trials were finished by other code. Reuse them (with a footnote)?", err=True)
