"""YAML that may come from anyone: refused with file, line and column, before anything is built from it."""

from pathlib import Path

import pytest

from rcflab.errors import InputError
from rcflab.yaml_file import MAX_BYTES, parse_layer, read_layer

_BOMB = "a: &a [x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_REFUSED = {
    "alias bomb": (_BOMB, "too many aliases"),
    "alias inside itself": ("a: &a [*a]", "aliases that grow"),
    "mapping inside itself": ("&a {x: *a}", "aliases that grow"),
    "python tag": ("a: !!python/object/apply:os.system [ls]", "the tag"),
    "harmless tag": ("a: !!str 1", "the tag"),
    "private tag": ("a: !mine 1", "the tag"),
    "version directive": ("%YAML 1.1\n---\na: yes", "a directive"),
    "tag directive": ("%TAG ! tag:x,2000:\n---\na: 1", "a directive"),
    "two documents": ("a: 1\n---\nb: 1", "a second document"),
    "duplicate key": ("a: 1\nb: {c: 1, c: 2}", "the key 'c' a second time"),
    "merge key": ("a: &x {b: 1}\nc: {<<: *x}", "the merge key"),
    "number as key": ("1: a", "the key '1'"),
    "list as key": ("? [1]\n: a", "a list or mapping as key"),
    "deep flow": ("a: " + "[" * 10_000, "too deep nesting"),
    "deep blocks": ("\n".join(" " * i + "a:" for i in range(1_000)), "too deep nesting"),
    "many values": ("a: [" + "1," * 100_000 + "]", "too many values"),
    "endless number": ("a: " + "1" * 5_000, "a number of 5000 digits"),
    "list on top": ("[1]", "a list"),
    "nothing": ("", "nothing"),
    "text on top": ("hello", "'hello'"),
    "open quote": ('a: "x', "unexpected end of stream"),
    "control character": ("a: \x01", "special characters"),
    "tabs": ("a:\n\t- b", "cannot start any token"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_dangerous_or_surprising_yaml_is_refused_with_its_reason(case: str) -> None:
    text, reason = _REFUSED[case]
    with pytest.raises(InputError) as refused:
        parse_layer(text, "some.yaml", Path("/"))
    assert reason in str(refused.value)
    assert str(refused.value).startswith("some.yaml")


def test_a_refusal_names_line_and_column() -> None:
    with pytest.raises(InputError, match=r"^some\.yaml:2:11: "):
        parse_layer("a: 1\nb: {c: 1, c: 2}", "some.yaml", Path("/"))


def test_an_oversized_file_is_refused_unparsed(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"[" * (MAX_BYTES + 1))
    with pytest.raises(InputError, match="more than 1000000 bytes"):
        read_layer(path)


def test_a_file_that_is_no_text_is_refused_with_its_first_bad_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: caf\xe9")
    with pytest.raises(InputError, match="byte 0xe9 at offset 6"):
        read_layer(path)


def test_scalars_follow_yaml_1_2() -> None:
    text = "{a: 6e-4, b: on, c: 0o17, d: 2020-01-01, e: ~, f: -.inf, g: true, h: 0x1f, i: 1:30, j: '5', k: 010}"
    expected = {"a": 6e-4, "b": "on", "c": 15, "d": "2020-01-01", "e": None, "f": float("-inf"), "g": True, "h": 31,
                "i": "1:30", "j": "5", "k": 10}  # fmt: skip
    assert parse_layer(text, "some.yaml", Path("/")).data == expected


def test_a_few_aliases_are_allowed() -> None:
    assert parse_layer("a: &x {b: 1}\nc: *x", "some.yaml", Path("/")).data == {"a": {"b": 1}, "c": {"b": 1}}
