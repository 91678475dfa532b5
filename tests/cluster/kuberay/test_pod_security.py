"""Every pod that the manifests make, with the containers that KubeRay adds, against pod_rules; each rule can fail."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from manifests import Document, Template, changed, of_kind, read, templates
from pod_rules import faults

TEMPLATES = list(templates(read(Path(__file__).resolve().parents[3] / "cluster" / "kuberay")))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.where)
def test_a_pod_has_no_more_rights_than_it_needs(template: Template) -> None:
    assert faults(template) == []


def _pod(change: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda content: change(content["spec"])


def _container(change: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda content: change(content["spec"]["containers"][0])


def _env(**variable: Any) -> Callable[[Any], object]:
    return _container(lambda container: container["env"].append(variable))


WEAKER: dict[str, tuple[str, Callable[[Any], object]]] = {
    "runAsNonRoot": ("may be root", _pod(lambda s: s["securityContext"].pop("runAsNonRoot"))),
    "runAsUser": ("has the user 0", _pod(lambda s: s["securityContext"].update(runAsUser=0))),
    "seccomp": ("has no seccomp", _pod(lambda s: s["securityContext"].update(seccompProfile={"type": "Unconfined"}))),
    "token": ("gets a key to the API server", _pod(lambda s: s.pop("automountServiceAccountToken"))),
    "hostNetwork": ("shares with the host: hostNetwork", _pod(lambda s: s.update(hostNetwork=True))),
    "hostPath": ("has the volume x", _pod(lambda s: s["volumes"].append({"name": "x", "hostPath": {"path": "/"}}))),
    "escalation": ("may gain", _container(lambda c: c["securityContext"].update(allowPrivilegeEscalation=True))),
    "privileged": ("is privileged", _container(lambda c: c["securityContext"].update(privileged=True))),
    "root file system": ("may write", _container(lambda c: c["securityContext"].pop("readOnlyRootFilesystem"))),
    "capability": ("has cap", _container(lambda c: c["securityContext"]["capabilities"].update(add=["NET_RAW"]))),
    "root container": ("is root", _container(lambda c: c["securityContext"].update(runAsUser=0))),
    "memory": ("has no limit of memory", _container(lambda c: c["resources"].pop("limits"))),
    "hostPort": ("has a port of", _container(lambda c: c["ports"].append({"containerPort": 1, "hostPort": 1}))),
    "API key": (
        "has a key to the API server",
        _container(
            lambda c: c["volumeMounts"].append(
                {"name": "api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
            )
        ),
    ),
    "password": ("has a secret in plain text: DB_PASSWORD", _env(name="DB_PASSWORD", value="hunter2")),
    "userinfo": ("has a secret in plain text: DB", _env(name="DB", value="postgresql://u:p@h/db")),
    "argument": ("has a secret among", _container(lambda c: c.update(args=["--token=abc"]))),
    "open Ray": ("does not say", _container(lambda c: c["env"][0].update(value="disabled"))),
    "no Ray token": ("has no token by reference", _container(lambda c: c["env"].pop(1))),
    "usage": ("reports its usage", _container(lambda c: c["env"].pop(2))),
}


@pytest.mark.parametrize("what", WEAKER)
def test_a_pod_with_more_rights_is_reported(what: str) -> None:
    said, change = WEAKER[what]
    head = next(template for template in TEMPLATES if template.ray == "head")
    found = faults(replace(head, content=changed(head.content, change)))
    assert [fault for fault in found if said in fault] != []


def test_a_container_that_kuberay_adds_is_looked_at_too() -> None:
    head = next(template for template in TEMPLATES if template.ray == "head")
    added = changed(head.added[0], lambda container: container.pop("securityContext"))
    assert "autoscaler: has capabilities" in faults(replace(head, added=(added,)))


def test_the_key_to_the_api_server_is_the_autoscalers_alone() -> None:
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    holders = [
        (template.where, container["name"])
        for template in TEMPLATES
        for container in template.containers
        if any(mount["mountPath"] == path for mount in container.get("volumeMounts", []))
    ]
    assert holders == [("ray/ray-cluster.yaml: RayCluster rcflab, head", "autoscaler")]


def test_the_namespace_has_the_api_server_enforce_the_standard(documents: list[Document]) -> None:
    labels = of_kind(documents, "Namespace")[0].content["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_secret_lies_among_the_manifests(documents: list[Document]) -> None:
    assert of_kind(documents, "Secret") == []


def test_ray_pods_are_stopped_by_ctrl_c_with_time_for_a_checkpoint() -> None:
    for template in (template for template in TEMPLATES if template.ray is not None):
        variables = {each["name"]: each.get("value") for each in template.content["spec"]["containers"][0]["env"]}
        grace = template.content["spec"]["terminationGracePeriodSeconds"]
        assert variables["RAY_JOB_STOP_SIGNAL"] == "SIGINT"
        assert 60 <= int(variables["RAY_JOB_STOP_WAIT_TIME_S"]) < grace


def test_nothing_is_reached_from_outside_the_cluster_without_a_port_forward(documents: list[Document]) -> None:
    kinds = {document.content["kind"] for document in documents}
    services = [document.content["spec"].get("type", "ClusterIP") for document in of_kind(documents, "Service")]
    ray = of_kind(documents, "RayCluster")[0].content["spec"]["headGroupSpec"]
    assert (kinds & {"Ingress", "Gateway", "HTTPRoute"}, set(services)) == (set(), {"ClusterIP"})
    assert (ray["serviceType"], ray["enableIngress"]) == ("ClusterIP", False)


def test_the_head_runs_no_trials(documents: list[Document]) -> None:
    assert of_kind(documents, "RayCluster")[0].content["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_mlflow_names_the_hosts_that_it_answers_to(documents: list[Document]) -> None:
    arguments = of_kind(documents, "Deployment")[0].content["spec"]["template"]["spec"]["containers"][0]["args"]
    hosts = next(each for each in arguments if each.startswith("--allowed-hosts=")).partition("=")[2].split(",")
    assert ("mlflow.rcflab.svc.cluster.local:5000" in hosts, any("*" in host for host in hosts)) == (True, False)


def test_mlflow_shows_a_user_nothing_that_is_not_his(kuberay: Path) -> None:
    assert (
        "default_permission = NO_PERMISSIONS" in (kuberay.parent / "mlflow" / "basic_auth.ini").read_text().splitlines()
    )


@pytest.mark.parametrize("flag", ["-ip.bind=127.0.0.1", "-s3.iam=false", "-master.telemetry=false"])
def test_the_object_store_opens_nothing_but_s3(documents: list[Document], flag: str) -> None:
    store = next(
        each for each in of_kind(documents, "StatefulSet") if each.content["metadata"]["name"] == "object-store"
    )
    assert flag in store.content["spec"]["template"]["spec"]["containers"][0]["args"]
