"""`rcflab export-results`: what a benchmark server takes, from a checkpoint.

-c FOLDER | --run ID --load--> network, videos (labelled or not) --predict, every check--> FILE.zip with results.json
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rcflab.commands.options import AsJson, echo_json
from rcflab.errors import InputError, Problem

if TYPE_CHECKING:
    from rcflab.diagnosis.opening import Source


def export_results_command(
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", "-c", metavar="FOLDER", help="A checkpoint, or the folder of a cell."),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="A cell's run in MLflow.")] = None,
    tracking: Annotated[
        str, typer.Option("--tracking", metavar="URI", help="The store of --run.", envvar="MLFLOW_TRACKING_URI")
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", help="A data set in YouTube-VIS form, instead of the network's own."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Folder of the data set of --data, say valid.")] = "",
    pairs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="K: the K best pairs of track and category of each video. 0: each slot that fired, once.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the network runs.")] = "cpu",
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The zip.")] = Path("results.zip"),
    json: AsJson = False,
) -> None:
    """Write results.json in a zip, as the servers of YouTube-VIS take it, from a checkpoint or a run of MLflow.

    Runs the network over the videos, which need no labels, one after the other. Ids, lengths, sizes and scores are
    checked before the file gets its name; the same network on the same machine gives the same bytes. Two ways to choose
    predictions: slot-filtered, as in the paper, and the top pairs of track and category, as most networks since do.
    Without --pairs the checkpoint's own way is taken. Minutes to hours, by the videos and the device.

    Example: rcflab export-results -c runs/cells/9f2325d7 --data data/ytvis2019 --split valid -o results.zip

    Exit codes: 0 ok, 2 bad input, 69 the store of --run does not answer, 74 storage.
    """
    # Slow to import, and not needed for --help.
    from rcf.data.opening import open_for_prediction
    from rcf.evaluation.submission import choice_name, predict, write_submission
    from rcflab.countdown import Countdown
    from rcflab.diagnosis.files import check_output
    from rcflab.diagnosis.opening import open_networks, open_videos
    from rcflab.ledger.files import storage_errors

    check_output(output)
    networks = open_networks([_source(checkpoint, run, tracking)], device, untrained=False)
    dataset = open_videos(networks, data, split, open_for_prediction)
    trained = networks[0].trained
    way = trained.config.evaluation
    if pairs is not None:
        threshold = {"class_threshold": 0.0} if pairs else {}
        way = way.model_copy(update={"pairs_per_video": pairs, **threshold})
    predictions = predict(trained.network, dataset, way)
    with storage_errors(output, "write"):
        made = write_submission(
            output, dataset.annotations, predictions, choice_name(way), Countdown("predicting, videos")
        )
    if json:
        echo_json(
            {"file": str(made.path), "sha256": made.sha256, "videos": made.videos, "tracks": made.tracks,
             "json_bytes": made.json_bytes, "zip_bytes": made.zip_bytes, "choice": made.choice,
             "checkpoint": str(trained.folder)}
        )  # fmt: skip
    else:
        typer.echo(f"{made.path}: {made.tracks} tracks of {made.videos} videos, {made.zip_bytes} bytes, all checked")
        typer.echo(f"predictions: {made.choice}")
        typer.echo(f"sha256: {made.sha256}")


def _source(checkpoint: str | None, run: str | None, tracking: str) -> "Source":
    """The one network. Raises InputError."""
    from rcflab.diagnosis.opening import Source, parse_source
    from rcflab.track.run_files import checkpoint_of_run

    if (checkpoint is None) == (run is None):
        got = "nothing" if run is None else "both"
        raise InputError([Problem("--checkpoint, --run", "", got, "one of the two")])
    if checkpoint is not None:
        return parse_source(checkpoint)
    if not tracking:
        raise InputError([Problem("--tracking", "", "nothing, beside --run", "the address of MLflow's store")])
    assert run is not None
    return Source(*checkpoint_of_run(tracking, run))
