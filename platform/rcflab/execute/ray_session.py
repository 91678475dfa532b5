"""A Ray for the length of one run: its environment, its start, what it can hold.

RAY_ADDRESS set --> that cluster     not set --> a Ray of our own, without dashboard, closed to others
                        `--> concurrency: cells at a time
"""

import gc
import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import Any
from urllib.parse import urlsplit

from rcflab.errors import InputError, ServiceDownError, first_line
from rcflab.execute.batch import Resources, machine_cpus

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    # An actor that asked for no GPU sees none: cells on the CPU stay there, bit for bit.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    # Ray gives up after 30 s, which a machine that has much else to do may need to start its processes.
    "RAY_raylet_start_wait_time_s": "120",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
KEPT_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(10 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
}
"""glibc gives the memory of each large tensor back to the kernel and fetches it again, zeroed, which costs training on
a CPU some time (benchmarks/memory_allocator.py). Kept instead; ProcessState trims between cells."""
os.environ.update({name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()})

import ray  # noqa: E402  reads the environment above when it is imported
from ray._private import worker as ray_worker  # noqa: E402

from rcflab.execute.ray_nodes import living_nodes  # noqa: E402
from rcflab.execute.ray_private import kept_private  # noqa: E402
from rcflab.execute.room import cells_at_once, room_problems  # noqa: E402

logger = logging.getLogger(__name__)

_OBJECT_STORE_BYTES = 128 * 2**20
_REACH_S = 10.0


@contextmanager
def ray_started(resources: Resources) -> Generator[None]:
    """A Ray for one run: that of RAY_ADDRESS, or a local one for nobody but us, which ends with the block.

    Raises ServiceDownError where it does not start or does not answer.
    """
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False, "configure_logging": False}
    threads = {name: str(resources.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # faults are told from the ledger, once and in our words
    if cluster := os.environ.get("RAY_ADDRESS"):
        address, options = None, {"runtime_env": {"env_vars": threads | _named(cluster)}}
    else:
        os.environ.update(threads | {n: os.environ.get(n, v) for n, v in KEPT_MEMORY.items()})
        address = "local"  # never somebody else's cluster on this machine
        options = {"num_cpus": machine_cpus(), "object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}
    nothing: dict[str, Any] = {}
    with (
        nullcontext(nothing) if address is None else kept_private() as private,
        _connected(address, {**options, **private, **quiet}),
    ):
        yield


def _named(cluster: str) -> dict[str, str]:
    """The cluster's address for its workers: Ray Train's cleaner asks the first Ray that it finds on its machine.

    Where that was another one, the cleaner of a driver that had died never ended, and held 200 MB.
    """
    return {"RAY_ADDRESS": cluster} if ":" in cluster and "://" not in cluster else {}


@contextmanager
def _connected(address: str | None, options: dict[str, Any]) -> Generator[None]:
    # What Ray has to say of a cluster it prints to the standard output, which is the table's: 20 lines for a dead node.
    ray_worker.print_to_stdstream = _not_printed
    try:
        _reach(os.environ.get("RAY_ADDRESS", ""))
        ray.init(address, **options)
    except Exception as error:  # a plain Exception is what Ray raises where its own processes do not come up in time
        _end()
        raise ServiceDownError(_why_not(error)) from error
    try:
        yield
    finally:
        _end()


def _not_printed(data: dict[str, Any], ignore_prefix: bool = False) -> None:
    logger.info("ray says: %s", " ".join(data["lines"]))


def _end() -> None:
    """Shut Ray down, with no handle of it left for another thread to drop meanwhile.

    Tune leaves actor handles in cycles. Where the garbage collector came upon one in the shipper's thread while Ray was
    going down, Ray ended the whole process ("accesses the Ray's worker after it is shutdown. The process will exit").
    """
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        ray.shutdown()
    finally:
        if was_enabled:
            gc.enable()


def concurrency(resources: Resources) -> int:
    """Cells at a time that the connected Ray can hold; with `grows`, as many as are asked for.

    Raises InputError where it cannot hold one.
    """
    if resources.grows and os.environ.get("RAY_ADDRESS"):
        assert resources.max_concurrent is not None, "the schema asks for it"
        return resources.max_concurrent
    nodes = living_nodes()
    if problems := room_problems(nodes, resources):
        raise InputError(problems)
    fitting = cells_at_once(nodes, resources)
    return min(fitting, resources.max_concurrent or fitting)


def _reach(address: str) -> None:
    """Raises OSError where nothing listens at host:port or ray://host:port: Ray itself tries for over ten minutes."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname is not None and parts.port is not None:
        socket.create_connection((parts.hostname, parts.port), timeout=_REACH_S).close()


def _why_not(error: Exception) -> str:
    address = os.environ.get("RAY_ADDRESS")
    said = first_line(error)
    if address:
        return f"Ray at {address} (RAY_ADDRESS) does not answer: {said}. Check the address, or unset it to run here"
    return f"Ray does not start on this machine: {said}. Nothing was trained; run the same command again"
