"""Every manifest of cluster/kuberay against the schemas of Kubernetes, and broken ones against them too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from manifests import Content, Document, changed, read, templates

VERSIONS = ("1.31", "1.37")
"""The oldest one that is promised, and the newest one that the schemas are there for."""
FOLDER = Path(__file__).resolve().parents[3] / "cluster" / "kuberay"
DOCUMENTS = read(FOLDER)
PLAIN = [document for document in DOCUMENTS if not document.content["apiVersion"].startswith("ray.io/")]
TEMPLATES = list(templates(DOCUMENTS))


def validate(content: Content, version: str) -> None:
    """Raises ValidationError, also for a field that Kubernetes does not know."""
    kubernetes_validate.validate(content, version, strict=True)


def as_template(content: Content) -> Content:
    """A pod template as a document of its own; a pod has the same two parts."""
    return {
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": {"name": "x"},
        "template": {"metadata": content["metadata"], "spec": content["spec"]},
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", PLAIN, ids=lambda document: document.name)
def test_a_manifest_is_what_kubernetes_describes(document: Document, version: str) -> None:
    validate(document.content, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.where)
def test_a_pod_template_is_what_kubernetes_describes(template: Any, version: str) -> None:
    validate(as_template(template.content), version)


def test_all_kinds_were_found() -> None:
    kinds = {document.content["kind"] for document in DOCUMENTS}
    assert {"Namespace", "PersistentVolumeClaim", "NetworkPolicy", "StatefulSet", "Deployment", "RayCluster"} <= kinds


def test_the_templates_of_head_workers_and_submitter_were_found() -> None:
    assert {template.where.rpartition(", ")[2] for template in TEMPLATES} >= {"head", "workers gpu", "submitter"}


def _first(kind: str) -> Content:
    return next(document.content for document in PLAIN if document.content["kind"] == kind)


BROKEN: dict[str, tuple[str, Callable[[Any], object]]] = {
    "a field with a wrong letter": ("Deployment", lambda d: d["spec"].update(replica=1)),
    "a number as a text": ("Deployment", lambda d: d["spec"].update(replicas="one")),
    "no selector": ("StatefulSet", lambda d: d["spec"].pop("selector")),
    "no containers": ("Deployment", lambda d: d["spec"]["template"]["spec"].pop("containers")),
    "a security field at the wrong level": (
        "Deployment",
        lambda d: d["spec"]["template"]["spec"]["securityContext"].update(readOnlyRootFilesystem=True),
    ),
    "a policy's peer with an unknown field": (
        "NetworkPolicy",
        lambda d: d["spec"].update(ingress=[{"from": [{"podselector": {}}]}]),
    ),
    "one type in the place of a list": ("NetworkPolicy", lambda d: d["spec"].update(policyTypes="Ingress")),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_manifest_is_refused(fault: str) -> None:
    kind, change = BROKEN[fault]
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(changed(_first(kind), change), VERSIONS[-1])


def test_a_broken_template_of_a_ray_pod_is_refused() -> None:
    head = next(template.content for template in TEMPLATES if template.ray == "head")
    broken = changed(head, lambda content: content["spec"]["containers"][0].update(readinessprobe={}))
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(as_template(broken), VERSIONS[-1])
