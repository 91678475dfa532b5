"""An experiment in Python: `rcflab.open` and what comes after it, on the toy task."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import rcflab
from rcflab.cli import app
from rcflab.errors import CellsFailedError, IncompleteError, InputError
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.provenance import code_digest, gather_provenance
from rcflab.records import Cell
from rcflab.report.figures import FIGURES, FigureKind
from rcflab.session import open_experiment

Write = Callable[..., Path]
FACTORS = """
name: designed
task: toy
design: factorial
factors: {model.slope: [1.0, 2.0], data.seed: [0, 1]}
"""


def finish(storage: Path, cell: Cell, score: float, code: str = "") -> None:
    """Write the ledger of a cell that came to its end, and its files."""
    lease = acquire(storage, cell.train_key, this_process())
    code = code or code_digest()
    provenance = asdict(gather_provenance()) | {"code_digest": code}
    folder = Path("cells") / cell.train_key
    (storage / folder).mkdir(parents=True, exist_ok=True)
    with LedgerWriter(storage, cell.train_key, lease) as writer:
        writer.append(AttemptStarted(1, lease.token, 0, provenance, 1))
        for step in (1, 2, 3):
            writer.append(Metrics(1 + step, step, {"train/loss": 1 / step}))
        writer.append(CheckpointSaved(5, 3, str(folder), "ab" * 32))
        values = {"toy/score": score, "toy/distance": 1.0}
        writer.append(Evaluated(6, 3, cell.eval_key, True, values, "5eed" * 16, str(folder / "records.npz"), (), code))
        writer.append(StateChanged(7, 3, "finished"))
    lease.release()
    np.save(storage / folder / "weights.npy", np.array([score, -1.0]))
    distance = np.linspace(0.1, 0.5, 8) + score / 100
    np.savez(storage / folder / "records.npz", distance=distance, threshold=np.array(1.0))


@pytest.fixture
def finished(experiment: Write, tmp_path: Path) -> rcflab.Experiment:
    """Two arms at two seeds, all done: scores 1, 2, 3, 4 in the order of the plan."""
    path = experiment()
    for score, cell in enumerate(open_experiment(path).plan.cells, start=1):
        finish(tmp_path / "runs", cell, score)
    return rcflab.open(path)


def test_the_plan_has_a_row_for_each_cell_with_its_state(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    cells = open_experiment(path).plan.cells
    finish(tmp_path / "runs", cells[0], 1.0)
    finish(tmp_path / "runs", cells[1], 1.0, code="0" * 64)
    plan = rcflab.open(path).plan()
    assert list(plan["arm"]) == ["plain", "plain", "fast", "fast"]
    assert list(plan["seed"]) == [0, 1, 0, 1]
    assert list(plan["baseline"]) == [True, True, False, False]
    assert list(plan["state"]) == ["done", "stale", "missing", "missing"]
    assert list(plan["eval_key"]) == [cell.eval_key for cell in cells]


def test_a_plan_of_nothing_that_was_run_writes_nothing(experiment: Write, tmp_path: Path) -> None:
    rcflab.open(experiment()).plan()
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.yaml"]


def test_set_arms_and_seeds_are_those_of_the_command(experiment: Write) -> None:
    path = experiment()
    opened = rcflab.open(path, set={"training.steps": 7}, arms=["fast"], seeds=1)
    (cell,) = open_experiment(path, ["training.steps=7"], ["fast"], 1).plan.cells
    assert list(opened.plan()["eval_key"]) == [cell.eval_key]
    assert list(rcflab.open(path, set=["training.steps=7"], arms=["fast"], seeds=1).plan()["eval_key"]) == [
        cell.eval_key
    ]


def test_every_problem_of_the_file_is_in_the_exception(experiment: Write) -> None:
    path = experiment("name: X\ntask: toy\nbaseline: a\narms: {b: {}}\nseeds: 0\n")
    with pytest.raises(InputError) as caught:
        rcflab.open(path)
    assert [problem.place for problem in caught.value.problems] == ["name", "seeds", "baseline"]


def test_results_have_a_row_for_each_metric_of_each_finished_cell(finished: rcflab.Experiment) -> None:
    results = finished.results()
    assert len(results) == 2 * 2 * 2
    scores = results[results["metric"] == "toy/score"]
    assert list(scores["value"]) == [1, 2, 3, 4]
    assert set(results["step"]) == {3}
    assert set(results["state"]) == {"done"}


def test_wide_results_have_a_column_for_each_metric(finished: rcflab.Experiment) -> None:
    wide = finished.results(wide=True)
    assert list(wide["toy/score"]) == [1, 2, 3, 4]
    assert list(wide["toy/distance"]) == [1, 1, 1, 1]
    assert list(finished.results(["toy/score"], wide=True).columns[:4]) == ["arm", "seed", "toy/score", "step"]


def test_cells_without_a_final_evaluation_are_in_no_result(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    assert len(rcflab.open(path).results()) == 0
    finish(tmp_path / "runs", open_experiment(path).plan.cells[2], 5.0)
    assert list(rcflab.open(path).results(["toy/score"])["arm"]) == ["fast"]


def test_an_unknown_metric_comes_with_the_nearest_one(finished: rcflab.Experiment) -> None:
    with pytest.raises(InputError, match=r"did you mean 'toy/score'"):
        finished.results(["toy/scor"])
    with pytest.raises(InputError, match=r"did you mean 'train/loss'"):
        finished.history(["train/lss"])


def test_history_has_training_and_evaluations_over_steps(finished: rcflab.Experiment) -> None:
    loss = finished.history(["train/loss"])
    assert list(loss.columns) == ["arm", "seed", "metric", "step", "value"]
    assert list(loss["step"]) == [1, 2, 3] * 4
    assert list(loss["value"][:3]) == [1, 1 / 2, 1 / 3]
    assert list(finished.history(["toy/score"])["value"]) == [1, 2, 3, 4]


def test_levels_of_factors_are_columns_also_where_a_column_has_their_name(experiment: Write) -> None:
    # Videos of two seeds cannot stand in one table, so the plan is narrowed to one.
    plan = rcflab.open(experiment(FACTORS), arms=["slope=1.0 seed=1", "slope=2.0 seed=1"]).plan()
    assert list(plan.columns[:4]) == ["arm", "seed", "slope", "data.seed"]
    assert list(zip(plan["slope"], plan["data.seed"], strict=True)) == [(1.0, 1), (2.0, 1)]


def test_the_table_is_that_of_the_command_in_every_format(finished: rcflab.Experiment, tmp_path: Path) -> None:
    table = finished.table()
    assert "| plain (baseline) | 2 | 1.50 ± 0.71 |" in table.markdown()
    assert table.latex().startswith("% needs \\usepackage")
    assert json.loads(table.json())["arms"][1]["metrics"]["toy/score"]["values"] == [3, 4]
    assert table.csv().splitlines()[0].startswith("arm,")
    assert str(table) == table.markdown() == table._repr_markdown_()
    shown = table._repr_html_()
    assert ">plain (baseline)<" in shown
    assert ">1.50 ± 0.71<" in shown
    assert "<html" not in shown
    assert not list((tmp_path / "runs").rglob("table.*"))


def test_names_in_the_html_of_a_table_are_text(experiment: Write, tmp_path: Path) -> None:
    path = experiment("name: t\ntask: toy\nbaseline: <b>a\narms: {<b>a: {}}\n")
    finish(tmp_path / "runs", open_experiment(path).plan.cells[0], 1.0)
    html = rcflab.open(path).table().html()
    assert "&lt;b&gt;a (baseline)" in html
    assert "<b>" not in html


def test_a_table_that_is_not_complete_names_the_cells_and_ends_nothing(experiment: Write) -> None:
    with pytest.raises(IncompleteError, match=r"arm 'plain', seed 0 .* missing"):
        rcflab.open(experiment()).table()


def test_stale_cells_are_refused_or_reused_with_a_footnote(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    for cell in open_experiment(path).plan.cells:
        finish(tmp_path / "runs", cell, 1.0, code="0" * 64)
    opened = rcflab.open(path)
    with pytest.raises(IncompleteError, match="stale"):
        opened.table()
    assert "Stale cells reused" in opened.table(on_stale="reuse").markdown()
    with pytest.raises(IncompleteError, match=r"finished by other code: plain/0, .*run\(on_stale=\.\.\.\)"):
        opened.run()


def test_the_forest_plot_is_a_figure_and_an_unknown_one_is_refused(finished: rcflab.Experiment) -> None:
    assert isinstance(finished.figure("forest"), Figure)
    assert "forest" in finished.figures
    with pytest.raises(InputError, match=r"did you mean 'forest'"):
        finished.figure("forrest")


def test_a_new_kind_of_figure_gets_the_curves_and_may_have_nothing_to_show(
    finished: rcflab.Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setitem(FIGURES, "mine", FigureKind("what I want", lambda data: seen.append(data.curves), "luck"))
    with pytest.raises(IncompleteError, match="has no figure 'mine': it needs luck"):
        finished.figure("mine")
    (curves,) = seen
    loss = next(each for each in curves if (each.arm, each.seed, each.metric) == ("fast", 1, "train/loss"))
    assert (loss.steps, loss.values) == ((1, 2, 3), (1, 1 / 2, 1 / 3))


def test_a_trained_model_is_loaded_by_arm_and_seed(finished: rcflab.Experiment) -> None:
    assert np.asarray(finished.load("fast", 1)).tolist() == [4, -1]
    assert np.asarray(finished.load()).tolist() == [1, -1]
    with pytest.raises(InputError, match=r"did you mean 'fast'"):
        finished.load("fastt")


def test_a_model_that_is_not_trained_is_not_loaded(experiment: Write) -> None:
    with pytest.raises(IncompleteError, match=r"plain, seed 0 has no trained model yet: run\(\) trains it"):
        rcflab.open(experiment()).load()


def test_a_run_trains_prints_its_progress_and_returns_the_table(
    experiment: Write, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = experiment()
    opened = rcflab.open(path, set={"training.steps": 5, "tracking.uri": "none"})
    table = opened.run()
    lines = capfd.readouterr().err.splitlines()
    assert "4 trainings to do; starting Ray" in lines
    assert "fast/1: finished" in lines
    assert list(opened.plan()["state"]) == ["done"] * 4
    assert table.markdown() == (tmp_path / "runs" / "experiments" / "toy-test" / "table.md").read_text()
    assert all(math.isfinite(value) for value in opened.results()["value"])


def test_a_run_writes_the_page_that_the_report_command_writes(finished: rcflab.Experiment, tmp_path: Path) -> None:
    path, none = tmp_path / "experiment.yaml", "tracking.uri=none"
    rcflab.open(path, set=[none]).run()
    folder = tmp_path / "runs" / "experiments" / finished.name
    page = (folder / "report.html").read_bytes()
    assert (folder / "figures" / "loss.svg").is_file()
    (folder / "report.html").unlink()
    assert CliRunner().invoke(app, ["report", str(path), "--set", none]).exit_code == 0
    assert (folder / "report.html").read_bytes() == page


def test_a_run_with_a_failed_cell_raises_its_reason_and_a_narrowed_one_writes_no_files(
    experiment: Write, tmp_path: Path
) -> None:
    path = experiment()
    broken = {"training.steps": 3, "tracking.uri": "none", "arms.fast.training.raise_at": 2}
    with pytest.raises(CellsFailedError, match="fast seed 0: RuntimeError: the toy training raises at step 2"):
        rcflab.open(path, set=broken, seeds=1).run()
    plan = rcflab.open(path, set=broken, seeds=1).plan()
    assert list(plan["state"]) == ["done", "failed"]
    assert "raises at step 2" in plan["reason"][1]
    rcflab.open(path, set=broken, seeds=1, arms=["plain"]).run()
    assert not list((tmp_path / "runs").glob("experiments/*/table.md"))


def test_a_name_that_the_package_has_not_is_said_with_those_that_it_has() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'opne'; it has .*open"):
        rcflab.opne  # noqa: B018
