"""RayCluster and RayJob against the definitions of KubeRay 1.7, where a field that they do not describe is an error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from custom_resource import fault_of, schema_of
from kustomizing import Kustomize
from manifests import Content, Document, changed, of_kind

Schemas = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> Schemas:
    folder = shared_data / "kuberay-crds"
    if not folder.is_dir():
        pytest.fail(f"got no folder {folder}; expected KubeRay's definitions there, or RCF_SHARED unset")
    return {
        "RayCluster": schema_of(folder / "ray.io_rayclusters.yaml", "v1"),
        "RayJob": schema_of(folder / "ray.io_rayjobs.yaml", "v1"),
    }


@pytest.fixture(scope="module")
def cluster(documents: list[Document]) -> Content:
    return of_kind(documents, "RayCluster")[0].content


@pytest.fixture(scope="module")
def job(documents: list[Document]) -> Content:
    return of_kind(documents, "RayJob")[0].content


def test_the_cluster_is_what_kuberay_describes(schemas: Schemas, cluster: Content) -> None:
    assert fault_of(schemas["RayCluster"], cluster) is None


def test_the_job_is_what_kuberay_describes(schemas: Schemas, job: Content) -> None:
    assert fault_of(schemas["RayJob"], job) is None


@pytest.mark.parametrize("place", [".", "object-storage"])
def test_the_cluster_as_it_is_applied_is_what_kuberay_describes(
    schemas: Schemas, kustomize: Kustomize, place: str
) -> None:
    built = [content for content in kustomize.built(place) if content["kind"] == "RayCluster"]
    assert [fault_of(schemas["RayCluster"], content) for content in built] == [None]


def test_the_job_as_it_is_applied_with_head_and_workers_is_what_kuberay_describes(
    schemas: Schemas, kustomize: Kustomize
) -> None:
    built = [content for content in kustomize.built("job") if content["kind"] == "RayJob"]
    assert [(fault_of(schemas["RayJob"], each), "rayClusterSpec" in each["spec"]) for each in built] == [(None, True)]


BROKEN_CLUSTER: dict[str, Callable[[Any], object]] = {
    "authOption": lambda d: d["spec"].update(authOption=d["spec"].pop("authOptions")),
    "authOptions.mode": lambda d: d["spec"]["authOptions"].update(mode="password"),
    "authOptions.secret": lambda d: d["spec"]["authOptions"].update(secret="ray-token"),
    "headGroupSpec": lambda d: d["spec"].pop("headGroupSpec"),
    "groupName": lambda d: d["spec"]["workerGroupSpecs"][0].pop("groupName"),
    "maxReplicas": lambda d: d["spec"]["workerGroupSpecs"][0].update(maxReplicas="eight"),
    "num-cpus": lambda d: d["spec"]["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}),
    "upscalingMode": lambda d: d["spec"]["autoscalerOptions"].update(upscalingMode="Fast"),
    "containers": lambda d: d["spec"]["headGroupSpec"]["template"]["spec"].pop("containers"),
    "volume": lambda d: d["spec"]["headGroupSpec"]["template"]["spec"]["volumes"][0].update(emptydir={}),
}


@pytest.mark.parametrize("field", BROKEN_CLUSTER)
def test_a_broken_cluster_is_refused(schemas: Schemas, cluster: Content, field: str) -> None:
    assert fault_of(schemas["RayCluster"], changed(cluster, BROKEN_CLUSTER[field])) is not None


BROKEN_JOB: dict[str, Callable[[Any], object]] = {
    "entrypoints": lambda d: d["spec"].update(entrypoints=["rcflab"]),
    "backoffLimit": lambda d: d["spec"].update(backoffLimit="3"),
    "submitterPodTemplate": lambda d: d["spec"]["submitterPodTemplate"]["spec"].pop("containers"),
    "rayClusterSpec": lambda d: d["spec"].update(rayClusterSpec={"rayVersion": "2.60.0"}),
}


@pytest.mark.parametrize("field", BROKEN_JOB)
def test_a_broken_job_is_refused(schemas: Schemas, job: Content, field: str) -> None:
    assert fault_of(schemas["RayJob"], changed(job, BROKEN_JOB[field])) is not None
