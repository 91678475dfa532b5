"""What every test stands on: shapes are checked, one thread, nothing leaves the machine, shared data or a skip."""

import os
import sys
from collections.abc import Iterator
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
