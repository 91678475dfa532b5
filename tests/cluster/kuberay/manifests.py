"""Documents of Kubernetes, and the pod templates in them, Ray's among them.

    *.yaml --read--> Document(file, content) --templates--> Template(where, content, kind of Ray pod)

Read with PyYAML, which has the YAML 1.1 of Kubernetes: `on` is true there, and `<<` merges.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Content = dict[str, Any]
_KUSTOMIZE = "kustomize.config.k8s.io/"
_SIMPLE = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    file: str
    content: Content

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.file}: {self.content['kind']} {self.content['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Template:
    """What a kind of pod is made of."""

    where: str
    content: Content
    ray: str | None = None
    """`head` or `worker`: KubeRay makes it and adds its labels."""
    added: tuple[Content, ...] = ()
    """Containers that KubeRay adds, as far as a file of ours says what they are like."""

    @property
    def containers(self) -> list[Content]:
        """All of them, those that run first and those that are added too."""
        spec = self.content["spec"]
        return [*spec.get("initContainers", []), *spec["containers"], *self.added]

    @property
    def labels(self) -> dict[str, str]:
        """As a running pod has them: the operator's own win."""
        given = dict(self.content["metadata"]["labels"])
        if self.ray is not None:
            given |= {"ray.io/node-type": self.ray, "ray.io/is-ray-node": "yes", "ray.io/cluster": "rcflab"}
        return given


def parse(text: str) -> list[Content]:
    """All documents of a text; kustomizations too."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def read(folder: Path) -> list[Document]:
    """All documents below a folder, but for kustomizations, experiments and patches. `local` is of one cluster only."""
    found: list[Document] = []
    for path in sorted(folder.rglob("*.yaml")):
        place = path.relative_to(folder)
        if place.parts[0] == "local":
            continue
        for content in parse(path.read_text()):
            if (
                isinstance(content, dict)
                and "apiVersion" in content
                and not content["apiVersion"].startswith(_KUSTOMIZE)
            ):
                found.append(Document(str(place), content))
    return found


def templates(documents: Iterable[Document]) -> Iterator[Template]:
    """Of all kinds of pod that the documents make."""
    for document in documents:
        kind, spec = document.content["kind"], document.content.get("spec", {})
        if kind == "Pod":
            yield Template(document.name, document.content)
        elif kind in _SIMPLE:
            yield Template(document.name, spec["template"])
        elif kind == "RayCluster":
            yield from _of_ray(document.name, spec)
        elif kind == "RayJob":
            yield Template(f"{document.name}, submitter", spec["submitterPodTemplate"])
            yield from _of_ray(document.name, spec.get("rayClusterSpec"))


def _of_ray(where: str, spec: Content | None) -> Iterator[Template]:
    if spec is None:
        return
    autoscaler: Content = {"name": "autoscaler", "image": "the head's", **spec["autoscalerOptions"]}
    kept = {
        key: value for key, value in autoscaler.items() if key not in ("version", "upscalingMode", "idleTimeoutSeconds")
    }
    yield Template(f"{where}, head", spec["headGroupSpec"]["template"], "head", (kept,))
    for group in spec["workerGroupSpecs"]:
        yield Template(f"{where}, workers {group['groupName']}", group["template"], "worker")


def changed(document: Content, change: Callable[[Any], object]) -> Content:
    """A copy that somebody has broken."""
    copied = copy.deepcopy(document)
    change(copied)
    return copied


def of_kind(documents: Iterable[Document], kind: str) -> list[Document]:
    """In their order."""
    return [document for document in documents if document.content["kind"] == kind]
