"""`rcflab data holdout`: a training set split into a part to train on and a part to score on.

ROOT --rcf.data.holdout--> OUT/train, OUT/val, OUT/holdout.json --> instances of each category in both
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from rcflab.cli import without_control
from rcflab.commands.options import AsJson, echo_json
from rcflab.countdown import Countdown
from rcflab.errors import InputError, Problem, StorageError

if TYPE_CHECKING:
    from rcf.data.holdout import HoldoutReport

_SHARE, _SEED = 0.2, 0


def holdout(
    root: Annotated[Path, typer.Argument(help="Folder of a data set in the form of YouTube-VIS.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Folder to make; it must be new or empty.", show_default=False)],
    share: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.9, help="Share of the videos to hold out.", show_default=str(_SHARE)),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another seed, another split.", show_default=str(_SEED))
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", metavar="JSON", help="Follow a stored list: OUT/holdout.json of another.")
    ] = None,
    split: Annotated[str, typer.Option(help="The split of ROOT that has labels.")] = "train",
    copy: Annotated[
        bool, typer.Option("--copy/--link", help="Copy frames and sounds, or link them where the disk can.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Split a labelled set into OUT/train and OUT/val, each category in like shares; never by chance twice.

    The same videos, share and seed give the same split on any machine, whatever the order of the file and its ids.
    OUT/holdout.json names the videos of both parts and the digest of the source: give it to others, for --list.
    A category with a single video stays in training. Rows of the annotation file are taken as they are; frames and
    sounds are hard links where the disk can. OUT appears when it is whole.

    Example: rcflab data holdout /data/ytvis2021 ytvis2021-holdout --share 0.2
    Example: rcflab data holdout /data/ytvis2021 mine --list holdout.json

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    if listed is not None and (share is not None or seed is not None):
        raise InputError([Problem("--list", "", "--share or --seed beside it", "the list alone, which says both")])
    from rcf.data.holdout import hold_out  # loads torch, which the help does not need

    share, seed = _SHARE if share is None else share, _SEED if seed is None else seed
    try:
        report = hold_out(root, split, out, share, seed, listed, copy=copy, progress=Countdown)
    except OSError as error:
        raise StorageError(f"{error.filename or out}: {error.strerror or error}") from error
    if json:
        echo_json(_as_json(report))
    else:
        _print(out, report)


def _counts(report: "HoldoutReport") -> list[tuple[str, int, int]]:
    train, val = (report.contents.instances(names) for names in (report.holdout.train, report.holdout.val))
    return [(name, train[name], val[name]) for name in report.contents.categories]


def _as_json(report: "HoldoutReport") -> dict[str, object]:
    return {
        **report.holdout.as_json(),
        "instances": {name: {"train": train, "val": val} for name, train, val in _counts(report)},
        "only_in_train": list(report.lone),
        "linked": report.linked,
        "copied": report.copied,
    }


def _print(out: Path, report: "HoldoutReport") -> None:
    found = report.holdout
    table = Table("category", "train", "val", "share of val", title="objects of each category")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = _counts(report)
    for name, train, val in [*rows, ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))]:
        part = f"{100 * val / (train + val):.1f} %" if train + val else "-"
        table.add_row(without_control(name), str(train), str(val), part)
    table.add_row("videos", str(len(found.train)), str(len(found.val)),
                  f"{100 * len(found.val) / (len(found.train) + len(found.val)):.1f} %")  # fmt: skip
    Console(highlight=False, emoji=False, markup=False).print(table)
    for name, train, val in rows:
        if name in report.lone:
            typer.echo(f"note: {without_control(name)} has one video, which stays in train")
        elif train and not val:
            typer.echo(f"note: {without_control(name)} is in train alone: its videos hold a category with one video")
    typer.echo(f"digest of the source: {found.source}")
    typer.echo(f"{out}: {report.linked} files linked, {report.copied} copied; {out / 'holdout.json'} has the list")
