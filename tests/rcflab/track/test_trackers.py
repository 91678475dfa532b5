"""What every store must do, shown on MLflow itself and on the stand-in of the other tests."""

import math

import pytest

from rcflab.errors import ServiceDownError
from rcflab.track.describe import note
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.tracker import Row, TrackingRefusedError


@pytest.fixture(params=["memory", "mlflow"])
def tracker(request, tmp_path):
    if request.param == "memory":
        return request.getfixturevalue("store")
    return MlflowTracker(request.getfixturevalue("mlflow_uri"), tmp_path / "artifacts")


@pytest.fixture
def run(tracker, new_plan, new_cell):
    parent = tracker.open_experiment(new_plan(new_cell()), "note")
    return tracker.create_cell(parent, new_plan(new_cell()), new_cell(), 0, 1000)


def test_an_experiment_has_one_parent_however_often_it_is_opened(tracker, new_plan, new_cell):
    plan = new_plan(new_cell())
    assert tracker.open_experiment(plan, "note") == tracker.open_experiment(plan, "note")


def test_a_cell_is_found_from_any_experiment_with_what_it_was_made_for(tracker, run, new_plan, new_cell):
    tracker.open_experiment(new_plan(new_cell(), name="other"), "note")
    assert tracker.find_cells(new_cell().eval_key) == (run,)
    assert (run.experiment, run.arm, run.seed, run.generation) == ("toy-table", "a", 0, 0)
    assert tracker.find_cells("unknown") == ()


def test_cells_are_told_oldest_first(tracker, run, new_plan, new_cell):
    parent = tracker.open_experiment(new_plan(new_cell()), "note")
    second = tracker.create_cell(parent, new_plan(new_cell()), new_cell(), 1, 2000)
    assert [each.run_id for each in tracker.find_cells(new_cell().eval_key)] == [run.run_id, second.run_id]


def test_the_status_of_a_run_may_end_and_begin_again(tracker, run, new_cell):
    told = []
    for status in ("FAILED", "RUNNING", "FINISHED"):
        tracker.set_status(run.run_id, status, 5000)
        told.append(tracker.find_cells(new_cell().eval_key)[0].status)
    assert told == ["FAILED", "RUNNING", "FINISHED"]


def test_an_unknown_run_is_a_refusal(tracker, run):
    with pytest.raises(TrackingRefusedError):
        tracker.log_rows("0" * 32, [Row("a", 1, 1.0, 1)])


class TestMlflow:
    """What the stand-in cannot show: the rows, params and files as MLflow's own client reads them."""

    @pytest.fixture
    def tracker(self, mlflow_uri, tmp_path):
        return MlflowTracker(mlflow_uri, tmp_path / "artifacts")

    @pytest.fixture
    def client(self, mlflow_uri):
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=mlflow_uri)

    def test_rows_sent_twice_are_stored_once(self, tracker, run, client):
        rows = [Row("train/loss", step, 1.0 / step, 1000 + step) for step in range(1, 1500)]
        tracker.log_rows(run.run_id, rows)
        tracker.log_rows(run.run_id, rows[-600:])
        assert [m.step for m in client.get_metric_history(run.run_id, "train/loss")] == list(range(1, 1500))

    def test_what_is_not_finite_never_arrives(self, tracker, run, client):
        tracker.log_rows(run.run_id, [Row("a", 1, math.nan, 1), Row("a", 2, math.inf, 2), Row("a", 3, 0.5, 3)])
        assert [(m.step, m.value) for m in client.get_metric_history(run.run_id, "a")] == [(3, 0.5)]

    def test_params_are_written_once_and_never_refused(self, tracker, run, client):
        tracker.describe(run.run_id, {f"p{i}": "x" * 7000 for i in range(120)}, {"t": "y" * 9000})
        tracker.describe(run.run_id, {"p0": "other", "new": "1"}, {"t": "z"})
        data = client.get_run(run.run_id).data
        assert (len(data.params), data.params["p0"], data.params["new"], data.tags["t"]) == (121, "x" * 6000, "1", "z")

    def test_files_and_text_land_below_the_artifact_root(self, tracker, run, client, tmp_path):
        (tmp_path / "clip.png").write_bytes(b"png")
        tracker.upload(run.run_id, tmp_path / "clip.png", "overlays")
        tracker.upload(run.run_id, tmp_path / "clip.png", "")
        tracker.write_text(run.run_id, "config.json", "{}")
        assert {file.path for file in client.list_artifacts(run.run_id)} == {"clip.png", "config.json", "overlays"}
        stored = next((tmp_path / "artifacts" / "toy-table").glob("*/artifacts/overlays/clip.png"))
        assert stored.read_bytes() == b"png"

    def test_without_an_artifact_root_files_land_beside_the_database(self, mlflow_uri, tmp_path, new_plan, new_cell):
        tracker = MlflowTracker(mlflow_uri, None)
        parent = tracker.open_experiment(new_plan(new_cell()), "note")
        tracker.write_text(parent.run_id, "a.txt", "text")
        assert len(list((tmp_path / "artifacts" / "toy-table").glob("*/artifacts/a.txt"))) == 1

    def test_no_run_lands_in_the_default_experiment(self, tracker, run, client):
        assert client.search_runs(["0"]) == []

    def test_the_run_stands_below_its_parent_with_the_time_of_its_first_attempt(self, tracker, run, client, new_cell):
        info = client.get_run(run.run_id)
        parent = client.get_run(info.data.tags["mlflow.parentRunId"])
        assert parent.data.tags["rcflab.role"] == "parent"
        assert (info.info.start_time, info.info.run_name) == (1000, "a seed 0")
        assert info.data.tags["rcflab.train_key"] == new_cell().train_key

    def test_an_experiment_that_someone_deleted_is_restored(self, tracker, run, client, new_plan, new_cell):
        experiment = client.get_run(run.run_id).info.experiment_id
        client.delete_experiment(experiment)
        assert tracker.open_experiment(new_plan(new_cell()), "note").experiment_id == experiment
        assert [each.run_id for each in tracker.find_cells(new_cell().eval_key)] == [run.run_id]

    def test_the_introduction_follows_the_arms_until_a_person_writes_another(self, tracker, client, new_plan, new_cell):
        def shown(seeds):
            plan = new_plan(*(new_cell("a", seed) for seed in range(seeds)))
            experiment = tracker.open_experiment(plan, note(plan)).experiment_id
            return client.get_experiment(experiment).tags["mlflow.note.content"]

        assert "at seeds [0]." in shown(1)
        assert "at seeds [0, 1, 2]." in shown(3)
        experiment = client.get_experiment_by_name("toy-table").experiment_id
        client.set_experiment_tag(experiment, "mlflow.note.content", "for the paper")
        assert shown(2) == "for the paper"

    def test_a_server_that_is_not_there_is_a_service_that_is_down(self, new_plan, new_cell):
        tracker = MlflowTracker("http://127.0.0.1:9", None)
        with pytest.raises(ServiceDownError, match=r"127\.0\.0\.1:9"):
            tracker.open_experiment(new_plan(new_cell()), "note")
