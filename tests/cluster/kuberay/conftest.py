"""The manifests of cluster/kuberay as they lie there, and as kustomize makes them."""

import shutil
import sys
from pathlib import Path

import pytest

# Modules of this folder, which is no package: the tests import them by name.
sys.path.insert(0, str(Path(__file__).parent))

from kustomizing import Kustomize
from manifests import Document, read


@pytest.fixture(scope="session")
def kuberay(repository: Path) -> Path:
    """The folder of the manifests."""
    return repository / "cluster" / "kuberay"


@pytest.fixture(scope="session")
def documents(kuberay: Path) -> list[Document]:
    """Every document of Kubernetes that lies there; kustomizations are none."""
    return read(kuberay)


@pytest.fixture(scope="session")
def unpinned(kuberay: Path, tmp_path_factory: pytest.TempPathFactory) -> Kustomize:
    """As a fresh checkout is: nobody has built images yet. Skips where there is no kubectl."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here: kustomizations are not built")
    return Kustomize(kuberay, tmp_path_factory.mktemp("unpinned"))


@pytest.fixture(scope="session")
def kustomize(unpinned: Kustomize, tmp_path_factory: pytest.TempPathFactory) -> Kustomize:
    """With the digests of images."""
    made = Kustomize(unpinned.folder, tmp_path_factory.mktemp("pinned"))
    made.pin()
    return made
