"""Strict JSON: what other readers let pass in silence is an error here, with its place.

file --bytes--> UTF-8 (a byte order mark is fine) --> JSON --> no duplicate keys, no NaN --> value
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from rcf.data.problems import Collector, refuse

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
else:
    Json = object  # the checks of signatures at run time, in tests, cannot follow a type that contains itself


def read_json(path: Path) -> Json:
    """The value in `path`.

    Raises rcf.errors.InputError when the file is missing, empty, cut short, a web page, not UTF-8, not JSON (with
    line and column), nested too deeply, or holds duplicate keys, NaN or infinity (with their JSON pointers).
    """
    text = _text(path)
    _refuse_other_formats(path, text)
    suspects = _Suspects()
    try:
        value: Json = json.loads(text, object_pairs_hook=suspects.object_of, parse_constant=suspects.constant)
    except json.JSONDecodeError as error:
        _refuse_syntax(path, text, error)
    except RecursionError:
        refuse(path, "", "JSON nested thousands of levels deep", "an ordinary JSON document")
    except ValueError as error:  # an integer with more digits than Python converts
        refuse(path, "", f"a number that cannot be read ({error})", "numbers of ordinary size")
    suspects.report(path, value)
    return value


def describe(value: Json) -> str:
    """`value` in a few words, for the `got` of a problem."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"text {value[:60]!r}" + ("..." if len(value) > 60 else "")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return json.dumps(value) if isinstance(value, bool) else str(value)[:40]


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        refuse(path, "", "no such file", "a JSON file", f"The folder {_nearest_folder(path)} exists")
    except OSError as error:
        refuse(path, "", f"a file that cannot be read ({error.strerror})", "a readable JSON file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(path, f"byte {error.start}", "bytes that are not UTF-8", "JSON text in UTF-8")


def _nearest_folder(path: Path) -> Path:
    return next((folder for folder in path.absolute().parents if folder.is_dir()), Path("/"))


def _refuse_other_formats(path: Path, text: str) -> None:
    start = text[:200].lstrip().lower()
    if not text.strip():
        refuse(path, "", "an empty file", "JSON", "Was the disk full when it was written? Fetch it again")
    if start.startswith("<"):
        refuse(path, "line 1 column 1", "an HTML or XML page", "JSON", "The download gave a web page: fetch it again")
    if start.startswith("version https://git-lfs"):
        refuse(path, "line 1 column 1", "a Git LFS pointer", "JSON", "Run `git lfs pull`")


def _refuse_syntax(path: Path, text: str, error: json.JSONDecodeError) -> NoReturn:
    place = f"line {error.lineno} column {error.colno}"
    # The decoder points at the start of an unclosed string, and at the end for any other unclosed thing.
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        refuse(path, place, "a file that ends in the middle", "complete JSON", "It was cut short: fetch it again")
    near = text[max(error.pos - 10, 0) : error.pos + 20]
    refuse(path, place, f"{error.msg} near {near!r}", "JSON")


class _Suspects:
    """Notes duplicate keys and NaN while the decoder runs; their places are looked up only if there are any."""

    def __init__(self) -> None:
        self._duplicates: list[tuple[dict[str, Json], list[str]]] = []
        self._constants = False

    def object_of(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            self._duplicates.append((made, sorted({key for key in keys if keys.count(key) > 1})))
        return made

    def constant(self, name: str) -> float:
        self._constants = True
        return float(name.replace("Infinity", "inf"))

    def report(self, path: Path, value: Json) -> None:
        """Raise rcf.errors.InputError with every suspect and its JSON pointer."""
        if not self._duplicates and not self._constants:
            return
        problems = Collector(str(path))
        doubled = {id(made): keys for made, keys in self._duplicates}
        for place, part in _walk(value):
            for key in doubled.get(id(part), []):
                problems.add(f"{place}/{escape(key)}", "a key that is given twice", "each key once")
            if isinstance(part, float) and not math.isfinite(part):
                problems.add(place, str(part), "a finite number")
        problems.raise_if_any()
        # What a later duplicate key overwrote is no longer in the tree, but the object that held both is.
        raise AssertionError("a suspect without a place")


def escape(key: str) -> str:
    """`key` as a step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _walk(value: Json) -> Iterator[tuple[str, Json]]:
    """Every part with its JSON pointer, without recursion: depth is the file's choice, not ours."""
    waiting: list[tuple[str, Json]] = [("", value)]
    while waiting:
        place, part = waiting.pop()
        yield place, part
        if isinstance(part, dict):
            waiting.extend((f"{place}/{escape(key)}", child) for key, child in reversed(part.items()))
        elif isinstance(part, list):
            waiting.extend((f"{place}/{index}", part[index]) for index in reversed(range(len(part))))
