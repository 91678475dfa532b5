"""Data sets and checkpoints of a cell, as MLflow is told of them."""

import pytest

from rcflab.identity import Fingerprints
from rcflab.track.inputs import DataSet, Inputs, inputs_of
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.shipper import Shipper

TRAIN, VAL, WEIGHTS = "1a" * 32, "2b" * 32, "3c" * 32
PRINTS = Fingerprints(TRAIN, VAL, WEIGHTS)
DATA = {"kind": "ytvis", "root": "/data/ytvis2019", "train_split": "fit", "val_split": "holdout"}


def config(start=None, weights="package:efficientnet-lite0", data=DATA):
    return {"model": {"backbone": {"weights": weights}}, "data": data, "training": {"start_from": start}}


def test_training_and_validation_data_are_named_with_content_and_context():
    train, val = inputs_of(config(), PRINTS).data
    assert (train.name, train.context, train.sha256) == ("ytvis2019 fit", "train", TRAIN)
    assert (val.name, val.context, val.sha256) == ("ytvis2019 holdout", "validation", VAL)
    assert all(len(each.digest) <= 36 and each.sha256.startswith(each.digest) for each in (train, val))


def test_data_that_a_task_does_not_read_are_not_named():
    found = inputs_of({"model": {}, "data": {"videos": 8}, "training": {}}, Fingerprints("", VAL, ""))
    assert [(each.name, each.context) for each in found.data] == [("generated val", "validation")]
    assert found.parent == {}


@pytest.mark.parametrize(
    ("start", "weights", "parent"),
    [
        (None, "none", {}),
        (None, "imagenet", {"rcflab.parent": "imagenet", "rcflab.parent_digest": WEIGHTS}),
        ("/runs/cells/0123456789abcdef/checkpoints/step-00000060", "imagenet",
         {"rcflab.parent": "/runs/cells/0123456789abcdef/checkpoints/step-00000060", "rcflab.parent_digest": WEIGHTS,
          "rcflab.parent_train_key": "0123456789abcdef"}),
        ("/elsewhere/weights", "none", {"rcflab.parent": "/elsewhere/weights", "rcflab.parent_digest": WEIGHTS}),
    ],
)  # fmt: skip
def test_weights_name_what_they_were_fine_tuned_from(start, weights, parent):
    assert inputs_of(config(start, weights), PRINTS).parent == parent


class TestShipped:
    """In MLflow itself."""

    @pytest.fixture
    def client(self, mlflow_uri):
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=mlflow_uri)

    @pytest.fixture
    def ship(self, mlflow_uri, tmp_path, new_plan, new_cell):
        data = DataSet("set fit", "train", TRAIN, "{}"), DataSet("set holdout", "validation", VAL, "{}")
        inputs = {"a": Inputs(data, {"rcflab.parent": "imagenet"})}

        def send():
            tracker = MlflowTracker(mlflow_uri, tmp_path / "artifacts")
            assert Shipper(tmp_path, new_plan(new_cell()), tracker, inputs).finish(60).clear

        return send

    def run(self, client, cell):
        experiment = client.get_experiment_by_name("toy-table").experiment_id
        (run,) = client.search_runs([experiment], f"tags.`rcflab.eval_key` = '{cell.eval_key}'")
        return run

    def models(self, client):
        return client.search_logged_models([client.get_experiment_by_name("toy-table").experiment_id])

    def test_a_cell_has_its_data_once_however_often_it_is_shipped(self, life, ship, client, new_cell, tmp_path):
        life.whole(new_cell())
        ship()
        for path in tmp_path.glob("ship/*/*.json"):
            path.unlink()
        ship()
        found = {
            each.dataset.name: ({tag.key: tag.value for tag in each.tags}, each.dataset.digest)
            for each in self.run(client, new_cell()).inputs.dataset_inputs
        }
        assert found["set fit"] == ({"mlflow.data.context": "train", "rcflab.sha256": TRAIN}, TRAIN[:32])
        assert found["set holdout"][0]["mlflow.data.context"] == "validation"
        assert len(self.run(client, new_cell()).inputs.dataset_inputs) == 2

    def test_the_checkpoint_of_a_finished_training_is_a_model_that_was_not_uploaded(
        self, life, ship, client, new_cell, tmp_path
    ):
        life.whole(new_cell())
        ship()
        (model,) = self.models(client)
        expected = {
            "rcflab.stage": "final", "rcflab.sha256": "ab" * 32, "rcflab.train_key": new_cell().train_key,
            "rcflab.parent": "imagenet", "mlflow.model.isExternal": "true",
        }  # fmt: skip
        assert expected.items() <= model.tags.items()
        assert model.tags["rcflab.uri"].startswith("file:///") and str(model.status).endswith("READY")
        assert [each.model_id for each in self.run(client, new_cell()).outputs.model_outputs] == [model.model_id]

    def test_a_lost_cursor_leads_to_no_second_model(self, life, ship, client, new_cell, tmp_path):
        life.whole(new_cell())
        ship()
        for path in tmp_path.glob("ship/*/*.json"):
            path.unlink()
        ship()
        assert len(self.models(client)) == 1
        assert len(self.run(client, new_cell()).outputs.model_outputs) == 1

    def test_a_training_that_goes_on_has_no_model_yet(self, life, ship, client, new_cell):
        life.begin(new_cell())
        life.checkpoint(new_cell(), 3)
        ship()
        assert self.models(client) == []
