"""The paper's numbers: whole, checked when they are read, and named by experiments without a slip."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from rcflab.errors import InputError
from rcflab.load import load_experiment
from rcflab.paper import paper_tables, read_paper

Write = Callable[..., Path]
_TABLE = """
arxiv: "2207.05580"
tables:
  sizes:
    number: V
    about: a set
    columns: [val/ap, val/ap50]
    rows:
      - {arm: one, values: [38.3, null]}
      - {method: Other, values: [1.0, 2.0]}
"""
_RCF = """
name: t
baseline: tokens-4
arms: {tokens-4: {}, tokens-1: {model.reference.tokens: 1}}
table: {paper: %s}
"""


def test_every_table_of_the_paper_that_is_not_a_copy_is_there() -> None:
    numbers = [table.number for table in paper_tables().values()]
    assert numbers == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "XI", "XII"]


def test_the_default_network_has_the_same_numbers_in_all_tables_of_one_set() -> None:
    """Six tables print the row of one reference frame, 4 tokens, 10 queries, with weight, without supervision."""
    arms = {
        "ytvis2019": "resnet-101",
        "reference_frames": "frames-1",
        "token_size": "tokens-4",
        "queries": "queries-10",
        "order_supervision": "supervision-off",
        "pixel_weight": "weight-on",
    }
    rows = [paper_tables()[table].row_of(arm) for table, arm in arms.items()]
    assert {row.values for row in rows if row} == {(40.8, 63.4, 43.5, 42.4, 46.7)}
    assert None not in rows


def test_ap_lies_below_ap50_and_ar1_below_ar10() -> None:
    """AP averages over IoUs of which 0.5 is the easiest, AR grows with the tracks allowed: a slipped digit shows."""
    rows = [(table, row) for table in paper_tables().values() for row in table.rows]
    values = [dict(zip(table.columns, row.values, strict=True)) for table, row in rows]
    assert all(row["val/ap"] < row["val/ap50"] for row in values if row["val/ap50"] is not None)
    assert all(row["val/ar1"] < row["val/ar10"] for row in values if row.get("val/ar1") is not None)


def test_latencies_of_online_methods_are_those_of_their_speed() -> None:
    """Section IV-B: streaming time of 1/6 s and the time of one frame; the paper rounds to one or two digits."""
    rows = [row for row in paper_tables()["ytvis2019"].rows if row.pipeline == "online" and row.fps and row.latency_s]
    assert len(rows) == 8
    assert [row.method for row in rows if abs(1 / 6 + 1 / row.fps - row.latency_s) > 0.011] == []


def test_gains_of_audio_are_those_that_the_paper_prints_beside_them() -> None:
    table = paper_tables()["audio"]
    pairs = [[table.row_of(f"frames-{n}-{kind}") for kind in ("silent", "audio")] for n in range(1, 6)]
    gains = [round(audio.values[0] - silent.values[0], 1) for silent, audio in pairs]
    assert gains == [1.9, 1.7, 1.0, 0.1, -0.2]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("[38.3, null]", "[38.3]", "2 values in each row"),
        ("[38.3, null]", "[383, null]", "less than or equal to 100"),
        ("val/ap50]", "val/app]", "columns that are metrics"),
        ("val/ap50]", "val/ap]", "each once"),
        ("method: Other", "backbone: x", "an arm or another method"),
        ("method: Other", "arm: one", "one row for each arm"),
        ("number: V", "number: 5a", "pattern"),
        ("about: a set", "abuot: a set", "abuot"),
        ("about: a set", "about: a set\n    lost: burnt", "rows, or a word on why they are lost"),
    ],
)
def test_a_damaged_file_of_numbers_is_refused(old: str, new: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "paper.yaml"
    path.write_text(_TABLE)
    assert list(read_paper(path)) == ["sizes"]
    path.write_text(_TABLE.replace(old, new))
    with pytest.raises((ValidationError, InputError), match=wanted):
        read_paper(path)


def test_an_unknown_table_comes_with_the_nearest_known_one(experiment: Write) -> None:
    with pytest.raises(
        InputError, match=r"table\.paper: got 'token_sise', expected one of .*did you mean 'token_size'"
    ):
        load_experiment(experiment(_RCF % "token_sise"))


def test_a_table_without_a_row_for_any_arm_is_refused_and_names_its_rows(experiment: Write) -> None:
    with pytest.raises(InputError, match=r"table\.paper: got 'queries', .*queries-10, queries-15"):
        load_experiment(experiment(_RCF % "queries"))


@pytest.mark.parametrize("name", ["token_size", "fusion", "null"])
def test_a_table_with_a_row_for_some_arm_or_without_rows_at_all_passes(experiment: Write, name: str) -> None:
    assert load_experiment(experiment(_RCF % name)).spec.table.paper == (None if name == "null" else name)
