"""Whether a cluster would train an experiment as this machine would: every reason why not, before anything starts.

Probed of the nodes, Wanted of the experiment --preflight_problems--> Problems, none for a cluster that fits
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rcflab.cluster.ray_probe import Examined, Probed
from rcflab.errors import Problem
from rcflab.execute.batch import Resources
from rcflab.execute.room import Node, room_problems

Fault = TypeVar("Fault", bound=Hashable)
_SHOWN = 12
"""Signs of a digest."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must hold on every node."""

    versions: Mapping[str, str]
    """Of Python and of packages: equal there."""
    code_digest: str
    """Of the sources that this machine has."""
    resources: Resources
    """Of one cell: the cluster must be able to hold it at some time, unless it grows."""


def preflight_problems(probed: Probed, wanted: Wanted) -> list[Problem]:
    """All of them; one for a fault that many nodes share, which are counted."""
    found = probed["nodes"]
    if not found:
        return [Problem("cluster", "nodes", "none", "at least one")]
    return [*_versions(found, wanted), *_code(found, wanted), *_faults(found), *_too_large(probed, wanted)]


def _versions(found: Sequence[Examined], wanted: Wanted) -> list[Problem]:
    hint = "Take an image with the versions of constraints.txt"
    others = _nodes_by(
        (each, (name, there))
        for name, version in wanted.versions.items()
        for each in found
        if not _is_same(name, there := each["versions"].get(name, "nothing"), version)
    )
    return [Problem(nodes, name, there, wanted.versions[name], hint) for (name, there), nodes in others.items()]


def _is_same(name: str, there: str, here: str) -> bool:
    """Patches of Python change no number and no pickle; the builds of torch for CPU and CUDA have one version."""
    if name == "python":
        return there.split(".")[:2] == here.split(".")[:2]
    return there.partition("+")[0] == here.partition("+")[0]


def _code(found: Sequence[Examined], wanted: Wanted) -> list[Problem]:
    hint = "Send ours with --ship-code, or build the image anew"
    others = _nodes_by((each, each["code_digest"]) for each in found if each["code_digest"] != wanted.code_digest)
    return [
        Problem(nodes, "code of rcf and rcflab", (there or "none")[:_SHOWN], wanted.code_digest[:_SHOWN], hint)
        for there, nodes in others.items()
    ]


def _faults(found: Sequence[Examined]) -> list[Problem]:
    told = _nodes_by((each, fault) for each in found for fault in each["faults"].items())
    wanted = "that it can be used from every node"
    return [Problem(nodes, place, fault, wanted) for (place, fault), nodes in told.items()]


def _too_large(probed: Probed, wanted: Wanted) -> list[Problem]:
    if wanted.resources.grows:
        return []
    return room_problems([Node("", there, there) for there in probed["resources"]], wanted.resources)


def _nodes_by(faults: Iterable[tuple[Examined, Fault]]) -> dict[Fault, str]:
    """Each fault once, with the nodes that have it."""
    nodes: dict[Fault, list[str]] = {}
    for each, fault in faults:
        nodes.setdefault(fault, []).append(each["node"])
    return {
        fault: f"node {names[0]}" if len(names) == 1 else f"{len(names)} nodes ({names[0]}, ..)"
        for fault, names in nodes.items()
    }
