"""`rcflab eval`: the score of a results file.

GT.json, RESULTS.json --load (every problem at once)--> evaluate --> twelve numbers --> JSON | rich table
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rcflab.commands.options import AsJson, echo_json

if TYPE_CHECKING:
    from rcf.evaluation.statistics import Stats


def eval_command(
    ground_truth: Annotated[Path, typer.Argument(help="Annotations in the YouTube-VIS form.", show_default=False)],
    results: Annotated[Path, typer.Argument(help="results.json, as a server takes it.", show_default=False)],
    frames: Annotated[
        Literal["all", "hard", "clear"],
        typer.Option("--frames", help="Only the frames that the annotations list as hard, or the others."),
    ] = "all",
    json: AsJson = False,
) -> None:
    """Score a results file against ground truth: AP and AR of YouTube-VIS, in percent points.

    Reads the two files, no frames; writes nothing. The numbers equal the official evaluator's. A track of another
    length or size than its video, or an unknown id, is an error here, not a silent zero.

    Example: rcflab eval val/instances.json results.json --json

    Exit codes: 0 ok, 2 bad input.
    """
    # Slow to import, and not needed for --help.
    from rcf.data.annotations import load_annotations
    from rcf.errors import InputError
    from rcf.evaluation.chosen_frames import frames_problems, restrict
    from rcf.evaluation.results import load_results
    from rcf.evaluation.track_ap import evaluate

    annotations = load_annotations(ground_truth)
    if problems := frames_problems(annotations, frames):
        raise InputError(problems)
    truth, predictions = restrict(annotations, load_results(results, annotations), frames)
    found = evaluate(truth, predictions, str(results))
    if json:
        echo_json({"stats": {name: value for name, value in found.stats.items()}})
    else:
        _print(found.stats)


def _print(stats: "Stats") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "points", title="YouTube-VIS, tracks")
    table.columns[1].justify = "right"
    for name, value in stats.items():
        table.add_row(name, "no ground truth" if value is None else f"{value:.2f}")
    Console().print(table)
