"""Tables: complete or refused, right to the digit, safe in every format, the same bytes for the same results."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.ablation import AblationTable, Row, tabulate
from rcflab.collect import ResultSet, collect
from rcflab.errors import IncompleteError, InputError, StorageError
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, RunPlan
from rcflab.report.files import FORMATS, Format, file_name, render, write_tables
from rcflab.report.numbers import rounded
from rcflab.stats.summary import Summary
from rcflab.toy_config import ToyConfig

Make = Callable[..., KeyState]

CODE, OTHER_CODE = "c0de" * 16, "01d" * 20
TOY = ToyConfig().model_dump(mode="json")
_METRICS = ("val/ap", "lipschitz/secant_mean")
# The paper's AP of 1 and 4 tokens, with seeds made up around it; the last name is hostile in every format.
_SCORES = {
    "tokens-4": ((40.5, 0.91), (41.25, 0.95), (40.65, 0.9)),
    "tokens-1": ((38.0, 0.801), (38.75, 0.799), (38.15, 0.8)),
    r"=1+1|\a_b & 50% $x^2$ #{~}<i>*": ((40.5, 1.0), (41.25, 1.0), (40.65, 1.0)),
}


def plan_of(metrics: tuple[str, ...] = _METRICS) -> RunPlan:
    """Three arms of three seeds."""
    cells = tuple(
        Cell(arm, seed, TOY, f"{index}{seed}" * 8, f"{index + 3}{seed}" * 8)
        for index, arm in enumerate(_SCORES)
        for seed in range(3)
    )
    return RunPlan("token-size", "toy", "tokens-4", cells, metrics)


@dataclasses.dataclass(frozen=True)
class Lab:
    """Ledger states of finished plans, and their tables."""

    state: Make

    def keys(self, plan: RunPlan) -> dict[str, KeyState]:
        """Every cell finished by the present code."""
        return {
            cell.train_key: self.state({cell.eval_key: dict(zip(_METRICS, _SCORES[cell.arm][cell.seed], strict=True))})
            for cell in plan.cells
        }

    def keys_with_a_stale_cell(self, plan: RunPlan) -> dict[str, KeyState]:
        """The same, with tokens-1 seed 1 made by other code."""
        cell = plan.cells[4]
        values = dict(zip(_METRICS, _SCORES[cell.arm][cell.seed], strict=True))
        return self.keys(plan) | {cell.train_key: self.state({cell.eval_key: values}, code=OTHER_CODE)}

    def table(self, plan: RunPlan, keys: dict[str, KeyState] | None = None, reuse: bool = False) -> AblationTable:
        """The plan's table."""
        return tabulate(collect(plan, keys or self.keys(plan), CODE, reuse_stale=reuse))


def first_summary(row: Row) -> Summary:
    """Of the table's first metric, of which every cell here has a value."""
    summary = row.measures[0].summary
    assert summary is not None
    return summary


@pytest.fixture(scope="module")
def lab(ledger_state: Make) -> Lab:
    """The ledger of this module's plans."""
    return Lab(ledger_state)


def test_a_table_says_that_gpus_trained_it(lab: Lab) -> None:
    plan = plan_of()
    keys = lab.keys(plan)
    key = plan.cells[4].train_key
    attempt = keys[key].attempt
    assert attempt is not None
    trained = dataclasses.replace(attempt, provenance={**attempt.provenance, "gpus": 1.0})
    on_gpu = lab.table(plan, keys | {key: dataclasses.replace(keys[key], attempt=trained)})
    assert "the same GPU and software only" in render(on_gpu, "md")
    assert "GPU" not in render(lab.table(plan), "md")


def test_mean_spread_and_paired_difference_have_the_exact_values(lab: Lab) -> None:
    row = next(row for row in lab.table(plan_of()).rows if row.arm == "tokens-1")
    measure, summary = row.measures[0], first_summary(row)
    assert summary.mean == pytest.approx(38.3, abs=1e-12)
    assert summary.sd == pytest.approx((0.3**2 + 0.45**2 + 0.15**2) ** 0.5 / 2**0.5, abs=1e-12)
    assert measure.difference is not None
    # Every seed loses exactly 2.5, so the paired spread is 0 although each arm has one.
    assert (measure.difference.mean, measure.difference.sd, measure.difference.n) == (-2.5, 0.0, 3)


def test_the_baseline_has_no_difference_to_itself(lab: Lab) -> None:
    assert [measure.difference for measure in lab.table(plan_of()).rows[0].measures] == [None, None]


def test_a_single_seed_has_no_spread(lab: Lab) -> None:
    plan = plan_of()
    single = dataclasses.replace(plan, cells=tuple(cell for cell in plan.cells if cell.seed == 0))
    table = lab.table(single)
    assert first_summary(table.rows[1]).sd is None
    assert "±" not in render(table, "md").split("\n\n")[0]


def test_without_the_baseline_there_are_values_but_no_differences(lab: Lab) -> None:
    plan = plan_of()
    part = dataclasses.replace(plan, cells=tuple(cell for cell in plan.cells if cell.arm == "tokens-1"))
    assert "tokens-4 is not in this table" in render(lab.table(part), "tex")


