"""Nodes that share nothing but a store of objects: a cell of two workers, one on each, whose leading node is killed.

Each node keeps its cache at another place, data come from the store to each, what Ray Train keeps lies there, and the
node that goes on has seen nothing of the cell.
"""

import hashlib
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import boto3
import pytest
from mlflow import MlflowClient

from rcf.config import SyntheticConfig
from rcf.data.synthetic import write_synthetic
from rcflab.ledger.events import AttemptStarted
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import holder
from rcflab.ledger.reader import read_events, read_key
from rcflab.session import open_experiment
from rcflab.storage.opening import mirror_of

pytestmark = pytest.mark.timeout(1500)
STEPS = 40
NETWORK = f"""
name: nodes-and-store
baseline: small
arms: {{small: {{}}}}
input: {{height: 64, width: 96}}
model:
  backbone: {{name: resnet10t}}
  width: 16
  encoder: {{layers: 1, heads: 2, feedforward: 16}}
  decoder: {{layers: 1, heads: 2, feedforward: 16}}
  queries: 4
  mask: {{fpn_width: 16, filter_width: 8}}
data: {{kind: ytvis, root: DATA}}
training: {{steps: {STEPS}, clips_per_step: 2, lr: 1.0e-3, clip_norm: 1.0, log_every: 1, checkpoint_every: 10}}
evaluation: {{class_threshold: 0.1, lipschitz_bound: false}}
resources: {{workers: 2}}
tracking: {{uri: "sqlite:///MLFLOW"}}
"""


@pytest.fixture(scope="module")
def bucket(s3_server: str) -> Generator[str]:
    """The environment of all processes, Ray's nodes too, which are started by it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": s3_server,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="nodes")
        yield "nodes"


class Story:
    """Two nodes, one of which is killed in mid-training, then a third one; this process looks on from a fourth."""

    def __init__(self, lab: Any, machines: Any, root: str, folder: Path) -> None:
        lab.patience_s = 900.0
        self.lab, self.folder, self.caches = lab, folder, machines.temporary / "caches"
        machines.up(**{"node-a": 1, "node-b": 1})
        lab.variables = machines.variables | {"RCFLAB_CACHE": str(folder / "driver")}
        driver = lab.start("", "--set", f"storage.root={root}")
        session = open_experiment(lab.yaml, [f"storage.root={root}"])
        (cell,) = session.plan.cells
        self.key, self.storage, self.mirror = cell.train_key, session.storage, mirror_of(session.storage)
        lab.wait_for("some steps", lambda: self.seen().step >= 12, driver)
        lab.wait_for("the driver tells of it", lambda: "small/0: starts" in lab.log(1), driver)
        found = holder(self.storage, self.key)
        assert found is not None
        self.killed = found.owner.host
        machines.ask("kill", name=self.killed)
        machines.add("node-c")
        self.code = driver.wait(900)
        self.mirror.fetch(f"cells/{self.key}")
        self.whole = folder / "whole"
        arguments = (str(lab.yaml), str(self.whole), str(folder / "group"))
        pair = [lab.start_script("pair.py", *arguments, rank) for rank in "01"]
        assert [process.wait(600) for process in pair] == [0, 0], lab.log()

    def seen(self) -> KeyState:
        """The cell as it is in the store."""
        self.mirror.fetch_ledgers((self.key,))
        return read_key(self.storage, self.key)

    def last(self, storage: Path) -> tuple[str, dict[str, Any]]:
        """Digest of the weights of the last checkpoint, and all else of it but where the data lie on that machine."""
        folder = storage / "cells" / self.key / "checkpoints" / f"step-{STEPS:08d}"
        state = json.loads((folder / "state.json").read_text())
        assert state["config"]["data"].pop("root").endswith("data/s3/nodes/set")
        return hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest(), state


def upload(folder: Path, bucket: str) -> None:
    client = boto3.client("s3")
    for path in folder.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), bucket, f"set/{path.relative_to(folder).as_posix()}")


@pytest.fixture(scope="module")
def story(
    bucket: str, machines: Any, laboratory: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Story]:
    folder = tmp_path_factory.mktemp("places")
    write_synthetic(folder / "set", SyntheticConfig(train_clips=8, val_clips=4, frames=3))
    upload(folder / "set", bucket)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RCFLAB_CACHE", str(folder / "looker"))
        lab = laboratory(NETWORK.replace("DATA", f"s3://{bucket}/set").replace("MLFLOW", str(folder / "mlflow.db")))
        yield Story(lab, machines, f"s3://{bucket}/runs", folder)


def test_a_cell_goes_on_from_the_store_alone_and_ends_in_the_same_bits(story: Story) -> None:
    assert story.code == 0, story.lab.log(1)
    state = story.seen()
    assert (state.state, state.alarms) == ("finished", ())
    starts = [each.step for each in read_events(story.storage, story.key) if isinstance(each, AttemptStarted)]
    assert starts[0] == 0 and starts[-1] >= 10
    assert [point.step for point in state.series["train/loss"]] == sorted({*range(1, STEPS + 1)})
    assert story.last(story.storage) == story.last(story.whole)


def test_each_node_has_what_it_needs_in_a_cache_of_its_own(story: Story) -> None:
    caches = {path.name for path in story.caches.iterdir()}
    assert {story.killed, "node-c"} <= caches
    for name in caches:
        own = story.caches / name
        assert (own / "data/s3/nodes/set/train/instances.json").is_file(), name
        assert (own / "storage/s3/nodes/runs/ray").is_dir(), name
    assert not (story.storage / "data").exists()


def test_mlflow_has_the_files_that_a_node_wrote(story: Story) -> None:
    assert "artifact is gone" not in story.lab.log(1)
    client = MlflowClient(f"sqlite:///{story.folder / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    (run,) = client.search_runs(experiments, "tags.`rcflab.role` = 'cell'")
    assert {"records.npz", "results.json"} <= {each.path for each in client.list_artifacts(run.info.run_id)}
