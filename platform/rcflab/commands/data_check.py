"""`rcflab data check`: whether a data set is sound, before anything is booked.

ROOT --rcf.data.check--> per split: files, statistics, faults by rule --> tables | JSON, --sheet: a picture
     exit 0 sound, 2 faults
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from rcflab.cli import without_control
from rcflab.commands.options import AsJson, echo_json
from rcflab.countdown import Countdown
from rcflab.errors import InputError, Problem, StorageError
from rcflab.records import Json

if TYPE_CHECKING:
    from rcf.data.check import SetReport, SplitReport

SHEET_VIDEOS = 6
"""Videos of each split on the picture sheet."""
SPLITS = ("train", "val", "test")


def check(
    root: Annotated[
        Path | None, typer.Argument(help="Folder of a data set in the form of YouTube-VIS.", show_default=False)
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option("--split", metavar="NAME", help="Only this split. May be repeated.")
    ] = None,
    decode: Annotated[
        bool, typer.Option("--decode/--no-decode", help="Decode every frame and sound, or only look for the frames.")
    ] = True,
    threads: Annotated[int, typer.Option(min=1, help="Videos decoded at a time.", show_default="all cores")] = (
        os.cpu_count() or 1
    ),
    sheet: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Also draw a picture sheet: masks over frames.")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the table of all rules, and check nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Check a video data set: files, annotations, every frame and sound. Changes nothing.

    Reads ROOT in any layout in use (docs/data.md): train and val must be there, test is read where it has annotations.
    Prints what was found, statistics of each split, and each fault with its rule, JSON pointer, what is there, what
    was wanted and the next move; 50 of each split are spelled out. Memory does not grow with the annotation file.
    What passes can be trained on: the readers are the same.

    Example: rcflab data check /data/ovis --sheet ovis.png
    Example: rcflab data check /data/ovis --split val --no-decode --json
    Example: rcflab data check --rules

    Exit codes: 0 sound, 2 faults or bad input, 74 storage.
    """
    if rules:
        _print_rules(json)
        return
    if root is None:
        raise InputError([Problem("ROOT", "", "nothing", "the folder of a data set, or --rules")])
    if sheet is not None and not sheet.absolute().parent.is_dir():
        raise InputError([Problem("--sheet", "", f"{sheet}, in no folder", "a file name in a folder that exists")])
    from rcf.data.check import CheckOptions, check_set  # loads torch, which the help does not need

    options = CheckOptions(decode, threads, Countdown, 0 if sheet is None else SHEET_VIDEOS)
    report = check_set(root, split or SPLITS, options)
    if sheet is not None:
        _draw(report, sheet)
    if json:
        echo_json(_as_json(report))
    else:
        _print(report, sheet)
    if not report.sound:
        raise typer.Exit(2)


def _draw(report: "SetReport", sheet: Path) -> None:
    from rcf.data.preview import contact_sheet, stacked
    from rcf.pictures import save_png

    shown = [(split, split.shown, split.files.frames) for split in report.splits]
    sheets = [
        contact_sheet(annotations, frames, split.files.split)
        for split, annotations, frames in shown
        if annotations is not None and frames is not None
    ]
    if not sheets:
        return
    try:
        save_png(stacked(sheets), sheet)
    except OSError as error:
        raise StorageError(f"{error.filename or sheet}: {error.strerror or error}") from error


def _as_json(report: "SetReport") -> Json:
    return {
        "root": str(report.root),
        "sound": report.sound,
        "splits": [
            {
                "split": split.files.split,
                "annotations": _text(split.files.annotations),
                "frames": _text(split.files.frames),
                "audio": _text(split.files.audio),
                "faults": split.problems.count,
                "faults_by_rule": dict(split.problems.counts),
                "first_faults": [
                    {"rule": each.rule, "file": each.file, "place": each.place, "got": each.got,
                     "wanted": each.wanted, "hint": each.hint}
                    for each in split.problems.problems
                ],
                "notes": split.notes,
                "statistics": split.statistics.as_json(),
            }
            for split in report.splits
        ],
    }  # fmt: skip


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _print(report: "SetReport", sheet: Path | None) -> None:
    console = Console(highlight=False, emoji=False, markup=False)
    for split in report.splits:
        _print_files(report.root, split)
    console.print(_numbers(report.splits))
    console.print(_categories(report.splits))
    for split in report.splits:
        for note in split.notes:
            typer.echo(f"note: {split.files.split}: {without_control(note)}")
        _print_faults(split)
    if sheet is not None:
        typer.echo(f"{sheet}: masks over frames" if sheet.exists() else "no picture: there is no video with masks")
    faults = sum(split.problems.count for split in report.splits)
    verdict = "sound" if report.sound else "1 fault" if faults == 1 else f"{faults} faults"
    typer.echo(f"{report.root}: {verdict}")


