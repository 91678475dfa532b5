"""`rcflab eval`: the score of a results file, and what went wrong.

GT.json, RESULTS.json --load (every problem at once)--> assess, video by video --> tables | JSON, FOLDER of pictures
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rcflab.commands.options import AsJson, echo_json
from rcflab.records import Json

if TYPE_CHECKING:
    from rcf.data.annotations import Annotations
    from rcf.evaluation.assessment import Assessment
    from rcf.evaluation.compat import Compat


def eval_command(
    ground_truth: Annotated[Path, typer.Argument(help="Annotations in the YouTube-VIS form.", show_default=False)],
    results: Annotated[
        Path, typer.Argument(help="results.json, as a server takes it, or a zip with it.", show_default=False)
    ],
    mode: Annotated[
        Literal["strict", "compat"],
        typer.Option("--mode", help="What cannot be right is an error, or scored as the official evaluator does."),
    ] = "strict",
    frames: Annotated[
        Literal["all", "hard", "clear"],
        typer.Option("--frames", help="Only the frames that the annotations list as hard, or the others."),
    ] = "all",
    tracking: Annotated[
        bool | None,
        typer.Option(
            "--tracking/--no-tracking", help="HOTA, IDF1, identity switches. By default where trackeval is installed."
        ),
    ] = None,
    least_score: Annotated[
        float, typer.Option("--least-score", help="Of the predictions that the tracking measures look at.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Write summary.json and pictures there.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Score a results file against ground truth: AP and AR of YouTube-VIS, in percent points, and what went wrong.

    Reads the two files, no frames, the results video by video; writes only with --out. Numbers equal the official
    evaluator's. `strict` refuses tracks of another length or size than their video, unknown ids, annotation id 0 and
    scores that are no number; `compat` scores them as the official code does and says what it met.

    Example: rcflab eval val/instances.json results.json --out scores

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    # Slow to import, and not needed for --help.
    from rcf.data.annotations import load_annotations
    from rcf.errors import InputError
    from rcf.evaluation.assessment import Asked, as_json, assess
    from rcf.evaluation.chosen_frames import frames_problems
    from rcf.evaluation.compat import Compat
    from rcf.evaluation.results_file import ResultsFile
    from rcf.evaluation.rules import STRICT
    from rcflab.countdown import Countdown

    rules = Compat() if mode == "compat" else STRICT
    annotations = load_annotations(ground_truth)
    if problems := frames_problems(annotations, frames):
        raise InputError(problems)
    asked = Asked(frames, _with_tracking(tracking), least_score)
    with ResultsFile(results, annotations, rules) as file:
        found = assess(annotations, file, rules, asked, Countdown("scoring, videos"))
        source = file.comment or "predictions as the file has them"
    more: dict[str, Json] = {"source": source}
    if isinstance(rules, Compat):
        more["quirks"] = dict(+rules.quirks)
        _warn(rules)
    if json:
        echo_json({**as_json(found), **more})
    else:
        _print(found, f"{results}: {source}", annotations)
        if found.tracking is None and tracking is None:
            typer.echo("No HOTA, IDF1 and identity switches: pip install 'rcflab[tracking]'")
    if out is not None:
        from rcflab.scoring.pictures import write_assessment

        for path in write_assessment(out, found, more):
            typer.echo(path, err=json)


def _print(found: "Assessment", heading: str, annotations: "Annotations") -> None:
    from rich.console import Console

    from rcflab.scoring.tables import tables

    typer.echo(heading)
    names = {category.id: category.name for category in annotations.categories}
    folders = {video.id: str(Path(video.file_names[0]).parent) for video in annotations.videos}
    for table in tables(found, names, folders):
        typer.echo()
        Console().print(table)


def _with_tracking(asked: bool | None) -> bool:
    from importlib.util import find_spec

    return find_spec("trackeval") is not None if asked is None else asked


def _warn(rules: "Compat") -> None:
    for quirk, count in (+rules.quirks).items():
        typer.echo(f"warning: {count} x {quirk}", err=True)
