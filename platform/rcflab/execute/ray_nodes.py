"""What the connected Ray says of its nodes, as values: the only place that reads its state.

ray.nodes, what is free, what leaves --> Node ...
placement groups, by job             --> Snapshot of what waits and who holds the rest (waiting.py)

None of it needs Ray's dashboard, which a cluster may lack. What Ray has no public name for is read from ray._private as
Ray Train itself does; constraints.txt pins the version.
"""

import time
from collections import Counter
from collections.abc import Mapping

import ray
from ray._private import state as ray_state
from ray.util import placement_group_table

from rcflab.execute.job import Halt
from rcflab.execute.room import Amounts, Node
from rcflab.execute.waiting import Asked, Snapshot

_KINDS = ("CPU", "GPU")
_NODE_DEATH_S = 30.0
"""Ray's health checks: five in vain, three seconds apart, and some more for a loaded head."""
_JOB_DIGITS = 8
"""A placement group's id ends with that of the job that made it."""


def living_nodes() -> list[Node]:
    """All nodes that are alive, also those that are about to leave."""
    free, leaving = ray_state.available_resources_per_node(), draining()
    return [
        Node(
            node["NodeManagerAddress"],
            _amounts(node["Resources"]),
            _amounts(free.get(node["NodeID"], {})),
            node["NodeID"] in leaving,
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def living_ids() -> frozenset[str]:
    """The ids of all nodes that are alive."""
    return frozenset(node["NodeID"] for node in ray.nodes() if node["Alive"])


def one_is_gone(before: frozenset[str]) -> bool:
    """Whether one of the nodes `before` has died, for which Ray is given the time that it takes to find out.

    Nothing is lost by it: as long as Ray believes that a node lives, it would put the next group of workers there.
    """
    limit = time.monotonic() + _NODE_DEATH_S
    while before <= living_ids():
        if time.monotonic() > limit:
            return False
        time.sleep(1)
    return True


def draining() -> Mapping[str, int]:
    """Nodes that have been announced to go, by their id: when, in milliseconds since 1970; 0 where nobody says."""
    return ray_state.state.get_draining_nodes()


def leaving_here() -> Halt | None:
    """Whether the machine of this process has been announced to go."""
    return leaving(ray.get_runtime_context().get_node_id())


def leaving(node_id: str) -> Halt | None:
    """The same of another one."""
    found = draining()
    return going(found[node_id]) if node_id in found else None


def going(deadline_ms: int | None) -> Halt:
    """What a worker is told whose machine is taken away, at a time in milliseconds since 1970 or nobody knows when."""
    when = f" in {max(0, deadline_ms / 1000 - time.time()):.0f} s" if deadline_ms else ""
    return Halt(f"preempted: its machine will be taken away{when}", "preempted")


def snapshot() -> Snapshot:
    """What waits for room at this moment, and what there is."""
    ours = ray.get_runtime_context().get_job_id()
    asked = [
        Asked(
            tuple(_amounts(each) for each in group["bundles"].values()),
            job if (job := group["placement_group_id"][-_JOB_DIGITS:]) != ours else None,
            group["state"] == "CREATED",
        )
        for group in placement_group_table().values()
        if group["state"] != "REMOVED"
    ]
    gone = Counter(node["NodeManagerAddress"] for node in ray.nodes() if not node["Alive"])
    return Snapshot(tuple(living_nodes()), tuple(gone.elements()), tuple(asked))


def _amounts(found: Mapping[str, float]) -> Amounts:
    return {kind: found[kind] for kind in _KINDS if found.get(kind)}
