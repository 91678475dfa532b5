"""Run by the tests of this folder: a Ray cluster whose nodes are processes of this one, on loopback.

cluster_nodes.py FOLDER          one JSON object a line: {"do": "head" | "add" | "kill" | "kill_head", ...} --> answer

    head       {"cpus": 0, "dashboard": false}       answers {"address": "127.0.0.1:1234", "dashboard": ...}
    add        {"name": "node-a", "cpus": 2}         answers {"node_id": ...}
    kill       {"name": "node-a"}                    SIGKILL to its raylet and all that belongs to it
    drain      {"name": "node-a", "seconds": 60}     the notice of a cloud that takes it away
    kill_head  {}                                    SIGKILL to the GCS and the head's raylet

Each node has a host name of its own (sitecustomize.py of `hosts`): on one machine all of them would share one, and what
is asked of a process on another host would never be asked. Each has a cache of its own too.
"""

import json
import os
import socket
import sys
import time
from typing import Any

import ray._private.utils
from ray._raylet import GcsClient
from ray.cluster_utils import Cluster
from ray.core.generated.autoscaler_pb2 import DrainNodeReason

HOST = "RCFLAB_TEST_HOST"
_STORE = 80 * 2**20
_PREEMPTION = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")


class Nodes:
    """One cluster after the other: a head that was killed is followed by a new one."""

    def __init__(self, folder: str) -> None:
        self._folder, self._count = folder, 0
        self._named: dict[str, Any] = {}
        self._cluster = Cluster()

    @property
    def temporary(self) -> str:
        """Ray's folder of this cluster."""
        return f"{self._folder}/{self._count}"

    def head(self, cpus: int = 0, dashboard: bool = False) -> dict[str, Any]:
        """A new head, whose cluster has no other node."""
        self._count += 1
        self._cluster, self._named = Cluster(), {}
        with socket.socket() as free:  # Ray's own choice is the same for all clusters of a machine
            free.bind(("127.0.0.2", 0))
            port = free.getsockname()[1]
        head = self._cluster.add_node(
            num_cpus=cpus, object_store_memory=_STORE, include_dashboard=dashboard, dashboard_host="127.0.0.1",
            dashboard_port=0 if dashboard else None, dashboard_agent_listen_port=port, node_ip_address="127.0.0.2",
            temp_dir=self.temporary, env_vars={HOST: "head"},
        )  # fmt: skip
        return {"address": head.gcs_address, "dashboard": head.webui_url}

    def add(self, name: str, cpus: int) -> dict[str, Any]:
        """One node more."""
        node = self._cluster.add_node(
            num_cpus=cpus, object_store_memory=_STORE, node_ip_address="127.0.0.2",
            env_vars={HOST: name, "RCFLAB_CACHE": f"{self._folder}/caches/{name}"},
        )  # fmt: skip
        self._named[name] = node
        return {"node_id": node.node_id}

    def kill(self, name: str) -> dict[str, Any]:
        """As if its power were cut."""
        self._cluster.remove_node(self._named.pop(name), allow_graceful=False)
        return {}

    def drain(self, name: str, seconds: int) -> dict[str, Any]:
        """Announce that a node will be taken away: what `ray drain-node` does, and a cloud's notice before it."""
        client = GcsClient(address=self._cluster.gcs_address)
        deadline_ms = time.time_ns() // 1_000_000 + 1000 * seconds
        accepted, _ = client.drain_node(self._named[name].node_id, _PREEMPTION, "a test", deadline_ms)
        return {"accepted": accepted}

    def kill_head(self) -> dict[str, Any]:
        """The same of the head: all that the cluster knows is lost."""
        head = self._cluster.head_node
        head.kill_gcs_server()
        head.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        return {}


def main(folder: str) -> None:
    """Serve until the standard input ends."""
    write, nodes = ray._private.utils.write_ray_address, Nodes(folder)
    # Not into the folder of all: `ray.init("auto")` of others is none of ours.
    ray._private.utils.write_ray_address = lambda address: write(address, nodes.temporary)
    os.environ.pop("RAY_ADDRESS", None)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        wish = json.loads(line)
        answer = getattr(nodes, wish.pop("do"))(**wish)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
