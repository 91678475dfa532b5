"""Macros: letters only, one name for one value, stable when arms come and go, the digits of the table."""

import re
import string
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcflab.ablation import AblationTable
from rcflab.report.files import render, render_tables
from rcflab.report.macros import macros
from rcflab.report.rows import table_rows

MakeTable = Callable[..., AblationTable]
NAMES = st.text(string.ascii_letters + string.digits + "-_.=*+% ", min_size=1, max_size=8).map(str.strip).filter(bool)


def names(table: AblationTable) -> dict[str, str]:
    """Name -> text."""
    return {each.name: each.text for each in macros([table])}


def test_a_name_is_read_as_it_is_written(table_of: MakeTable) -> None:
    found = names(table_of({"tokens-4": (40.0, 41.0), "lr=0.5": (43.0, 44.5)}))
    assert found["rcfTokenSizeTokensFourAp"] == r"\num{40.5}"
    assert found["rcfTokenSizeTokensFourApFiveZeroSd"] == r"\num{0.7}"
    assert found["rcfTokenSizeLrZeroPointFiveApDelta"] == r"\num{+3.2}"


def test_every_number_of_the_table_has_a_macro_with_the_same_digits(table: AblationTable) -> None:
    texts = [each.text for each in macros([table])]
    entries = [entry for row in table_rows(table).rows for entry in row.entries]
    for number in [number for entry in entries for number in (entry.value, entry.difference) if number is not None]:
        assert rf"\num{{{number.mean}}}" in texts
        assert rf"\num{{{number.sd}}}" in texts


def test_what_is_said_of_an_arm_has_macros_too(table: AblationTable) -> None:
    found = names(table)
    assert found["rcfTokenSizeTokensOneApVerdict"] == "better by 3.2 [1.0, 5.5]"
    assert found["rcfTokenSizeTokensOneApPHolm"] == r"\textless{} 0.001"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=2, max_size=5, unique=True))
def test_names_are_letters_and_no_two_are_one(table_of: MakeTable, arms: list[str]) -> None:
    found = [each.name for each in macros([table_of({arm: (1.0, 2.0) for arm in arms})])]
    assert len(set(found)) == len(found) > 4 * len(arms)
    assert all(re.fullmatch("rcf[A-Za-z]+", name) for name in found)


def test_names_that_would_be_one_say_which_is_which_and_do_not_depend_on_the_order(table_of: MakeTable) -> None:
    arms = {"a-b": (1.0, 2.0), "a_b": (3.0, 4.0), "c": (5.0, 6.0)}
    there, back = names(table_of(arms)), names(table_of({arm: arms[arm] for arm in ("a_b", "c", "a-b")}))
    assert "rcfTokenSizeABAp" not in there, "it could be either"
    values = {name: text for name, text in there.items() if "Delta" not in name and "Apart" not in name}
    assert {name: back[name] for name in values} == values


def test_a_new_arm_leaves_the_other_names_and_numbers_as_they_are(table_of: MakeTable) -> None:
    arms = {"base": (1.0, 2.0), "up": (3.0, 4.0)}
    before, after = names(table_of(arms)), names(table_of({"base": (1.0, 2.0), "first": (9.0, 9.5), "up": (3.0, 4.0)}))
    assert before.items() <= after.items()


def test_several_experiments_are_told_apart_by_their_names(table_of: MakeTable) -> None:
    tables = [table_of(name="one"), table_of(name="two")]
    text = render_tables(tables, "macros")
    assert r"\newcommand{\rcfOneTokensFourAp}{\num{40.5}} % tokens-4, val/ap, 2 seeds; trials 3030" in text
    assert text.count("newcommand") == sum(render(table, "macros").count("newcommand") for table in tables)
