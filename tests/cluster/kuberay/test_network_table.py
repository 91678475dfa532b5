"""The table of connections in cluster/kuberay/README.md is the one that the policies make, and says what it should."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from manifests import Document
from network_rules import End, Port, allowed
from network_table import pods_of, policies_of, table

RAY = {"Ray worker", "another Ray worker"}
BEGIN, FINISH = "<!-- connections: begin -->\n", "<!-- connections: end -->"


@pytest.fixture(scope="module")
def policies(documents: list[Document]) -> list[dict[str, Any]]:
    return policies_of(documents)


@pytest.fixture(scope="module")
def pods(documents: list[Document]) -> dict[str, End]:
    return pods_of(documents)


def askers(policies: list[dict[str, Any]], pods: Mapping[str, End], target: str, port: int) -> set[str]:
    """Who gets through to a port of another."""
    return {
        name for name, source in pods.items() if name != target and allowed(policies, source, pods[target], Port(port))
    }


def test_the_table_of_the_page_is_computed_from_the_policies(
    kuberay: Path, policies: list[dict[str, Any]], pods: dict[str, End]
) -> None:
    written = (kuberay / "README.md").read_text().partition(BEGIN)[2].partition(FINISH)[0]
    assert written == table(policies, pods)


@pytest.mark.parametrize("port", [6379, 10001])
def test_the_ports_that_run_anything_are_rays_own(
    policies: list[dict[str, Any]], pods: dict[str, End], port: int
) -> None:
    assert askers(policies, pods, "Ray head", port) == RAY


def test_jobs_are_submitted_by_submitters_and_watched_by_the_operator(
    policies: list[dict[str, Any]], pods: dict[str, End]
) -> None:
    assert askers(policies, pods, "Ray head", 8265) == RAY | {"submitter of a RayJob", "KubeRay operator"}


def test_mlflow_is_asked_by_ray_and_by_people(policies: list[dict[str, Any]], pods: dict[str, End]) -> None:
    known = RAY | {"Ray head", "job mlflow-accounts", "notebook of a person"}
    assert askers(policies, pods, "MLflow", 5000) == known


def test_the_database_is_mlflows(policies: list[dict[str, Any]], pods: dict[str, End]) -> None:
    assert askers(policies, pods, "PostgreSQL", 5432) == {"MLflow"}


def test_the_object_store_is_asked_by_ray_and_mlflow(policies: list[dict[str, Any]], pods: dict[str, End]) -> None:
    assert askers(policies, pods, "object store", 8333) == RAY | {"Ray head", "MLflow"}


@pytest.mark.parametrize("port", [9333, 8888, 8080, 18333])
def test_the_ports_of_the_object_store_that_ask_for_no_key_are_shut(
    policies: list[dict[str, Any]], pods: dict[str, End], port: int
) -> None:
    assert askers(policies, pods, "object store", port) == set()


@pytest.mark.parametrize("target", ["internet", "metadata of the node"])
def test_no_pod_of_the_namespace_gets_out(policies: list[dict[str, Any]], pods: dict[str, End], target: str) -> None:
    ours = {name: pod for name, pod in pods.items() if pod.namespace == "rcflab"} | {target: pods[target]}
    assert [port for port in (80, 443, 6443, 22) if askers(policies, ours, target, port)] == []


def test_only_the_head_speaks_with_the_api_server(policies: list[dict[str, Any]], pods: dict[str, End]) -> None:
    ours = {name: pod for name, pod in pods.items() if pod.namespace == "rcflab"} | {"API server": pods["API server"]}
    assert askers(policies, ours, "API server", 443) == {"Ray head"}


def test_every_pod_finds_names(policies: list[dict[str, Any]], pods: dict[str, End]) -> None:
    dns, port = pods["DNS of the cluster"], Port(53, "UDP")
    assert {name for name, pod in pods.items() if not allowed(policies, pod, dns, port)} == set()


@pytest.mark.parametrize(
    "name", ["everyone-nothing", "ray-pods", "ray-head-jobs", "mlflow", "postgres", "everyone-dns"]
)
def test_without_one_of_the_policies_the_table_is_another(
    policies: list[dict[str, Any]], pods: dict[str, End], name: str
) -> None:
    fewer = [policy for policy in policies if policy["metadata"]["name"] != name]
    assert (len(fewer), table(fewer, pods) == table(policies, pods)) == (len(policies) - 1, False)
