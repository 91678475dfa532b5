"""What every test stands on: shapes are checked, one thread, nothing leaves the machine, shared data or a skip."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parents[1]

# Before Ray, MLflow or timm are imported, and for the processes that tests start: no telemetry, log-in or downloads.
os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    RAY_AUTH_MODE="disabled",
    MLFLOW_DISABLE_TELEMETRY="true",
    HF_HUB_OFFLINE="1",
)
# A developer's own tracking server is not for tests.
os.environ.pop("MLFLOW_TRACKING_URI", None)

# rcf.config is left out: pydantic checks it, and beartype refuses its `Self` on a method without its class.
_CHECKED = [f"rcf.{path.stem}" for path in sorted((ROOT / "rcf").iterdir()) if path.stem not in ("__init__", "config")]
if any(module in sys.modules for module in _CHECKED):
    raise RuntimeError("rcf was imported before tests/conftest.py, so its shapes would go unchecked")
install_import_hook(_CHECKED, "beartype.beartype")

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """Two test processes on two cores; and sums in one order, whatever the test before has set."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Iterator[Path]:
    """The folder of the shared video data sets: RCF_SHARED/data.

    Skips where RCF_SHARED is not set. Fails where it is set and wrong: a mistyped path must not turn into a green run.
    """
    named = os.environ.get("RCF_SHARED")
    if not named:
        pytest.skip("RCF_SHARED is not set: no shared data here")
    folder = Path(named) / "data"
    if not folder.is_dir():
        pytest.fail(f"RCF_SHARED={named}: got no folder {folder}, expected the data sets there; unset it to skip")
    yield folder


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of a server that keeps objects in memory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/moto-api/", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        log.close()


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    limit = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None and time.monotonic() < limit, "the S3 of this test does not start"
            time.sleep(0.1)


@pytest.fixture
def store(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """s3://bucket/runs of a fresh bucket, with the environment that opens it."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3  # slow, and needed by few tests

    bucket = f"lab-{uuid.uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/runs"