def _print_files(root: Path, split: "SplitReport") -> None:
    files = split.files
    for name, path in (("annotations", files.annotations), ("frames", files.frames), ("sounds", files.audio)):
        shown = "none found" if path is None else str(path.relative_to(root))
        typer.echo(f"{files.split:<6} {name:<12} {without_control(shown)}")


def _print_faults(split: "SplitReport") -> None:
    problems = split.problems
    for rule, count in problems.counts.most_common():
        typer.echo(f"{split.files.split}: {count} x {rule}")
    for problem in problems.problems:
        typer.echo(f"fault: {without_control(str(problem))}")
    if problems.more:
        typer.echo(f"fault: {split.files.split}: and {problems.more} more, counted above")


_SPANS = {
    "frames a video": "video_frames",
    "objects a video": "objects_in_video",
    "frames an object is seen": "visible_frames",
    "object area, pixels": "area_pixels",
    "object area, share": "area_share",
    "gap length, frames": "gap_length",
}


def _numbers(splits: "list[SplitReport]") -> Table:
    """One column a split."""
    table = Table("", *(split.files.split for split in splits), title="three numbers: least, median, most")
    for column in table.columns[1:]:
        column.justify = "right"
    found: list[dict[str, Json]] = [dict(split.statistics.as_json()) for split in splits]
    for name in ("videos", "frames", "tracks", "crowds"):
        table.add_row(name, *(str(each[name]) for each in found))
    table.add_row("frame sizes", *(_sizes(each["frame_sizes"]) for each in found))
    for label, key in _SPANS.items():
        table.add_row(label, *(_span(each[key]) for each in found))
    table.add_row("small, medium, large", *(_joined(each["size_ranges"].values()) for each in found))
    table.add_row("objects with a gap", *(_gaps(each) for each in found))
    table.add_row("sounds", *(_sound(each["sound"]) for each in found))
    table.add_row("seconds of sound", *(_heard(each["sound"]) for each in found))
    return table


def _sizes(sizes: list[dict[str, int]], most: int = 3) -> str:
    lines = [f"{each['videos']} of {each['width']}x{each['height']}" for each in sizes[:most]]
    return "\n".join(lines + ([f"and {len(sizes) - most} more"] if len(sizes) > most else [])) or "-"


def _span(span: dict[str, float] | None) -> str:
    return "-" if span is None else _joined(f"{span[name]:.4g}" for name in ("least", "median", "most"))


def _joined(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _gaps(found: dict[str, Json]) -> str:
    return f"{found['tracks_with_gaps']} ({found['gaps']} gaps, {found['gap_frames']} frames)"


def _sound(sound: dict[str, int]) -> str:
    kinds = [f"{sound[name]} {name}" for name in ("heard", "silent", "missing") if sound[name]]
    return ", ".join(kinds) or "-"


def _heard(sound: dict[str, float]) -> str:
    share = sound["frames_heard"] / sound["frames_timed"] if sound["frames_timed"] else None
    covered = "" if share is None else f", over {100 * share:.1f} % of the frames"
    return f"{sound['seconds']:.1f}{covered}" if sound["seconds"] else "-"


def _categories(splits: "list[SplitReport]") -> Table:
    table = Table("category", *(split.files.split for split in splits), title="objects of each category")
    for column in table.columns[1:]:
        column.justify = "right"
    names = {name: None for split in splits for name in split.statistics.categories.values()}
    found: list[dict[str, Json]] = [dict(split.statistics.as_json()) for split in splits]
    for name in names:
        table.add_row(without_control(name), *(str(each["tracks_by_category"].get(name, "-")) for each in found))
    return table


def _print_rules(json: bool) -> None:
    from rcf.data.rules import RULES

    if json:
        echo_json({"rules": [{"rule": each.id, "what": each.what, "example": each.example,
                              "refused_by": _refused_by(each.training)} for each in RULES.values()]})  # fmt: skip
        return
    table = Table("rule", "what must hold", "a breach", "refused by")
    for rule in RULES.values():
        table.add_row(rule.id, rule.what, rule.example, _refused_by(rule.training))
    Console(highlight=False, emoji=False, markup=False).print(table)


def _refused_by(training: bool) -> str:
    return "check, training" if training else "check"
