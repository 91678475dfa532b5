"""`rcflab data`: make, convert, split and check data sets.

synth OUT --SyntheticConfig--> rcf.data.synthetic writes OUT/train, OUT/val --> --preview: a contact sheet
                               --> --coco: rcf.data.synthetic_images writes still images of other categories
check ROOT                     data_check.py
convert SOURCE OUT             data_convert.py
holdout ROOT OUT               data_holdout.py
"""

import time
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from rcf.config import SyntheticConfig
from rcf.data.synthetic import write_synthetic
from rcf.data.synthetic_images import write_images
from rcflab.commands.data_check import check
from rcflab.commands.data_convert import convert
from rcflab.commands.data_holdout import holdout
from rcflab.errors import InputError, Problem, StorageError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

PATIENCE_S = 5.0
"""Seconds of silence before a bar is shown."""
PREVIEW_CLIPS = 6
"""Clips of each split on the contact sheet."""

_DEFAULT = SyntheticConfig()


@app.callback()
def data() -> None:
    """Make, convert, split and check data sets."""


app.command("check")(check)
app.command("convert")(convert)
app.command("holdout")(holdout)


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder to make; it must be new or empty.", show_default=False)],
    height: Annotated[int, typer.Option(min=32, max=8192, help="Height of a frame, pixels.")] = _DEFAULT.height,
    width: Annotated[int, typer.Option(min=32, max=8192, help="Width of a frame, pixels.")] = _DEFAULT.width,
    train_clips: Annotated[int, typer.Option(min=1, help="Clips to train on.")] = _DEFAULT.train_clips,
    val_clips: Annotated[int, typer.Option(min=1, help="Clips to validate on.")] = _DEFAULT.val_clips,
    frames: Annotated[int, typer.Option(min=2, help="Frames of a clip.")] = _DEFAULT.frames,
    fps: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Frames a second: how much sound belongs to a frame.")
    ] = _DEFAULT.fps,
    sound: Annotated[
        Literal["none", "category", "random"],
        typer.Option(help="A sound for each clip: a timbre for each category, or a random one that says nothing."),
    ] = _DEFAULT.sound,
    looks: Annotated[
        Literal["category", "same"],
        typer.Option(help="Whether shapes tell the category; with `same` only the sound can."),
    ] = _DEFAULT.looks,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pixels.")] = _DEFAULT.seed,
    preview: Annotated[Path | None, typer.Option(metavar="PNG", help="Also draw a contact sheet.")] = None,
    coco: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write still images of other categories, in COCO's layout."),
    ] = None,
) -> None:  # fmt: skip
    """Write moving textured shapes as a YouTube-VIS data set: OUT/train and OUT/val.

    Each holds JPEGImages/<clip>/<frame>.jpg and instances.json, with --sound also Audio/<clip>.flac, 16 kHz mono. The
    folder appears when it is whole. A set that is there already, with the same settings, is left as it is. Memory
    holds one clip at a time. The defaults take about 5 seconds and 20 MB.

    With --coco FOLDER still images are written there, one for each frame, of categories that the videos lack, as
    FOLDER/train2017, FOLDER/val2017 and FOLDER/annotations/instances_{train,val}2017.json: something to pretrain on,
    with data: {kind: coco, root: FOLDER} in an experiment.

    Example: rcflab data synth shapes --train-clips 20 --val-clips 4 --preview shapes.png
    Example: rcflab data synth shapes --coco shapes-coco
    Example: rcflab data synth heard --sound category --height 360 --width 640 --frames 24 --fps 12

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    config = SyntheticConfig(
        height=height, width=width, train_clips=train_clips, val_clips=val_clips, frames=frames, fps=fps, sound=sound,
        looks=looks, seed=seed,
    )  # fmt: skip
    if preview is not None and not preview.absolute().parent.is_dir():
        raise InputError([Problem("--preview", "", f"{preview}, in no folder", "a file name in a folder that exists")])
    try:
        with LateProgress() as progress:
            write_synthetic(out, config, progress.update)
        if coco is not None:
            with LateProgress() as progress:
                write_images(coco, config, progress.update)
    except OSError as error:
        raise StorageError(f"{error.filename or out}: {error.strerror or error}") from error
    typer.echo(f"{out}: {train_clips} training and {val_clips} validation clips of {frames} frames, {width}x{height}"
               + ("" if sound == "none" else f", {frames / fps:.3g} s of sound each"))  # fmt: skip
    if coco is not None:
        typer.echo(f"{coco}: {train_clips * frames} training and {val_clips * frames} validation images")
    if preview is not None:
        _draw(out, preview)
        typer.echo(f"{preview}: contact sheet")


def _draw(out: Path, preview: Path) -> None:
    from rcf.data.preview import contact_sheets  # loads torch, which making the data does not need
    from rcf.pictures import save_png

    save_png(contact_sheets(out, ("train", "val"), rows=PREVIEW_CLIPS), preview)


class LateProgress:
    """A bar on the terminal, for work that turns out to take long."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar = Progress(
            "writing clips", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
        )
        self._task = self._bar.add_task("clips", total=None)

    def __enter__(self) -> "LateProgress":
        return self

    @property
    def shown(self) -> bool:
        """Whether the bar is on the terminal."""
        return self._bar.live.is_started

    def update(self, done: int, total: int) -> None:
        """Note the state; shows the bar once the work has lasted long enough."""
        self._bar.update(self._task, completed=done, total=total)
        if not self.shown and time.monotonic() - self._began > PATIENCE_S:
            self._bar.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