@pytest.mark.parametrize(
    ("state", "evaluated", "code", "reason"),
    [
        ("empty", None, CODE, "missing"),
        ("failed", None, CODE, "failed: RuntimeError: boom"),
        ("started", None, CODE, "missing"),
        ("finished", "another", CODE, "missing"),
        ("finished", "4141414141414141", OTHER_CODE, "stale"),
    ],
)
def test_an_incomplete_table_is_refused_and_names_the_cell(
    lab: Lab, state: str, evaluated: str | None, code: str, reason: str
) -> None:
    plan = plan_of()
    values = {evaluated: dict.fromkeys(_METRICS, 1.0)} if evaluated else {}
    keys = lab.keys(plan) | {plan.cells[4].train_key: lab.state(values, code=code, state=state)}
    with pytest.raises(IncompleteError) as refused:
        collect(plan, keys, CODE)
    faults = str(refused.value).splitlines()[1:]
    assert len(faults) == 1
    assert faults[0].startswith("arm 'tokens-1', seed 1 (trial 4141414141414141): " + reason)


def test_every_missing_cell_is_named(lab: Lab) -> None:
    plan = plan_of()
    with pytest.raises(IncompleteError) as refused:
        collect(plan, dict.fromkeys(lab.keys(plan), lab.state({}, state="empty")), CODE)
    assert all(cell.eval_key in str(refused.value) for cell in plan.cells)


def test_a_doubled_cell_is_refused(lab: Lab) -> None:
    plan = plan_of()
    with pytest.raises(IncompleteError, match="doubled"):
        collect(dataclasses.replace(plan, cells=(*plan.cells, plan.cells[0])), lab.keys(plan), CODE)


def test_stale_cells_that_are_reused_stand_in_a_footnote(lab: Lab) -> None:
    plan = plan_of()
    text = render(lab.table(plan, lab.keys_with_a_stale_cell(plan), reuse=True), "md")
    assert "made by other code: tokens-1 seed 1." in text


def test_the_newest_evaluation_by_the_present_code_is_preferred_to_a_stale_one(lab: Lab) -> None:
    plan = plan_of()
    results = collect(plan, lab.keys(plan), CODE, reuse_stale=True)
    assert results.reused == ()


def test_cells_evaluated_on_different_videos_are_never_compared(lab: Lab) -> None:
    plan = plan_of()
    cell = plan.cells[-1]
    odd = lab.state({cell.eval_key: dict.fromkeys(_METRICS, 1.0)}, videos="0dd" * 20)
    results = collect(plan, lab.keys(plan) | {cell.train_key: odd}, CODE)
    with pytest.raises(IncompleteError, match=f"0dd0dd0dd0dd: .*{cell.eval_key}"):
        tabulate(results)


def test_a_metric_without_a_specification_is_refused(lab: Lab) -> None:
    plan = plan_of(("val/app",))
    results = ResultSet(plan, collect(plan, lab.keys(plan), CODE).results, ())
    with pytest.raises(InputError, match="did you mean 'val/ap'"):
        tabulate(results)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "html"])
def test_a_table_has_the_golden_bytes(lab: Lab, form: Format, repository: Path) -> None:
    plan = dataclasses.replace(plan_of(), joined=(("tokens-4", "twin"),))
    golden = repository / "tests" / "golden" / "tables" / file_name(form)
    assert render(lab.table(plan, lab.keys_with_a_stale_cell(plan), reuse=True), form) == golden.read_text(
        encoding="utf-8"
    )


def test_markdown_keeps_its_columns_whatever_an_arm_is_called(lab: Lab) -> None:
    lines = render(lab.table(plan_of()), "md").split("\n\n")[0].splitlines()
    unescaped = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines]
    assert set(unescaped) == {7}


def test_csv_gives_numbers_back_to_the_last_bit_and_no_formula(lab: Lab) -> None:
    rows = list(csv.DictReader(io.StringIO(render(lab.table(plan_of()), "csv"))))
    table = lab.table(plan_of())
    assert [float(row["val/ap"]) for row in rows] == [first_summary(row).mean for row in table.rows]
    assert [float(row["val/ap sd"]) for row in rows] == [first_summary(row).sd for row in table.rows]
    assert rows[2]["arm"] == "'" + list(_SCORES)[2]


def test_json_names_the_trial_behind_every_value(lab: Lab) -> None:
    arms = json.loads(render(lab.table(plan_of()), "json"))["arms"]
    for row, cells in zip(arms, (plan_of().cells[:3], plan_of().cells[3:6], plan_of().cells[6:]), strict=True):
        assert row["eval_keys"] == [cell.eval_key for cell in cells]
        assert row["metrics"]["val/ap"]["values"] == [_SCORES[cell.arm][cell.seed][0] for cell in cells]


def test_writing_twice_gives_the_same_bytes_and_leaves_nothing_else(lab: Lab, tmp_path: Path) -> None:
    table = lab.table(plan_of())
    paths = write_tables(tmp_path / "a", table, {"written_at": "now"})
    before = {form: path.read_bytes() for form, path in paths.items()}
    write_tables(tmp_path / "a", table, {"written_at": "later"})
    assert {form: path.read_bytes() for form, path in paths.items()} == before
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {"table.provenance.json", *(file_name(form) for form in FORMATS)}


def test_a_folder_that_cannot_be_made_is_a_storage_error(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_tables(tmp_path / "file" / "tables", lab.table(plan_of()), {})


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [(-0.04, 1, "+", "0.0"), (0.04, 1, "+", "0.0"), (1.25, 1, "+", "+1.2"), (-2.5, 1, "+", "-2.5"),
     (2.675, 2, "", "2.67"), (1e6, 0, "", "1000000"), (3.0, 1, "", "3.0")],
)  # fmt: skip
def test_rounding_is_exact_and_never_gives_a_negative_zero(value: float, digits: int, sign: str, text: str) -> None:
    assert rounded(value, digits, sign) == text
