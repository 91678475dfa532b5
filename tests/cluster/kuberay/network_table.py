"""Who reaches whom: the network policies of cluster/kuberay, asked for every kind of pod and every port that counts.

    documents --pods_of--> name -> End            (labels as the manifests and KubeRay give them)
              --policies_of--> NetworkPolicies --table--> Markdown, `yes` where a connection comes about

Left out are port-forward and probes: they come from the kubelet of the pod's own node, which no policy keeps out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from manifests import Document, of_kind, templates
from network_rules import End, Port, allowed

NAMESPACE = "rcflab"
TARGETS: tuple[tuple[str, str, Port], ...] = (
    ("head 6379", "Ray head", Port(6379)),
    ("head 8265", "Ray head", Port(8265)),
    ("head 10001", "Ray head", Port(10001)),
    ("worker, any port", "another Ray worker", Port(40000)),
    ("MLflow 5000", "MLflow", Port(5000)),
    ("PostgreSQL 5432", "PostgreSQL", Port(5432)),
    ("object store 8333", "object store", Port(8333)),
    ("other pod, any port", "any other pod of the namespace", Port(8000)),
    ("DNS 53", "DNS of the cluster", Port(53, "UDP")),
    ("API server 443", "API server", Port(443)),
    ("metadata of the node", "metadata of the node", Port(80)),
    ("internet 443", "internet", Port(443)),
)
_ONLY_ASKED = ("another Ray worker", "DNS of the cluster", "API server", "metadata of the node")
_NAMES = {
    "ray-head": "Ray head",
    "ray-worker": "Ray worker",
    "ray-submitter": "submitter of a RayJob",
    "mlflow-accounts": "job mlflow-accounts",
    "mlflow": "MLflow",
    "postgres": "PostgreSQL",
    "object-store": "object store",
    "fill": "pod that fills the data",
}


def policies_of(documents: Iterable[Document]) -> list[dict[str, Any]]:
    """All policies, in the namespace that kustomize puts them into."""
    found = [document.content for document in of_kind(documents, "NetworkPolicy")]
    return [{**content, "metadata": {**content["metadata"], "namespace": NAMESPACE}} for content in found]


def pods_of(documents: Iterable[Document]) -> dict[str, End]:
    """The kinds of pod of the manifests, and those around them that somebody could come from."""
    here = {"kubernetes.io/metadata.name": NAMESPACE}
    labels = {_NAMES[each.labels["app.kubernetes.io/name"]]: each.labels for each in templates(documents)}
    ours = {name: labels[name] for name in _NAMES.values()}
    ours |= {"another Ray worker": labels["Ray worker"], "notebook of a person": {"rcflab/role": "person"}}
    ours |= {"any other pod of the namespace": {"app": "other"}}
    pods = {name: End(f"10.1.0.{number}", NAMESPACE, ours[name], here) for number, name in enumerate(ours, start=1)}
    return pods | {
        "KubeRay operator": _pod("10.1.1.1", "kuberay-system", {"app.kubernetes.io/component": "kuberay-operator"}),
        "pod of another namespace": _pod("10.1.2.1", "other", {"app.kubernetes.io/name": "mlflow"}),
        "DNS of the cluster": _pod("10.1.3.1", "kube-system", {"k8s-app": "kube-dns"}),
        "API server": End("10.0.0.1"),
        "metadata of the node": End("169.254.169.254"),
        "internet": End("203.0.113.7"),
    }


def table(policies: Iterable[Mapping[str, Any]], pods: Mapping[str, End]) -> str:
    """Rows are who asks, columns who is asked."""
    kept = list(policies)
    head = "| from \\ to | " + " | ".join(title for title, _, _ in TARGETS) + " |"
    rule = "| --- |" + " :---: |" * len(TARGETS)
    rows = [
        f"| {name} | " + " | ".join(_cell(kept, source, pods[target], port) for _, target, port in TARGETS) + " |"
        for name, source in pods.items()
        if name not in _ONLY_ASKED
    ]
    return "\n".join([head, rule, *rows]) + "\n"


def _cell(policies: list[Mapping[str, Any]], source: End, target: End, port: Port) -> str:
    if source.namespace != NAMESPACE and target.namespace != NAMESPACE:
        return ""  # not ours to say
    if source == target:
        return "itself"
    return "yes" if allowed(policies, source, target, port) else "–"


def _pod(address: str, namespace: str, labels: dict[str, str]) -> End:
    return End(address, namespace, labels, {"kubernetes.io/metadata.name": namespace})
