"""`rcflab diagnose`: order of slots and smoothness of trained networks, as one HTML page.

--checkpoint C ... | --run ID   --load--> network      --data ROOT --> videos, the same for all
    --study--> what was found --diagnosis_page--> FILE.html, pairs and objects as Parquet; with --run also in MLflow
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rcflab.commands.options import AsJson, echo_json
from rcflab.errors import InputError, Problem
from rcflab.records import Json

if TYPE_CHECKING:
    from rcf.diagnostics.foretelling import Foretelling
    from rcflab.diagnosis.opening import Source
    from rcflab.diagnosis.page import Diagnosed

Checkpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--checkpoint", "-c", metavar="[NAME=]FOLDER", help="A checkpoint, or the folder of a cell. May be repeated."
    ),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="ROOT", help="A data set in YouTube-VIS form, instead of the first network's own."),
]
Runs = Annotated[
    list[str] | None, typer.Option("--run", metavar="[NAME=]RUN_ID", help="A cell's run in MLflow. May be repeated.")
]


def diagnose_command(
    checkpoint: Checkpoints = None,
    run: Runs = None,
    tracking: Annotated[
        str, typer.Option("--tracking", metavar="URI", help="The store of --run.", envvar="MLFLOW_TRACKING_URI")
    ] = "",
    data: Data = None,
    split: Annotated[str, typer.Option("--split", help="Folder of the data set of --data.")] = "",
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Beside them the first network before any training, all weights random.")
    ] = False,
    strides: Annotated[str, typer.Option("--strides", metavar="N,N", help="Between frames, besides 1.")] = "2,4,8",
    points: Annotated[int, typer.Option(min=0, help="Jacobian norms: before order changes, and others.")] = 60,
    device: Annotated[str, typer.Option(help="Where the networks run.")] = "cpu",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page; pairs are beside it.")
    ] = Path("diagnosis.html"),
    json: AsJson = False,
) -> None:
    """Measure how networks keep the order of their slots, and whether smoothness explains it; write one HTML page.

    Runs each network over the videos: gaps and secants of adjacent frames, what a swap of slots would cost, order at
    other strides and in shuffled frames, identity rules side by side, Jacobian norms, the Lipschitz bound, attention.
    Trains nothing and changes no checkpoint. Several networks share a page and a table. The page needs no network and
    no script. With --run the page is also an artifact of that run. Minutes for 60 short clips on a CPU.

    Example: rcflab diagnose -c trained=runs/cells/9f2325d7 --data data/stamps --untrained -o order.html

    Exit codes: 0 ok, 2 bad input, 69 the store of --run does not answer, 74 storage.
    """
    # Slow to import, and not needed for --help.
    from rcf.diagnostics.study import Depth
    from rcflab.diagnosis.files import check_output, write_diagnosis
    from rcflab.diagnosis.investigate import described, investigate
    from rcflab.diagnosis.opening import open_networks, open_videos
    from rcflab.diagnosis.page import diagnosis_page
    from rcflab.track.run_files import add_to_run

    depth = Depth(_strides(strides), points)
    check_output(output)
    sources = _sources(checkpoint or (), run or (), tracking)
    networks = open_networks(sources, device, untrained=untrained)
    dataset = open_videos(networks, data, split)
    found = [investigate(each, dataset, depth) for each in networks]
    page = diagnosis_page(found, described(dataset, found[0].study.videos_digest))
    files = write_diagnosis(output, page, found)
    if json:
        echo_json({each.name: _numbers(each) for each in found})
    else:
        for name, sentences in page.claims:
            typer.echo("\n  ".join([f"{name}:", *sentences]))
        typer.echo(output)
    for each in run or ():  # last: where the store does not answer any more, the page is there and told
        add_to_run(tracking, _run_id(each), files, "diagnosis")


def _strides(text: str) -> tuple[int, ...]:
    """Numbers above 1, in order. Raises InputError."""
    try:
        found = tuple(sorted({int(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        found = (0,)
    if any(stride < 2 for stride in found):
        raise InputError([Problem("--strides", "", repr(text), "whole numbers from 2 on, say 2,4,8")])
    return found


def _sources(checkpoints: Sequence[str], runs: Sequence[str], tracking: str) -> "list[Source]":
    """All networks that are asked for. Raises InputError."""
    from rcflab.diagnosis.opening import Source, parse_source
    from rcflab.track.run_files import checkpoint_of_run

    if runs and not tracking:
        raise InputError([Problem("--tracking", "", "nothing, beside --run", "the address of MLflow's store")])
    found = [parse_source(text) for text in checkpoints]
    for each in runs:
        name, folder = checkpoint_of_run(tracking, _run_id(each))
        found.append(Source(each.partition("=")[0] if "=" in each else name, folder))
    if not found:
        raise InputError([Problem("--checkpoint", "", "nothing", "a checkpoint, or --run with a run of MLflow")])
    return found


def _run_id(text: str) -> str:
    """Without the name that may stand before it."""
    return text.rpartition("=")[2]


def _numbers(each: "Diagnosed") -> Json:
    """What a program may want to know."""
    study = each.study
    return {
        "metrics": dict(study.metrics),
        "curve": {point.name: {"pairs": len(point.order.pairs), **point.order.metrics()} for point in study.curve},
        "auc": _areas(study.all_pairs),
        "auc_with_jacobian": _areas(study.judged),
        "identity_rules": {
            rule.name: {"ap": rule.ap, "ap50": rule.ap50, "hota": rule.hota, "switches": rule.switches}
            for rule in study.rules
        },
        "bound_log10_by_stage": {} if study.bound is None else {name: c.log10 for name, c in study.bound.stages},
        "videos_digest": study.videos_digest,
    }  # fmt: skip


def _areas(found: "Foretelling") -> Json:
    return {
        "pairs": found.pairs,
        **{name: {"value": area.value, "low": area.low, "high": area.high} for name, area in found.areas.items()},
    }
