"""From a source to its sinks, until the end, a number of frames, or a wish to stop; whatever happens, sinks are closed.

source.frames(first) --session.push--> Shown --> each sink ... --> how many frames, why it ended
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from rcf.errors import InputError, RcfError, SourceStoppedError
from rcf.video.session import VideoSession
from rcf.video.sink import FrameSink
from rcf.video.source import FrameSource

Ended = Literal["whole", "limit", "stopped", "fault"]


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of it."""

    frames: int
    """Segmented in this run."""
    next_frame: int
    """The number of the first one that was not."""
    seconds: float
    """From the first frame asked for to the last one written."""
    ended: Ended
    fault: RcfError | None = None
    """What was wrong with the source, where that ended it: frames before it are whole."""


def run_stream(
    source: FrameSource,
    session: VideoSession,
    sinks: Sequence[FrameSink],
    *,
    first: int = 0,
    most: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    told: Callable[[int], None] = lambda frames: None,
) -> Finished:
    """Segment `source` from frame `first` on, at most `most` frames, until `stop()`; `told` hears how many are done.

    A frame is either in all sinks and in the session's state, or in none, also where the source has a fault or a
    KeyboardInterrupt comes while it is waited for. Raises OSError where a sink cannot be written: then the others are
    closed with what they have, and the session is a frame ahead of that one.
    """
    count, began, frames = 0, time.perf_counter(), source.frames(first, session.ahead_s)
    ended, fault = "whole", None
    with ExitStack() as closing:
        for sink in sinks:
            closing.callback(sink.close)
        while True:
            if stop() or count == most:
                ended = "limit" if count == most else "stopped"
                break
            session.phases.enter("decode")
            try:
                frame = next(frames, None)
                shown = None if frame is None else session.push(frame)
            except KeyboardInterrupt:
                ended = "stopped"
                break
            except (InputError, SourceStoppedError) as error:
                ended, fault = "fault", error
                break
            if shown is None:
                break
            session.phases.enter("encode")
            for sink in sinks:
                sink.write(shown)
            count += 1
            told(count)
        session.phases.enter("encode")
    session.phases.enter("decode")
    return Finished(count, first + count, time.perf_counter() - began, ended, fault)
