"""The experiment that cluster/kuberay/job trains is one: it loads with the variables of the Ray pods."""

from pathlib import Path

import pytest
from manifests import Document, of_kind

from rcflab.load import load_experiment


@pytest.fixture
def variables(documents: list[Document]) -> dict[str, str]:
    """What the head's container is told in plain text."""
    head = of_kind(documents, "RayCluster")[0].content["spec"]["headGroupSpec"]["template"]["spec"]
    return {each["name"]: each["value"] for each in head["containers"][0]["env"] if "value" in each}


def test_the_experiment_loads_and_says_where_runs_and_tracking_are(
    kuberay: Path, repository: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    base = str(repository / "experiments" / "base" / "synth.yaml")
    spec = load_experiment(kuberay / "job" / "experiment.yaml", [], base).spec
    assert (spec.storage.root, spec.tracking.uri) == ("/runs", variables["MLFLOW_TRACKING_URI"])
    assert spec.resources.gpus_per_worker == 1


def test_the_base_that_it_extends_is_where_the_image_has_the_bases(kuberay: Path, repository: Path) -> None:
    lines = (kuberay / "job" / "experiment.yaml").read_text().splitlines()
    named = next(line.split()[1] for line in lines if line.startswith("extends:"))
    dockerfile = (repository / "cluster" / "docker" / "Dockerfile").read_text()
    assert "COPY experiments /opt/experiments\n" in dockerfile
    assert (repository / "experiments" / Path(named).relative_to("/opt/experiments")).is_file()
