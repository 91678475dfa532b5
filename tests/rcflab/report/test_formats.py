"""Every format says the same: each value is in each, whatever arms are called; many tables are one file."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ablation import AblationTable
from rcflab.report.files import FORMATS, Format, file_name, render, render_tables, write_document, write_tables
from rcflab.report.rows import Number, table_rows

MakeTable = Callable[..., AblationTable]


def numbers_of(table: AblationTable) -> list[Number]:
    """All that a printed table shows."""
    entries = [entry for row in table_rows(table).rows for entry in row.entries]
    return [number for entry in entries for number in (entry.value, entry.difference) if number is not None]


@pytest.mark.parametrize("form", ["md", "tex", "macros", "html"])
def test_each_number_of_the_rows_is_in_each_printed_format(table: AblationTable, form: Format) -> None:
    text = render(table, form)
    for number in numbers_of(table):
        assert (number.mean if form in ("tex", "macros") else number.mean.replace("-", "−")) in text
        assert str(number.sd) in text


def test_html_has_a_cell_for_each_entry_and_no_element_of_a_name(
    table: AblationTable, hostile: str, parse: Callable[[str], Any]
) -> None:
    page = parse(render(table, "html"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.cells.count(hostile) == 2, "in both tables, sign by sign"
    assert "−36.2 ± 0.4" in page.cells
    better = [attributes for _, attributes in page.tags if "better" in (attributes.get("class") or "")]
    assert len(better) == 1


def test_html_asks_nobody_for_anything(table: AblationTable, parse: Callable[[str], Any]) -> None:
    page = parse(render(table, "html"))
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "img"} == set()
    assert not any({"src", "href", "style", "onload"} & attributes.keys() for _, attributes in page.tags)
    assert "url(" not in render(table, "html") and "@import" not in render(table, "html")


def test_comparisons_are_tidy_csv_in_full_precision(table: AblationTable, hostile: str) -> None:
    rows = list(csv.DictReader(io.StringIO(render(table, "comparisons"))))
    assert [row["arm"] for row in rows] == ["tokens-1", f"'{hostile}", "effect: frames 1 for 0"]
    assert rows[0] | {
        "experiment": "token-size", "metric": "val/ap", "baseline": "tokens-4", "n": "2", "difference": "3.25",
        "low": "1.0", "high": "5.5", "p": "0.0004", "p_holm": "0.0008", "family": "4", "verdict": "better",
        "equivalence_margin": "1.5", "videos": "60", "resamples": "2000",
    } == rows[0]  # fmt: skip
    assert (rows[2]["p"], rows[2]["verdict"]) == ("", "not_testable")


def test_a_table_that_compares_nothing_has_the_headings_only(table_of: MakeTable) -> None:
    assert render(table_of(), "comparisons").count("\n") == 1


@pytest.mark.parametrize("form", FORMATS)
def test_one_experiment_is_the_same_alone_and_in_a_list(table: AblationTable, form: Format) -> None:
    assert render_tables([table], form) == render(table, form)


def test_csv_of_many_has_the_columns_of_all_and_every_row_whole(table_of: MakeTable) -> None:
    one, two = table_of(name="one"), table_of({"x": (1.0,), "y": (2.0,)}, metrics=("val/ar1",), name="two")
    rows = list(csv.DictReader(io.StringIO(render_tables([one, two], "csv"))))
    assert [row["experiment"] for row in rows] == ["one"] * 3 + ["two"] * 2
    assert (rows[0]["val/ap"], rows[0]["val/ar1"], rows[4]["val/ap"], rows[4]["val/ar1"]) == ("40.5", "", "", "2.0")
    assert list(rows[0])[-1] == "code_digests"


@pytest.mark.parametrize("form", ["md", "tex", "html"])
def test_many_tables_say_that_each_is_a_family_of_its_own(table: AblationTable, form: Format) -> None:
    other = dataclasses.replace(table, experiment="other")
    assert "Each experiment is a family of its own" in render_tables([table, other], form)
    assert "Each experiment is a family" not in render(table, form)


def test_json_of_many_is_a_list_of_whole_tables(table_of: MakeTable) -> None:
    tables = [table_of(name="one"), table_of(name="two")]
    found = json.loads(render_tables(tables, "json"))["tables"]
    assert found == [json.loads(render(table, "json")) for table in tables]


def test_equal_tables_become_equal_files(table: AblationTable, tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_document(folder, [table, dataclasses.replace(table, experiment="other")])
        write_tables(folder, table, {})
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {file_name(form, stem) for form in FORMATS for stem in ("table", "tables")} < set(names)
    assert [(tmp_path / "a" / name).read_bytes() for name in names] == [
        (tmp_path / "b" / name).read_bytes() for name in names
    ]
