"""A JSON file as a value, or as a stream of its parts.

    read_json   --> the value, whole
    read_parts  --> "info": a value, "videos": its elements one by one, ...   in the memory of the largest element

Both are strict (json_text.py), and both take the same files.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from rcf.data.json_text import WINDOW, Json, JsonText, Progress, Suspects, escape
from rcf.data.problems import Collector, refuse

__all__ = ["Elements", "Json", "describe", "escape", "read_json", "read_parts"]


def read_json(path: Path) -> Json:
    """The value in `path`.

    Raises rcf.errors.InputError when the file is missing, empty, cut short, a web page, not UTF-8, not JSON (with
    line and column), nested too deeply, or holds duplicate keys, NaN or infinity (with their JSON pointers).
    """
    size = path.stat().st_size if path.is_file() else 0
    with JsonText(path, max(size, WINDOW)) as text:
        value, suspects = text.value()
        text.finish()
    problems = Collector(str(path))
    suspects.report(problems, "", value)
    problems.raise_if_any()
    return value


class Elements:
    """The elements of one list of a file, once, in order; what is left of them is read when the next part is."""

    def __init__(self, text: JsonText, problems: Collector, place: str) -> None:
        self._text, self._place = text, place
        self.problems = problems
        """Where faults of strictness go."""
        self._rest = self._values()
        self.count = 0
        """How many were read so far."""

    def __iter__(self) -> Iterator[tuple[int, Json, bool]]:
        """(index, value, whether it is strict JSON); where it is not, that has been noted."""
        for index, value, suspects in self._rest:
            suspects.report(self.problems, f"{self._place}/{index}", value)
            yield index, value, not suspects

    def skip(self) -> None:
        """Read the rest and note nothing but what makes a file no JSON."""
        for _ in self._rest:
            pass

    def _values(self) -> Iterator[tuple[int, Json, Suspects]]:
        self._text.take("[", "Expecting value")
        if self._text.peek() == "]":
            self._text.take("]", "")
            return
        while True:
            value, suspects = self._text.value(f"{self._place}/{self.count}")
            self.count += 1
            yield self.count - 1, value, suspects
            if self._text.take(",]", "Expecting ',' delimiter") == "]":
                return


def read_parts(
    path: Path, problems: Collector, window: int = WINDOW, progress: Progress | None = None
) -> Iterator[tuple[str, "Json | Elements"]]:
    """The members of the object in `path`, in the file's order; lists come as Elements.

    Faults of strictness go to `problems`; a key that is given twice is noted, and its second value left out.
    `progress` is called with bytes read and bytes in all.
    Raises rcf.errors.InputError as `read_json` does where the file is no JSON, and when it holds no object.
    """
    with JsonText(path, window, progress) as text:
        if text.peek() != "{":
            _refuse_top_level(text, problems)
        seen: set[str] = set()
        text.take("{", "")
        going = text.peek() != "}" or not text.take("}", "")
        while going:
            key = _key(text)
            place = f"/{escape(key)}"
            elements = Elements(text, problems, place) if text.peek() == "[" else None
            value, suspects = (None, Suspects()) if elements else text.value(place)
            if key in seen:
                problems.add(place, "a key that is given twice", "each key once", rule="json-key-twice")
            else:
                seen.add(key)
                suspects.report(problems, place, value)
                yield key, elements or value
            if elements:
                elements.skip()
            going = text.take(",}", "Expecting ',' delimiter") == ","
        text.finish()


def _key(text: JsonText) -> str:
    message = "Expecting property name enclosed in double quotes"
    if text.peek() != '"':
        text.take('"', message)
    key, _ = text.value()
    assert isinstance(key, str), "a value that starts with a quote is a text"
    text.take(":", "Expecting ':' delimiter")
    return key


def _refuse_top_level(text: JsonText, problems: Collector) -> None:
    """Raise rcf.errors.InputError: the file holds something else than an object."""
    if text.peek() == "[":
        elements = Elements(text, problems, "")
        elements.skip()
        got = f"a list of {elements.count}"
    else:
        got = describe(text.value()[0])
    text.finish()
    refuse(text.path, "", got, "an object with videos, categories and annotations", rule="top-level-object")


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
