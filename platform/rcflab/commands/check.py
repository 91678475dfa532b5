"""`rcflab check`: everything that can be known to be wrong before a cell starts.

file --open_session--> plan --task.check of each distinct configuration--> ok | every problem
"""

import typer

from rcflab.commands.options import Arms, AsJson, Base, Experiment, Seeds, Set, echo_json, open_session
from rcflab.session import preflight


def check_command(
    experiment: Experiment,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    json: AsJson = False,
) -> None:
    """Validate an experiment, its data and its weights; starts nothing.

    Reads the YAML file, the annotation files and the names of their frames. Writes nothing but its memory of file
    digests. Costs seconds. Prints every problem that it finds.

    Example: rcflab check experiments/quickstart.yaml

    Exit codes: 0 ok, 2 bad input.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    preflight(session)
    cells = len(session.plan.cells)
    if json:
        echo_json({"ok": True, "experiment": session.plan.experiment, "cells": cells})
    else:
        more = "" if session.spec.search is None else " after a search"
        typer.echo(f"ok: {cells} cells{more}")
