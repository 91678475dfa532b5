"""Every frame and sound of a set decoded once, to know that training will not meet a damaged one.

videos --threads, one video each--> FramesFolder.fault, read_frame, read_samples --> Decoded, in the order of the videos

The same readers as in training. Threads, because the decoders leave Python's lock alone; a few videos are ahead of the
one that is asked for, never all.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rcf.data.audio_io import read_samples
from rcf.data.frame_files import Fault, FramesFolder, name_fault
from rcf.data.frames import read_frame
from rcf.data.sounds import found_sound
from rcf.data.videos import Video
from rcf.errors import InputError, Problem

_AHEAD = 4
"""Videos in the making for each thread: their results are small, and one long video should not stop the others."""

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of one video."""

    video: Video
    problems: tuple[Problem, ...]
    sound_s: float | None
    """Seconds of sound; None where there is none."""


@dataclass(frozen=True, slots=True)
class MediaFolders:
    """Where the frames and the sounds of an annotation file lie."""

    annotations: Path
    frames: FramesFolder
    sounds: FramesFolder | None

    def decode(self, row: int, video: Video) -> Decoded:
        """Every frame of the video in that row of the file, and its sound."""
        problems: list[Problem] = []
        for index in range(video.length):
            problem = self._frame_problem(row, video, index)
            if problem is not None:
                problems.append(problem)
        seconds = self._sound(row, video, problems)
        return Decoded(video, tuple(problems), seconds)

    def _frame_problem(self, row: int, video: Video, index: int) -> Problem | None:
        name = video.file_names[index]
        place = f"/videos/{row}/file_names/{index}"
        if name_fault(name) is not None:  # noted when the row was read; such a name must not be opened
            return None
        fault = self.frames.fault(name)
        if fault is not None:
            return Problem(str(self.annotations), place, fault.got, fault.wanted, fault.hint, fault.rule)
        try:
            read_frame(self.frames.root / name, video)
        except InputError as error:
            return self._at(place, name, error)
        return None

    def _sound(self, row: int, video: Video, problems: list[Problem]) -> float | None:
        named = video.audio_file
        if named is not None and name_fault(named) is not None:  # noted when the row was read
            return None
        place = f"/videos/{row}" + ("" if named is None else "/audio_file")
        path = found_sound(video, self.sounds)
        if isinstance(path, Fault):
            problems.append(Problem(str(self.annotations), place, path.got, path.wanted, path.hint, path.rule))
            return None
        if path is None:
            return None
        try:
            samples, rate = read_samples(path)
        except InputError as error:
            problems.append(self._at(place, path.name, error))
            return None
        return samples.numel() / rate

    def _at(self, place: str, name: str, error: InputError) -> Problem:
        """A problem of a frame or sound, as one of the annotation file that lists it."""
        (inner,) = error.problems
        return Problem(str(self.annotations), place, f"{name!r}: {inner.got}", inner.wanted, inner.hint, inner.rule)


def in_parallel(work: Callable[[_Task], _Result], tasks: Iterable[_Task], threads: int) -> Iterator[_Result]:
    """The results of `work` in the order of `tasks`, which are taken a few ahead; raises what `work` raises."""
    waiting: deque[Future[_Result]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) > _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
