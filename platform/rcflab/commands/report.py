"""`rcflab report`: one HTML page that tells all of an experiment, to send to somebody.

Session + LedgerView --build_table, draw--> page with tables, figures, pictures, provenance --> storage.root, --output
"""

from pathlib import Path
from typing import Annotated

import typer

from rcflab.commands.options import Arms, Base, Experiments, Seeds, Set, open_sessions
from rcflab.commands.table import OnStale, agreed
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.pages import report_page, told_table, write_pages, write_report
from rcflab.session import keep_results, read_ledger


def report_command(
    experiments: Experiments,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="One page of all these experiments.")
    ] = None,
    on_stale: Annotated[OnStale, typer.Option("--on-stale", help="Cells that other code finished.")] = "ask",
) -> None:
    """Write one self-contained HTML page for each experiment: verdicts, tables, figures, overlays, provenance.

    The page needs no network and no script. Trains nothing. Reads the YAML files, the ledgers and the pictures of
    evaluations below storage.root; writes storage.root/experiments/NAME/report.html and the figures beside it when the
    whole experiment is asked for, and with --output one page of all. Where cells are missing, failed or stale the page
    names them above a table of the rest, and goes into the folder `partial` beside the whole one's. Costs seconds.

    Example: rcflab report experiments/quickstart.yaml

    Exit codes: 0 ok, 2 bad input, 3 a page of a part: cells are missing, failed or stale, 74 storage.
    """
    sessions = open_sessions(experiments, set_, arms, seeds, base)
    if output is None and not all(session.is_whole for session in sessions):
        wanted = "a file for a page of a part: the experiment's own page shows the whole"
        raise InputError([Problem("--output", "", "nothing, beside --arms or --seeds", wanted)])
    views = [read_ledger(session) for session in sessions]
    reuse = on_stale == "reuse" or agreed(views)
    told = [told_table(session, view, reuse_stale=reuse) for session, view in zip(sessions, views, strict=True)]
    found = list(zip(sessions, views, told, strict=True))
    for session, view, each in found:
        if session.is_whole:
            typer.echo(write_report(session, view, each))
            keep_results(session)
    if output is not None:
        write_pages(output, [report_page(session, view, each) for session, view, each in found])
        typer.echo(output)
    faults = [
        "\n".join([f"the table of {session.spec.name} is not complete:", *each.faults])
        for session, each in zip(sessions, told, strict=True)
        if each.faults
    ]
    if faults:
        raise IncompleteError("\n".join(faults))
