"""The text of a JSON file through a window: as much of it in memory as its largest value needs.

    file --bytes, a chunk at a time--> UTF-8 (a byte order mark is fine) --> window --peek, take, value-->
                                              the window moves on, and doubles while a value does not end in it

Strict: what other readers let pass in silence (NaN, a key given twice) is noted with its place.
"""

import codecs
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from rcf.data.problems import Collector, refuse

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
else:
    Json = object  # the checks of signatures at run time, in tests, cannot follow a type that contains itself

WINDOW = 2**20
"""Bytes read at a time."""
Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""
_SPACE = re.compile(r"[ \t\n\r]*")
_BROKEN_OFF = re.compile(
    r"(n|nu|nul|t|tr|tru|f|fa|fal|fals|N|Na|-|-?I[nfity]*|[.eE][+-]?|\\?(u[0-9a-fA-F]{0,4})?|[0-9a-fA-F]{0,4})\s*"
)
"""What may be left of a word, a number or an escape where a file was cut short."""
_MARGIN = 16
"""Characters: so near its end, the window may have cut a word, a number or an escape in two."""


class JsonText:
    """A reader of one file, from its start to its end."""

    def __init__(self, path: Path, window: int = WINDOW, progress: Progress | None = None) -> None:
        """Opens the file. Raises rcf.errors.InputError when it is missing, empty, a web page or an LFS pointer."""
        self.path, self._window, self._progress = path, window, progress
        try:
            self._file = path.open("rb")
        except FileNotFoundError:
            hint = f"The folder {_nearest_folder(path)} exists"
            refuse(path, "", "no such file", "a JSON file", hint, "file-missing")
        except OSError as error:
            self._refuse_unreadable(error)
        self._text, self._at, self._ended = "", 0, False
        self._pending, self._decoded = b"", 0
        self._lines, self._column = 0, 0  # of what left the window
        try:
            self._refuse_other_formats()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "JsonText":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def peek(self) -> str:
        """The next character that is no white space, left where it is; empty at the end of the file."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def take(self, wanted: str, message: str) -> str:
        """The next character, which must be one of `wanted`; raises rcf.errors.InputError with `message` else."""
        found = self.peek()
        if not found or found not in wanted:
            self._refuse_syntax(message, self._at)
        self._at += 1
        return found

    def value(self, place: str = "") -> tuple[Json, "Suspects"]:
        """The next value, whole, and what is suspicious in it; `place` is its JSON pointer.

        Raises rcf.errors.InputError when it is cut short, no JSON, nested too deeply, or a number is too long.
        """
        self.peek()
        suspects = Suspects()
        decoder = json.JSONDecoder(object_pairs_hook=suspects.object_of, parse_constant=suspects.constant)
        while True:
            suspects.forget()
            value, end = self._decoded_value(decoder, place)
            # A number that ends with the window may go on behind it.
            whole = not isinstance(value, int | float) or end + _MARGIN < len(self._text) or self._ended
            if end >= 0 and whole:
                self._at = end
                return value, suspects
            self._read_on()

    def finish(self) -> None:
        """Raise rcf.errors.InputError when anything but white space follows."""
        if self.peek():
            self._refuse_syntax("Extra data", self._at)

    def _decoded_value(self, decoder: json.JSONDecoder, place: str) -> tuple[Json, int]:
        """The value and where it ends; -1 where the window must grow first."""
        try:
            return decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            near_the_end = error.pos + _MARGIN >= len(self._text) or error.msg.startswith("Unterminated string")
            if self._ended or not near_the_end:
                self._refuse_syntax(error.msg, error.pos)
            return None, -1
        except RecursionError:
            got = "JSON nested thousands of levels deep"
            refuse(self.path, place, got, "an ordinary JSON document", rule="json-depth")
        except ValueError as error:  # an integer with more digits than Python converts
            got = f"a number that cannot be read ({error})"
            refuse(self.path, place, got, "numbers of ordinary size", rule="json-number-length")

    def _read_on(self) -> bool:
        """Move the window on; False at the end of the file."""
        kept = len(self._text) - self._at
        try:
            data = self._file.read(max(self._window, kept))
        except OSError as error:
            self._refuse_unreadable(error)
        self._ended = not data
        if self._progress is not None:
            self._progress(self._file.tell(), os.fstat(self._file.fileno()).st_size)
        try:
            text, used = codecs.utf_8_decode(self._pending + data, "strict", self._ended)
        except UnicodeDecodeError as error:
            byte = f"byte {self._decoded + error.start}"
            refuse(self.path, byte, "bytes that are not UTF-8", "JSON text in UTF-8", rule="file-encoding")
        self._pending = (self._pending + data)[used:]
        if self._decoded == 0:
            text = text.removeprefix("\ufeff")
        self._decoded += used
        gone = self._text[: self._at]
        self._column = len(gone) - gone.rfind("\n") - 1 if "\n" in gone else self._column + len(gone)
        self._lines += gone.count("\n")
        self._text, self._at = self._text[self._at :] + text, 0
        return not self._ended

    def _refuse_other_formats(self) -> None:
        first, again = self.peek(), "The download gave a web page: fetch it again"
        if not first:
            hint = "Was the disk full when it was written? Fetch it again"
            refuse(self.path, "", "an empty file", "JSON", hint, "file-empty")
        if first == "<":
            refuse(self.path, "line 1 column 1", "an HTML or XML page", "JSON", again, "file-web-page")
        if self._text.startswith("version https://git-lfs", self._at):
            hint = "Run `git lfs pull`"
            refuse(self.path, "line 1 column 1", "a Git LFS pointer", "JSON", hint, "file-lfs-pointer")

    def _refuse_unreadable(self, error: OSError) -> NoReturn:
        got = f"a file that cannot be read ({error.strerror})"
        refuse(self.path, "", got, "a readable JSON file", rule="file-unreadable")

    def _refuse_syntax(self, message: str, position: int) -> NoReturn:
        before = self._text[:position]
        line, column = self._lines + before.count("\n") + 1, position - before.rfind("\n")
        place = f"line {line} column {column + (0 if chr(10) in before else self._column)}"
        # The decoder points at the start of an unclosed string, and at the end for any other unclosed thing.
        at_the_end = self._ended and _BROKEN_OFF.fullmatch(self._text, position) is not None
        if at_the_end or message.startswith("Unterminated string"):
            again = "It was cut short: fetch it again"
            refuse(self.path, place, "a file that ends in the middle", "complete JSON", again, "file-cut")
        near = self._text[max(position - 10, 0) : position + 20]
        refuse(self.path, place, f"{message} near {near!r}", "JSON", rule="json-syntax")


def _nearest_folder(path: Path) -> Path:
    return next((folder for folder in path.absolute().parents if folder.is_dir()), Path("/"))


class Suspects:
    """Notes duplicate keys and NaN while the decoder runs; their places are looked up only if there are any."""

    def __init__(self) -> None:
        self._duplicates: list[tuple[dict[str, Json], list[str]]] = []
        self._constants = False

    def __bool__(self) -> bool:
        return bool(self._duplicates) or self._constants

    def forget(self) -> None:
        """Begin again."""
        self._duplicates.clear()
        self._constants = False

    def object_of(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        """The object of these keys and values."""
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            self._duplicates.append((made, sorted({key for key in keys if keys.count(key) > 1})))
        return made

    def constant(self, name: str) -> float:
        """NaN, Infinity or -Infinity."""
        self._constants = True
        return float(name.replace("Infinity", "inf"))

    def report(self, problems: Collector, place: str, value: Json) -> None:
        """Note every suspect in `value`, which lies at `place`, with its JSON pointer."""
        if not self:
            return
        before = problems.count
        doubled = {id(made): keys for made, keys in self._duplicates}
        for here, part in _walk(place, value):
            for key in doubled.get(id(part), []):
                pointer = f"{here}/{escape(key)}"
                problems.add(pointer, "a key that is given twice", "each key once", rule="json-key-twice")
            if isinstance(part, float) and not math.isfinite(part):
                problems.add(here, str(part), "a finite number", rule="json-number-finite")
        # What a later duplicate key overwrote is no longer in the tree, but the object that held both is.
        assert problems.count > before, "a suspect without a place"


def escape(key: str) -> str:
    """`key` as a step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _walk(place: str, value: Json) -> Iterator[tuple[str, Json]]:
    """Every part with its JSON pointer, without recursion: depth is the file's choice, not ours."""
    waiting: list[tuple[str, Json]] = [(place, value)]
    while waiting:
        place, part = waiting.pop()
        yield place, part
        if isinstance(part, dict):
            waiting.extend((f"{place}/{escape(key)}", child) for key, child in reversed(part.items()))
        elif isinstance(part, list):
            waiting.extend((f"{place}/{index}", part[index]) for index in reversed(range(len(part))))
