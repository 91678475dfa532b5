"""A results file read video by video: memory is that of the largest video, however long the file is.

    results.json | results.zip --rows, one at a time: every check--> ResultsFile: where the rows of each video stand
                                                                          |
    ResultsFile.of(video) <--the rows of that video, read again-----------+

Rows of a video need not stand together. The rows are cut apart by json's own decoder over a window of the file: `ijson`
does the same, but takes no NaN, which the official evaluator reads, and its events cost several times as much.
"""

import io
import json
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from rcf.data.annotations import Annotations
from rcf.data.json_file import Json, describe, read_json
from rcf.data.problems import Collector, refuse
from rcf.errors import InputError
from rcf.evaluation.checks import TrackChecks
from rcf.evaluation.results import read_prediction
from rcf.evaluation.rules import STRICT, Rules
from rcf.structures import TrackPrediction

MEMBER = "results.json"
"""What a server looks for in the zip."""
_WINDOW = 1 << 20
_BLANK = " \t\r\n"


class ResultsFile:
    """The rows of a results file, checked. Close it, or use it as a context."""

    def __init__(self, path: Path, annotations: Annotations, rules: Rules = STRICT) -> None:
        """Read all of it once. Raises rcf.errors.InputError as `results.load_results` does."""
        self.path, self._annotations, self._rules = path, annotations, rules
        self.comment, self._file = _opened(path)
        self._places: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        """Per video: number of the row, first byte, length."""
        self.rows = 0
        checks = rules.reading(annotations, str(path))
        try:
            strict = True
            for start, stop, value, sound in self._values():
                prediction = read_prediction(checks, self.rows, value) if sound else None
                checks.counts()
                if prediction is not None:
                    self._places[prediction.video_id].append((self.rows, start, stop - start))
                self.rows += 1
                strict &= sound
            if not strict:
                self._note_faults_of_json(checks.problems)
            checks.finish(decode=False)
        except BaseException:
            self.close()
            raise

    def of(self, video_id: int) -> list[TrackPrediction]:
        """The predictions of a video, in the order of the file."""
        checks = TrackChecks.against(self._annotations, str(self.path))
        reading = _Unchecked(checks.problems, checks.videos, checks.categories)
        found: list[TrackPrediction] = []
        for number, start, length in self._places.get(video_id, ()):
            self._file.seek(start)
            value: Json = json.loads(self._file.read(length))
            prediction = read_prediction(reading, number, value)
            assert prediction is not None, "the row has been read before"
            found.append(prediction)
        return found

    def largest(self) -> int:
        """Bytes of the rows of the video that has most."""
        return max((sum(length for _, _, length in rows) for rows in self._places.values()), default=0)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> "ResultsFile":
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _values(self) -> Iterator[tuple[int, int, Json, bool]]:
        """Each row with its first byte, the one past its last, and whether it is JSON that these rules take."""
        suspects = _Suspects()
        try:
            for start, stop, value in _rows(self._file, suspects.decoder):
                yield start, stop, value, not (suspects.doubled or (suspects.constants and self._rules is STRICT))
                suspects.doubled = suspects.constants = False
        except (_NotRowsError, RecursionError, ValueError):
            got = self._whole()
            refuse(self.path, "", got, "a list of tracks, each with video_id, category_id, score, segmentations")

    def _whole(self) -> str:
        """What the file holds. Raises rcf.errors.InputError, with line and column or pointers, where it is no JSON."""
        with tempfile.TemporaryDirectory() as folder:
            path = self.path
            if zipfile.is_zipfile(path):
                path = Path(folder, MEMBER)
                self._file.seek(0)
                path.write_bytes(self._file.read())
            try:
                return describe(read_json(path))
            except InputError as error:
                raise InputError([replace(each, file=str(self.path)) for each in error.problems]) from error

    def _note_faults_of_json(self, problems: Collector) -> None:
        """Keys given twice and NaN, after the faults of the other rows."""
        try:
            self._whole()
        except InputError as error:
            for problem in error.problems:
                problems.note(problem)


class _Unchecked(TrackChecks):
    """Takes everything: these rows have been checked."""

    def score(self, place: str, score: float) -> None:
        """Any."""

    def category(self, place: str, category_id: int) -> None:
        """Any."""

    def masks(self, place: str, masks: object, video: object) -> None:
        """Any."""

    def absent(self, entry: object) -> bool:
        """Whatever was let pass."""
        return not entry


class _NotRowsError(Exception):
    """The file is no JSON list of values."""


class _Suspects:
    """A decoder that notes keys given twice, and NaN."""

    def __init__(self) -> None:
        self.doubled = self.constants = False
        self.decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant)

    def _object(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        self.doubled |= len(made) < len(pairs)
        return made

    def _constant(self, name: str) -> float:
        self.constants = True
        return float(name.replace("Infinity", "inf"))


def _opened(path: Path) -> tuple[str, IO[bytes]]:
    """Comment and file; of a zip its results.json, unpacked into a nameless file, since rows are read twice."""
    if not path.is_file():
        read_json(path)
    if not zipfile.is_zipfile(path):
        return "", path.open("rb")
    with zipfile.ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            refuse(path, "", f"a zip of {', '.join(archive.namelist()[:5]) or 'nothing'}", f"{MEMBER} at its top")
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115  closed by ResultsFile
        with archive.open(MEMBER) as member:
            while block := member.read(_WINDOW):
                unpacked.write(block)
        unpacked.seek(0)
        return archive.comment.decode("utf-8", "replace"), unpacked


def _rows(file: IO[bytes], decoder: json.JSONDecoder) -> Iterator[tuple[int, int, Json]]:
    """Values of the list that the file holds. Raises _NotRowsError.

    Bytes are taken as Latin-1, one character a byte: what structures JSON is ASCII in either reading.
    """
    window = _Window(file)
    window.skip("\xef\xbb\xbf")
    window.take("[")
    if window.next() == "]":
        window.take("]")
    else:
        while True:
            yield window.value(decoder)
            if window.next() != ",":
                break
            window.take(",")
        window.take("]")
    if window.next():
        raise _NotRowsError


class _Window:
    """A part of the file as text, from `at` on not yet used."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._text, self._at, self._before = file, "", 0, 0
        file.seek(0, io.SEEK_SET)

    def _more(self) -> bool:
        block = self._file.read(max(_WINDOW, len(self._text) - self._at))  # twice as much each time, so no row is slow
        self._before += self._at
        self._text, self._at = self._text[self._at :] + block.decode("latin-1"), 0
        return bool(block)

    def next(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """That character must come next."""
        if self.next() != wanted:
            raise _NotRowsError
        self._at += 1

    def skip(self, mark: str) -> None:
        """Leave out `mark` at the start."""
        while len(self._text) < len(mark) and self._more():
            pass
        if self._text.startswith(mark):
            self._at = len(mark)

    def value(self, decoder: json.JSONDecoder) -> tuple[int, int, Json]:
        """The next value, with its first byte in the file and the one past its last."""
        self.next()
        while True:
            try:
                value, stop = decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                stop, value = len(self._text), None
            if stop < len(self._text):  # a number that ends with the window might go on
                start, self._at = self._before + self._at, stop
                return start, self._before + stop, value
            if not self._more():
                raise _NotRowsError
