"""What a person hears of a stream: its pace while it runs, then where the time went.

frames done --Pace, every 5 s--> "120 of 360 frames, 8.3 frames/s, ETA 29 s"
Finished, PhaseReport --tell--> notes, table of phases, latency of the paper, FILE.json
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rcflab.countdown import on_stderr
from rcflab.progress import duration

if TYPE_CHECKING:
    from rcf.phase_clock import PhaseReport
    from rcf.video.run import Finished
    from rcf.video.sink import FrameSink
    from rcf.video.source import FrameSource

_EVERY_S = 5.0


class Pace:
    """Called with the number of frames that are done; says how fast, and how long still where the end is known."""

    def __init__(
        self,
        length: int | None,
        first: int,
        most: int | None,
        say: Callable[[str], None] = on_stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        left = None if length is None else max(length - first, 0)
        self._total = most if left is None else min(left, most or left)
        self._say, self._clock = say, clock
        self._began = self._said = clock()

    def __call__(self, done: int) -> None:
        """Say it every five seconds."""
        now = self._clock()
        if now - self._said < _EVERY_S:
            return
        self._said = now
        rate = done / (now - self._began)
        of = "" if self._total is None else f" of {self._total}"
        left = "" if self._total is None else f", ETA {duration(max(self._total - done, 0) / rate)}"
        self._say(f"segmenting: {done}{of} frames, {rate:.1f} frames/s{left}")


def tell(
    done: "Finished",
    report: "PhaseReport",
    source: "FrameSource",
    mode: str,
    sinks: "Sequence[FrameSink]",
    timing: Path | None,
) -> None:
    """Notes on stderr, the table on stdout, and the same numbers into `timing`. Raises OSError."""
    for note in dict.fromkeys((*source.notes, *(note for sink in sinks for note in getattr(sink, "notes", ())))):
        on_stderr(f"note: {note}")
    numbers = timings(done, report, source.fps, mode)
    if timing is not None:
        from rcf.video.sink import temporary

        neighbour = temporary(timing)
        neighbour.write_text(json.dumps(numbers, indent=1) + "\n")
        neighbour.replace(timing)
    _print(done, report, numbers, mode)
    for sink in sinks:
        if sink.path.exists():
            print_line(str(sink.path))


def timings(done: "Finished", report: "PhaseReport", fps: float | None, mode: str) -> dict[str, object]:
    """All that is known of the times of a run, as JSON."""
    import torch

    from rcf.phase_clock import PAPER_CLIP, PAPER_FRAME_S, WARM_UP, offline_latency_s, online_latency_s

    network_s = report.network_ms / 1000
    source = {} if not fps else {"source": 1 / fps}
    return {
        "mode": mode,
        "frames": done.frames,
        "seconds": round(done.seconds, 3),
        "frames_per_second": round(done.frames / done.seconds, 3) if done.seconds else None,
        "warm_up_frames": WARM_UP,
        "counted_frames": report.frames,
        "device_synchronised": torch.cuda.is_available(),
        "threads": torch.get_num_threads(),
        "phases": {
            phase: {"ms": round(spent, 3), "share": round(report.share(phase), 4)}
            for phase, spent in report.milliseconds.items()
        },
        "network_ms": round(report.network_ms, 3),
        "latency": {
            name: {
                "frame_s": round(frame_s, 4),
                "online_s": round(online_latency_s(frame_s, network_s), 4),
                f"offline_{PAPER_CLIP}_frames_s": round(offline_latency_s(frame_s, network_s, PAPER_CLIP), 3),
            }
            for name, frame_s in ({"paper": PAPER_FRAME_S} | source).items()
        },
    }


def _print(done: "Finished", report: "PhaseReport", numbers: dict[str, object], mode: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from rcf.phase_clock import PAPER_CLIP, PAPER_FRAME_S, WARM_UP, offline_latency_s, online_latency_s

    waits = "synchronised with the device at each phase" if numbers["device_synchronised"] else "on the CPU"
    title = f"mode {mode}: {report.frames} frames, {min(WARM_UP, done.frames)} of warm-up before them, {waits}"
    table = Table("phase", "ms a frame", "share", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for phase, spent in report.milliseconds.items():
        table.add_row(phase, f"{spent:.1f}", f"{100 * report.share(phase):.1f} %")
    table.add_section()
    table.add_row("whole frame", f"{report.frame_ms:.1f}", "")
    table.add_row("network, without decode and encode", f"{report.network_ms:.1f}", "")
    Console().print(table)
    t_m = report.network_ms / 1000
    rate = done.frames / done.seconds if done.seconds else 0.0
    print_line(f"{done.frames} frames in {done.seconds:.1f} s: {rate:.1f} frames/s, all phases")
    online = online_latency_s(PAPER_FRAME_S, t_m)
    offline = offline_latency_s(PAPER_FRAME_S, t_m, PAPER_CLIP)
    print_line(
        f"latency by the paper's formula at 6 frames/s: online t_s + t_m = {online:.3f} s, "
        f"offline {PAPER_CLIP} (t_s + t_m) = {offline:.2f} s"
    )


def print_line(text: str) -> None:
    """One line on stdout."""
    import typer

    typer.echo(text)
