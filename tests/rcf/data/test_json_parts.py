"""A JSON file read in parts is the same as read whole, wherever the windows of the reader end."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcf.data.distinct import Distinct
from rcf.data.json_file import Elements, read_json, read_parts
from rcf.data.json_text import JsonText
from rcf.data.problems import Collector
from rcf.errors import InputError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def _parts(path: Path, window: int) -> Any:
    problems = Collector(str(path))
    found = {
        key: [element for _, element, _ in value] if isinstance(value, Elements) else value
        for key, value in read_parts(path, problems, window)
    }
    assert problems.count == 0
    return found


@settings(max_examples=40)
@given(document=st.dictionaries(st.text(), VALUES), window=st.integers(1, 40), indent=st.sampled_from([None, 1]))
def test_parts_are_what_the_whole_is(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], window: int, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("parts") / "a.json"
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    path.write_bytes(text.encode("utf-8", "surrogatepass") if text.isascii() else json.dumps(document).encode())
    assert _parts(path, window) == read_json(path) == json.loads(path.read_text())


@pytest.mark.parametrize("window", [1, 2, 3, 7, 64])
def test_numbers_words_and_letters_may_be_cut_by_a_window(tmp_path: Path, window: int) -> None:
    document = {"a": [-1.5e-07, 123456789, True, None, "\N{EURO SIGN}\U0001f600"], "b": 12, "c": 1e300}
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(document, ensure_ascii=False).encode())
    assert _parts(path, window) == document


@pytest.mark.parametrize("window", [1, 5, 4096])
@pytest.mark.parametrize(
    "text", ['{"a": [1,\n 2,\n  x]}', '{"a": 1,\n\n "b" 2}', '{"a": [1]]', '{"a": [1 ,]}', '{"a":1,}']
)
def test_a_fault_has_the_same_place_in_any_window(tmp_path: Path, text: str, window: int) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(json.JSONDecodeError) as plain:
        json.loads(text)
    with pytest.raises(InputError) as caught:
        _parts(path, window)
    (problem,) = caught.value.problems
    assert (problem.rule, problem.place) == ("json-syntax", f"line {plain.value.lineno} column {plain.value.colno}")


@pytest.mark.parametrize("window", [1, 3, 4096])
def test_bytes_that_are_not_utf8_have_the_same_place_in_any_window(tmp_path: Path, window: int) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"a": "\N{EURO SIGN}'.encode() + b'\xff"}')
    with pytest.raises(InputError) as caught:
        _parts(path, window)
    assert caught.value.problems[0].place == "byte 10"


def test_a_list_that_nobody_reads_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, 2, 3], "b": [4], "c": []}')
    assert [key for key, _ in read_parts(path, Collector("a"))] == ["a", "b", "c"]


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path, said = tmp_path / "a.json", list[tuple[int, int]]()
    path.write_text("[" + "1, " * 100 + "1]")
    with JsonText(path, 16, lambda done, total: said.append((done, total))) as text:
        text.value()
    assert said[-1] == (303, 303)
    assert len(said) > 3


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(), max_size=30), st.data())
def test_repetitions_are_found_with_the_first_of_each(values: list[Any], data: st.DataObject) -> None:
    values = values + data.draw(st.lists(st.sampled_from(values), max_size=10) if values else st.just([]))
    distinct = Distinct()
    for value in values:
        distinct.add(value)
    expected = [(place, values.index(value)) for place, value in enumerate(values) if values.index(value) != place]
    assert list(distinct.repeated()) == expected
