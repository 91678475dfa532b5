"""A run for each arm: what the table says of it, found by tags, never twice."""

from dataclasses import replace

import pytest

from rcflab.ablation import tabulate
from rcflab.collect import collect
from rcflab.comparison import Comparison, Comparisons
from rcflab.ledger.fold import fold
from rcflab.ledger.reader import read_events
from rcflab.metrics import METRICS
from rcflab.stats.interval import Interval
from rcflab.stats.summary import summarize
from rcflab.stats.verdict import Kind, Verdict
from rcflab.track.aggregates import aggregates
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.publisher import Publisher

SCORES = {"a": (50.0, 52.0, 57.0), "b": (60.0, 61.0, 65.0)}


@pytest.fixture
def cells(new_cell):
    config = {"model": {"memory": 0}, "data": {}, "training": {}, "evaluation": {"threshold": 1.0}}
    return [replace(new_cell(arm, seed), config=config) for arm in SCORES for seed in range(3)]


@pytest.fixture
def table(life, cells, new_plan, tmp_path):
    """The plan and table of some arms, as the ledger has them when it is called."""
    for cell in cells:
        life.whole(cell, score=SCORES[cell.arm][cell.seed])

    def make(arms=SCORES, more=()):
        plan = replace(new_plan(*(cell for cell in cells if cell.arm in arms)), more_baselines=more)
        states = {cell.train_key: fold(read_events(tmp_path, cell.train_key)) for cell in cells}
        return plan, tabulate(collect(plan, states, "code-a"))

    return make


def test_an_arm_says_mean_spread_number_and_interval_of_its_seeds(table):
    found = aggregates(table()[1])[1].metrics
    whole = summarize(SCORES["b"])
    assert (found["mean/toy/score"], found["sd/toy/score"], found["n/toy/score"]) == (whole.mean, whole.sd, 3)
    # t with 2 degrees of freedom at 97.5 % is 4.302653 (any table of Student's t).
    half = 4.302653 * whole.sd / 3**0.5
    assert found["low/toy/score"] == pytest.approx(whole.mean - half, rel=1e-6)
    assert found["high/toy/score"] == pytest.approx(whole.mean + half, rel=1e-6)


def test_only_arms_that_are_no_baseline_say_a_difference(table):
    baseline, arm = aggregates(table()[1])
    assert not [key for key in baseline.metrics if key.startswith("difference")]
    assert arm.metrics["difference/toy/score"] == pytest.approx(9.0)
    assert (baseline.tags["rcflab.verdict"], arm.tags["rcflab.seeds"]) == ("baseline", "0, 1, 2")


def test_an_arm_says_its_difference_to_each_of_several_baselines(table):
    said = Comparison("a", 3, -9.0, Interval(-12.0, -6.0), 0.01, 0.02, Verdict(Kind.WORSE, 9.0, Interval(6.0, 12.0)))
    second = Comparisons(METRICS["toy/score"], "b", (said,), 60, 2000, 0, 0, None, 1)
    first = replace(second, baseline="a", arms=())
    arm, baseline = aggregates(replace(table(more=("b",))[1], comparisons=first, more_comparisons=(second,)))
    assert arm.metrics["difference_2/toy/score"] == pytest.approx(-9.0)
    assert (arm.metrics["difference_low_2/toy/score"], arm.metrics["p_holm_2/toy/score"]) == (-12.0, 0.02)
    assert (arm.tags["rcflab.baseline_2"], arm.tags["rcflab.verdict_2"]) == ("b", "worse by 9.00 [6.00, 12.00]")
    assert (baseline.tags["rcflab.verdict_2"], baseline.metrics["difference/toy/score"]) == ("baseline", 9.0)
    assert "difference/toy/score" not in arm.metrics


def test_no_metric_of_an_arm_has_the_name_of_a_cells(table):
    assert not {"toy/score", "train/loss"} & {key for arm in aggregates(table()[1]) for key in arm.metrics}


class TestInMlflow:
    """The runs themselves."""

    @pytest.fixture
    def client(self, mlflow_uri):
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=mlflow_uri)

    @pytest.fixture
    def publish(self, mlflow_uri, tmp_path):
        def send(plan, table):
            tracker = MlflowTracker(mlflow_uri, tmp_path / "artifacts")
            fault = Publisher(tmp_path, tmp_path / "experiments" / "x", plan, tracker).publish(aggregates(table), 60)
            assert fault is None

        return send

    def arms(self, client):
        found = client.search_runs(
            [client.get_experiment_by_name("toy-table").experiment_id], "tags.`rcflab.role` = 'arm'"
        )
        return {run.data.tags["rcflab.arm"]: run for run in found}, len(found)

    def test_each_arm_has_one_finished_run_below_the_parent_however_often_it_is_sent(self, table, publish, client):
        for _ in range(2):
            publish(*table())
        runs, count = self.arms(client)
        assert (set(runs), count) == ({"a", "b"}, 2)
        parent = client.get_run(runs["b"].data.tags["mlflow.parentRunId"])
        assert (parent.data.tags["rcflab.role"], runs["b"].info.status) == ("parent", "FINISHED")
        assert len(client.get_metric_history(runs["b"].info.run_id, "mean/toy/score")) == 1

    def test_a_table_that_changed_changes_the_run_and_keeps_what_is_equal(self, table, publish, client, life, cells):
        publish(*table())
        life.evaluate(cells[-1], 3, 100.0, code="code-b")
        life.evaluate(cells[-1], 4, 95.0)
        publish(*table())
        runs, count = self.arms(client)
        history = client.get_metric_history(runs["b"].info.run_id, "mean/toy/score")
        assert (count, len(history), runs["b"].data.metrics["mean/toy/score"]) == (2, 2, pytest.approx(72.0))
        assert len(client.get_metric_history(runs["a"].info.run_id, "mean/toy/score")) == 1

    def test_an_arm_that_left_the_table_has_no_run_any_more(self, table, publish, client):
        publish(*table())
        publish(*table(("a",)))
        assert set(self.arms(client)[0]) == {"a"}

    def test_a_run_that_says_more_than_the_table_is_made_anew(self, table, publish, client):
        publish(*table())
        old = self.arms(client)[0]["b"].info.run_id
        client.log_metric(old, "p/toy/score", 0.01)
        publish(*table())
        runs, count = self.arms(client)
        assert count == 2 and "p/toy/score" not in runs["b"].data.metrics and runs["b"].info.run_id != old
