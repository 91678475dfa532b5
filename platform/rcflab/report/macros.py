"""Every cell of a table as a LaTeX macro, so that a paper's text never copies a number by hand.

    experiment token-size, arm tokens-4, metric val/ap  -->  \\rcfTokenSizeTokensFourAp          \\num{40.8}
                                                              ...ApSd ...ApDelta ...ApDeltaSd
    its comparison                                      -->  ...Interval ...P ...PHolm ...Verdict ...DifferenceN
    a row of the paper                                  -->  \\rcfTokenSizePaperTokensFourAp

Names depend on what they stand for, never on its place: a new arm renames nothing, and what is gone is an undefined
macro, not another number. Where two names would be one, both end in letters made from what they stand for.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rcflab.ablation import AblationTable
from rcflab.report.latex import PREAMBLE, escape, number_text
from rcflab.report.rows import Entry, TableRows, table_rows

_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_SIGNS = {"+": "Plus", "*": "Times", "%": "Percent", ".": "Point"}
_PREFIX = "rcf"
_LETTERS = 8
"""Of 26 each: two of a thousand names meet by chance once in 400,000 tables."""


@dataclass(frozen=True, slots=True)
class Macro:
    """One value under a name of letters only."""

    name: str
    """Without the backslash."""
    text: str
    """LaTeX."""
    about: str
    """What it is, for the index beside it."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A cell before it has a name."""

    identity: tuple[str, ...]
    """Experiment, arm, metric, part: exact."""
    text: str
    about: str


def render_macros(tables: Sequence[AblationTable]) -> str:
    """One definition a line with its index as a comment; ends in a newline."""
    lines = [rf"\newcommand{{\{each.name}}}{{{each.text}}} % {each.about}" for each in macros(tables)]
    return "\n".join([f"% needs {PREAMBLE}\\sisetup{{retain-explicit-plus}}", *lines, ""])


def macros(tables: Sequence[AblationTable]) -> tuple[Macro, ...]:
    """The cells of all `tables`, in their order, no two under one name."""
    values = [value for table in tables for value in _values(table, table_rows(table))]
    plain = [_PREFIX + "".join(map(_camel, value.identity)) for value in values]
    times = Counter(plain)
    names = [_apart(name, value, times[name] > 1) for name, value in zip(plain, values, strict=True)]
    assert len(set(names)) == len(names), "names that were one are told apart by what they stand for"
    return tuple(Macro(name, value.text, value.about) for name, value in zip(names, values, strict=True))


def _values(table: AblationTable, rows: TableRows) -> Iterator[_Value]:
    keys = [spec.key for spec in table.metrics]
    yield _Value((rows.experiment, "videos"), table.videos_digest[:12], "digest of the videos")
    for row, source in zip(rows.rows, table.rows, strict=True):
        trials = f"{row.n} seeds; trials {' '.join(source.eval_keys)}"
        yield _Value((rows.experiment, row.arm, "n"), str(row.n), f"{row.arm}, number of seeds")
        for key, entry in zip(keys, row.entries, strict=True):
            yield from _entry((rows.experiment, row.arm, _metric(key, keys)), entry, f"{row.arm}, {key}", trials)
    for row in rows.quoted:
        name = row.label.replace("paper: ", "paper ", 1)
        for key, entry in zip(keys, row.entries, strict=True):
            yield from _entry((rows.experiment, name, _metric(key, keys)), entry, f"{row.label}, {key}", "quoted")
    if table.comparisons is not None:
        yield from _comparisons(rows, table.comparisons.metric.key, keys)


def _comparisons(rows: TableRows, tested: str, keys: Sequence[str]) -> Iterator[_Value]:
    for row in rows.compared:
        parts = {
            "difference": row.difference, "difference n": row.n, "interval": row.interval, "p": row.p,
            "p holm": row.adjusted_p, "verdict": row.verdict,
        }  # fmt: skip
        for part, text in parts.items():
            identity = (rows.experiment, row.arm, _metric(tested, keys), part)
            yield _Value(identity, escape(text), f"{row.arm}, {tested}, {part} of the comparison")


def _entry(identity: tuple[str, ...], entry: Entry, about: str, source: str) -> Iterator[_Value]:
    parts = (("", entry.value, about), ("delta", entry.difference, f"{about}, difference to the baseline"))
    for part, number, what in parts:
        if number is not None:
            yield _Value((*identity, part), number_text(number.mean), f"{what}, {source}")
        if number is not None and number.sd is not None:
            yield _Value((*identity, part, "sd"), number_text(number.sd), f"{what}, standard deviation over seeds")


def _metric(key: str, keys: Sequence[str]) -> str:
    """`ap` of `val/ap`; the whole key where another metric of the table ends alike."""
    end = key.rpartition("/")[2]
    return key if sum(other.rpartition("/")[2] == end for other in keys) > 1 else end


def _camel(text: str) -> str:
    """Letters only: `tokens-4` as TokensFour; digits one by one, accents dropped, other signs as ends of words."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    # A point is told only between digits: 0.5 is ZeroPointFive, model.queries is ModelQueries.
    spelled = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", ascii_text)
    spelled = "".join(f" {_SIGNS[sign]} " if sign in _SIGNS else sign for sign in spelled)
    spelled = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", spelled)
    return "".join(word[0].upper() + word[1:] for word in re.split(r"[^A-Za-z]+", spelled) if word)


def _apart(name: str, value: _Value, shared: bool) -> str:
    """`name`, or with letters made from the exact identity where it stands for more than one value."""
    if not shared:
        return name
    digest = hashlib.sha256("\0".join(value.identity).encode()).digest()
    return name + "X" + "".join(chr(ord("a") + byte % 26) for byte in digest[:_LETTERS])
