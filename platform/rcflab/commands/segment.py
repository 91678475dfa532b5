"""`rcflab segment`: a video through a trained network, frame by frame, into overlays, masks or lines.

SOURCE --rcf.video.opening--> frames --session (checkpoint, --state)--> shown --> each --out
                                                                    `--> table of phases, latency, --timing FILE
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rcflab.errors import InputError, InterruptedRunError, Problem, ServiceDownError, StorageError

if TYPE_CHECKING:
    from rcf.video.run import Finished
    from rcflab.segmenting.saved import SavedStream


def segment_command(
    source: Annotated[
        str, typer.Argument(help="A video file, a folder of images, an address or /dev/video0, or - for raw frames.",
                            show_default=False)
    ],
    checkpoint: Annotated[
        Path, typer.Option("--checkpoint", "-c", help="A checkpoint, or the folder of a cell.", show_default=False)
    ],
    out: Annotated[
        list[str], typer.Option("--out", "-o", metavar="NAME", show_default=False,
                                help="NAME.mp4, .mkv, .mov: overlay; NAME.jsonl: objects; NAME.png: timeline; "
                                "frames:FOLDER, masks:FOLDER: PNG. May be repeated.")
    ],
    top: Annotated[
        int, typer.Option("--top", min=0, metavar="K", help="0: slots above the threshold, the paper's way; "
                          "K: the K best pairs of track and category, the field's.")
    ] = 0,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="FILE", help="Go on from this file if it is there; save into it.")
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=1, metavar="N", help="Stop after so many.")] = None,
    raw: Annotated[str, typer.Option("--raw", metavar="WxH", help="Size of raw RGB frames on standard input.")] = "",
    fps: Annotated[float, typer.Option("--fps", min=0.01, help="Pace of images and raw frames.")] = 6.0,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds a camera may be silent.")] = 10.0,
    timing: Annotated[
        Path | None, typer.Option("--timing", metavar="FILE", help="Also write the times of the phases as JSON.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the network runs.")] = "cpu",
) -> None:  # fmt: skip
    """Segment a video online: each frame by itself and those before it, in memory that does not grow.

    Every --out is written under a temporary name and gets its own when it is whole. Ctrl-C, --frames and a camera that
    stops end it after a whole frame: what was written so far is kept and plays. With --state the same command goes on
    from there, with the same masks, bit for bit. Ends with a table: time of each phase, and the paper's latency.

    Example: rcflab segment clip.mp4 -c runs/cells/9f2325d7 -o overlay.mp4 -o objects.jsonl -o masks:masks

    Exit codes: 0 ok, 2 bad input, 69 a camera stopped, 74 storage, 75 interrupted and resumable, 130 interrupted.
    """
    # Slow to import, and not needed for --help.
    from rcf.phase_clock import PhaseClock
    from rcf.trained import load
    from rcf.video.modes import output_mode
    from rcf.video.opening import open_source
    from rcf.video.run import run_stream
    from rcf.video.session import VideoSession
    from rcf.video.sinks import open_sink
    from rcflab.segmenting.saved import SavedStream
    from rcflab.segmenting.stopping import Stopping
    from rcflab.segmenting.told import Pace, tell

    size = _size(raw)
    model, mode, clock = load(checkpoint, device), output_mode(top), PhaseClock()
    video = open_source(source, raw_size=size, fps=fps, listen=model.listens, timeout_s=timeout)
    session = VideoSession(model, mode, video.sound_rate, clock)
    saved = SavedStream(state, model, mode.name, video)
    first = saved.restore(session)
    try:
        sinks = [open_sink(name, video, first) for name in out]
        with Stopping(lambda: clock.phase == "decode") as stopping, clock.watching(model.network):
            pace = Pace(video.length, first, frames)
            done = run_stream(video, session, sinks, first=first, most=frames, stop=stopping.asked, told=pace)
        saved.save(session)
        tell(done, clock.report(), video, mode.name, sinks, timing)
    except OSError as error:
        raise StorageError(f"{error.filename or 'output'}: {error.strerror or error}") from error
    finally:
        video.close()
    _end(done, saved)


def _size(raw: str) -> tuple[int, int] | None:
    """Width and height. Raises InputError."""
    if not raw:
        return None
    width, separator, height = raw.lower().partition("x")
    if not (separator and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise InputError([Problem("--raw", "", repr(raw), "WIDTHxHEIGHT in pixels, say 640x360")])
    return int(width), int(height)


def _end(done: "Finished", saved: "SavedStream") -> None:
    """The exit code that says why it ended."""
    from rcf.errors import SourceStoppedError

    if isinstance(done.fault, SourceStoppedError):
        raise ServiceDownError(f"{done.fault}{saved.hint}") from done.fault
    if done.fault is not None:
        raise done.fault
    if done.ended == "stopped" and saved.path is not None:
        raise InterruptedRunError(f"stopped before frame {done.next_frame}{saved.hint}")
    if done.ended == "stopped":
        typer.echo(f"error: interrupted before frame {done.next_frame}; what was written is whole", err=True)
        raise typer.Exit(130)
