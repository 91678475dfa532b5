"""`ray up`, `ray submit` and `ray down` with cluster/onprem.yaml as it is shipped, on hosts within this machine.

laptop --ssh--> head, --ssh--> worker     their Python sees the packages of the tests, and nothing of the internet
"""

import json
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import HOME, Machine, Machines
from .launcher_files import filled, shipped

pytestmark = pytest.mark.timeout(900)

_FILE = HOME / "onprem.yaml"
_OWN = {
    "10.0.0.10 #": "10.77.0.2 #",
    "10.0.0.11, 10.0.0.12": "10.77.0.3",
    "rcflab # of all hosts": "lab",
    "~/.ssh/rcflab_cluster\n": "~/.ssh/cluster_key\n",
    "/shared/rcflab": "/mnt/shared/rcflab",
}
_EXPERIMENT = """
task: toy
name: {name}
seeds: 2
baseline: still
arms:
  still: {{training.steps: 3}}
  moved: {{training.steps: 3, model.offset: 1.0}}
storage: {{root: /mnt/shared/rcflab/runs}}
tracking: {{uri: none}}
"""
# The environment that setup_commands would make and fill from the internet: its packages are those of this Python.
_PREPARED = """
set -e
{python} -m venv --without-pip ~/rcflab/venv
cd ~/rcflab/venv
echo {packages} > lib/python{version}/site-packages/there.pth
printf '#!%s\\nfrom ray.scripts.scripts import main\\nmain()\\n' "$PWD/bin/python" > bin/ray
chmod +x bin/ray
"""


@dataclass(frozen=True)
class Cluster:
    """What somebody at the laptop has."""

    machines: Machines
    repository: Path

    def ray(self, *arguments: str) -> str:
        """What a command of Ray says, which must succeed."""
        done = self.machines.laptop.run("ray", *arguments, cwd=self.repository, timeout_s=600)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def submit(self, *arguments: str) -> str:
        """`ray submit` of the launcher."""
        return self.ray("submit", str(_FILE), "cluster/launch.py", "--", *arguments)


def wait_until(holds: Callable[[], bool], limit_s: float) -> bool:
    """Whether it held before the time was over."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(2)
    return False


def shell(machine: Machine, text: str) -> str:
    """What bash there says, which must succeed."""
    done = machine.run("bash", "-c", text)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def cluster(machines: Machines, repository: Path) -> Generator[Cluster]:
    """After `ray up`."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = Path(sys.prefix) / "lib" / f"python{version}" / "site-packages"
    for host in (machines.head, machines.worker):
        shell(host, _PREPARED.format(python=sys.executable, packages=packages, version=version))
    (machines.folder / "shared" / "onprem.yaml").write_text(filled(shipped(repository, "onprem.yaml"), _OWN))
    shell(machines.laptop, f"cp /mnt/shared/onprem.yaml {_FILE}; rm /mnt/shared/onprem.yaml")
    shell(machines.laptop, "ray get-auth-token --generate > /dev/null && chmod 600 ~/.ray/auth_token")
    up = Cluster(machines, repository)
    up.ray("up", "-y", str(_FILE))
    status = ". ~/rcflab/environment; ray list nodes --format=json --detail"
    assert wait_until(lambda: len(json.loads(shell(machines.head, status) or "[]")) == 2, 400), shell(
        machines.head, "tail -n 60 /tmp/ray/session_latest/logs/monitor*"
    )
    yield up


def test_the_head_trains_nothing_and_the_worker_all(cluster: Cluster) -> None:
    nodes = json.loads(shell(cluster.machines.head, ". ~/rcflab/environment; ray list nodes --format=json --detail"))
    cpus = {each["node_ip"]: each["resources_total"].get("CPU", 0) for each in nodes}
    assert cpus["10.77.0.2"] == 0 and cpus["10.77.0.3"] > 0


def test_the_token_is_its_users_alone_on_every_host(cluster: Cluster) -> None:
    for host in (cluster.machines.head, cluster.machines.worker):
        assert shell(host, "stat -c %a ~/.ray ~/.ray/auth_token").split() == ["700", "600"]
    token = shell(cluster.machines.laptop, "cat ~/.ray/auth_token").strip()
    assert len(token) > 30
    assert token not in shell(cluster.machines.head, "cat ~/ray_bootstrap_config.yaml ~/rcflab/environment")


def test_the_dashboard_is_on_loopback_and_wants_the_token(cluster: Cluster) -> None:
    listening = shell(cluster.machines.head, "ss -Hltn | awk '{print $4}'").split()
    assert [each for each in listening if each.endswith(":8265")] == ["127.0.0.1:8265"]
    ask = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8265/api/jobs/"
    assert shell(cluster.machines.head, ask) == "401"
    assert shell(cluster.machines.head, f'{ask} -H "Authorization: Bearer $(cat ~/.ray/auth_token)"') == "200"


def test_an_experiment_of_the_laptop_runs_once_and_is_done_after(cluster: Cluster) -> None:
    laptop, shared = cluster.machines.laptop, cluster.machines.folder / "shared"
    (shared / "once.yaml").write_text(_EXPERIMENT.format(name="once"))
    shell(laptop, f"cp /mnt/shared/once.yaml {HOME}")
    packed = shell(
        laptop,
        f"cd {cluster.repository} && PYTHONPATH=$PWD/platform:$PWD python cluster/launch.py --pack {HOME}/once.yaml",
    ).strip()
    first = cluster.submit("--inline", packed)
    assert "| moved | 2 |" in first and "to send: once.yaml" in first
    assert (shared / "rcflab" / "runs" / "experiments" / "once" / "table.md").is_file()
    again = cluster.submit("--inline", packed)
    assert "already done" in again and "to send" not in again
    # The same file on the head is the same experiment.
    assert "already done" in cluster.submit("--experiment", "/mnt/shared/once.yaml")


def test_a_folder_of_experiments_runs_by_ray_job_submit(cluster: Cluster) -> None:
    laptop = cluster.machines.laptop
    (cluster.machines.folder / "shared" / "plain.yaml").write_text(_EXPERIMENT.format(name="plain"))
    tunnel = "ssh -f -N -i ~/.ssh/cluster_key -o StrictHostKeyChecking=no -L 8265:127.0.0.1:8265 lab@10.77.0.2"
    shell(laptop, f"{tunnel} > /dev/null 2>&1; mkdir -p ~/mine && cp /mnt/shared/plain.yaml ~/mine")
    submit = "ray job submit --address http://127.0.0.1:8265 --working-dir ~/mine -- rcflab run plain.yaml"
    refused = laptop.run("bash", "-c", f"RAY_AUTH_MODE=disabled {submit}")
    assert refused.returncode != 0 and "Missing authentication token" in refused.stdout
    assert "| moved | 2 |" in shell(laptop, f"RAY_AUTH_MODE=token {submit}")


def processes(host: Machine, *names: str) -> list[str]:
    """Command lines that hold one of `names`."""
    return [line for line in shell(host, "ps -eo args=").splitlines() if any(name in line for name in names)]


def test_ray_down_ends_ray_on_all_hosts(cluster: Cluster) -> None:
    """The last one: the others need what it ends."""
    cluster.ray("down", "-y", str(_FILE))
    assert processes(cluster.machines.head, "gcs_server", "raylet", "ray::", "dashboard.py", "monitor.py") == []
    # The worker's raylet notices that its head is gone.
    assert wait_until(lambda: not processes(cluster.machines.worker, "raylet/raylet"), 240)
