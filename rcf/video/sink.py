"""What every sink is: it takes what is shown of each frame, and leaves whole files.

FrameSink.write(Shown) ... --close()--> the file under its own name

The rules that all of them obey (tests/rcf/video/test_sinks.py): until `close` a file has a temporary name beside its
own; `close` makes whole what was written so far, also after an interruption; a sink that was given nothing leaves
nothing; a process that is killed leaves temporary files only, and what was there before is untouched.
"""

import os
from pathlib import Path
from typing import Protocol, runtime_checkable

from rcf.errors import InputError, Problem
from rcf.video.session import Shown


@runtime_checkable
class FrameSink(Protocol):
    """Somewhere for frames to go."""

    path: Path

    def write(self, shown: Shown) -> None:
        """The next frame. Raises OSError where it cannot be written."""
        ...

    def close(self) -> None:
        """Make the file whole and give it its name; may be called twice."""
        ...


def temporary(path: Path) -> Path:
    """A name beside `path`, with the same ending: programs choose formats by it."""
    return path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")


def refuse_existing(path: Path, first: int, what: str) -> None:
    """Raises rcf.errors.InputError where a resumed stream would overwrite what was there before it."""
    if first and path.exists():
        got = f"{what} that is there already, for a stream that goes on from frame {first}"
        raise InputError([Problem(str(path), "", got, "a new name", "What is there holds the frames before")])
