"""`rcflab data convert`: a data set of another form in the one schema.

SOURCE --rcf.data.convert--> OUT/<split>/instances.json, JPEGImages, Audio   whole or not at all
         all faults of the source at once: exit 2, and no OUT
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rcflab.commands.options import AsJson, echo_json
from rcflab.countdown import Countdown
from rcflab.errors import InputError, Problem, StorageError

if TYPE_CHECKING:
    from rcf.data.convert.conversion import Conversion

Kind = Literal["png-masks", "coco-video", "coco-images", "aviseg"]


def convert(
    source: Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Folder to make; it must be new or empty.", show_default=False)],
    kind: Annotated[Kind, typer.Option("--from", help="Form of SOURCE.", show_default=False)],
    split: Annotated[
        list[str] | None,
        typer.Option(
            "--split",
            metavar="NAME=ANNOTATIONS,FRAMES",
            help="Where a split lies below SOURCE, instead of what is found. May be repeated.",
        ),
    ] = None,
    categories: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help='png-masks: {"VIDEO": "dog"} or {"VIDEO": {"1": "dog"}}.'),
    ] = None,
    void: Annotated[int, typer.Option(min=0, max=255, help="png-masks: index that belongs to nothing; 0: none.")] = 255,
    only_labelled: Annotated[
        bool, typer.Option("--only-labelled", help="png-masks: leave out frames without a mask.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option(min=0.001, max=1000, help="Frames a second, of videos that do not say it.")
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy/--link", help="Copy frames and sounds, or link them where the disk can.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Convert a data set to the form that training, checking and scoring read: OUT/<split>/instances.json, JPEGImages.

    png-masks    JPEGImages/<video>/ and Annotations/<video>/*.png, an index for each object (DAVIS, YouTube-VOS)
    coco-video   images with video_id and frame_id, annotations with instance_id (MMTracking)
    coco-images  COCO instances; each image becomes a video of one frame
    aviseg       AVISeg, or any layout of YouTube-VIS; sounds come along

    Frames and sounds are hard links to SOURCE where the disk can, else copies; no pixel is encoded again. OUT appears
    when it is whole and passes `rcflab data check`, decoding left out; else all faults of SOURCE are listed.

    Example: rcflab data convert DAVIS davis-vis --from png-masks --categories categories.json
    Example: rcflab data convert coco stills --from coco-images --split train=annotations/instances_train2017.json,train2017

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """  # noqa: E501  an example is one line
    splits = _splits(split or ())
    from rcf.data.convert.conversion import ConvertOptions  # loads torch, which the help does not need
    from rcf.data.convert.conversion import convert as run
    from rcf.data.convert.png_masks import PngOptions, read_names

    names = None if categories is None else read_names(categories)
    options = ConvertOptions(splits, PngOptions(names, void, only_labelled), fps, copy, Countdown)
    try:
        done = run(source, out, kind, options)
    except OSError as error:
        raise StorageError(f"{error.filename or out}: {error.strerror or error}") from error
    if json:
        echo_json({
            "out": str(out), "linked": done.linked, "copied": done.copied,
            "splits": [
                {"split": each.split, "videos": each.videos, "frames": each.frames, "tracks": each.tracks,
                 "left_out": each.left_out}
                for each in done.splits
            ],
        })  # fmt: skip
    else:
        _print(out, done)


def _splits(options: "list[str] | tuple[str, ...]") -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    problems: list[Problem] = []
    for option in options:
        name, _, rest = option.partition("=")
        annotations, _, frames = rest.partition(",")
        if not (name and annotations and frames) or name in found:
            wanted = "each name once, as NAME=ANNOTATIONS,FRAMES"
            problems.append(Problem("--split", "", option, wanted, "As in train=annotations/train.json,train"))
        found[name] = annotations, frames
    if problems:
        raise InputError(problems)
    return found


def _print(out: Path, done: "Conversion") -> None:
    for each in done.splits:
        left = f"; {each.left_out} objects left out that no frame shows" if each.left_out else ""
        typer.echo(f"{each.split:<6} {each.videos} videos, {each.frames} frames, {each.tracks} objects{left}")
    typer.echo(f"{out}: {done.linked} files linked, {done.copied} copied. Now: rcflab data check {out}")
