"""`rcflab table`: the table of what is finished, if all of it is.

Session + LedgerView --build_table--> AblationTable --render--> stdout, and the files below storage.root
"""

import sys
from typing import Annotated, Literal

import typer

from rcflab.commands.options import Arms, Base, Experiment, Seeds, Set, open_session
from rcflab.report.files import Format, render, write_tables
from rcflab.session import LedgerView, read_ledger
from rcflab.tables import build_table, table_provenance

OnStale = Literal["ask", "reuse"]


def table_command(
    experiment: Experiment,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = "md",
    on_stale: Annotated[OnStale, typer.Option("--on-stale", help="Cells that other code finished.")] = "ask",
) -> None:
    """Print the table of an experiment; trains nothing, and refuses when a cell is missing.

    Reads the YAML file, the data's digests and the ledger below storage.root. Writes all formats below
    storage.root/experiments/NAME when the whole experiment is asked for. Costs seconds.

    Example: rcflab table experiments/table_5_token_size.yaml --base synth --format tex

    Exit codes: 0 ok, 2 bad input, 3 a cell is missing, failed or stale, 74 storage.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    if session.spec.search is not None:
        from rcflab.searching import tuned_winner

        session = open_session(tuned_winner(open_session(experiment, set_, None, None, base)), None, arms, seeds, None)
    view = read_ledger(session)
    table = build_table(session, view, reuse_stale=on_stale == "reuse" or _agreed(view))
    if arms is None and seeds is None:
        write_tables(session.experiment_folder, table, table_provenance(session, view))
    typer.echo(render(table, form), nl=False)


def _agreed(view: LedgerView) -> bool:
    """Ask a person about stale cells; without a person the answer is no."""
    stale = sum(state == "stale" for state in view.states.values())
    if not stale or not sys.stdin.isatty():
        return False
    return typer.confirm(f"{stale} trials were finished by other code. Reuse them (with a footnote)?", err=True)
