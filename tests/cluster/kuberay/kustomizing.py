"""`kubectl kustomize`, which reaches no cluster, on a copy of the manifests that has the digests of images."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import manifests

IMAGES = ("rcflab-cpu", "rcflab-cuda", "rcflab-mlflow", "postgres", "object-store")
DIGEST = "sha256:" + "5" * 64
_LOCAL = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"


class Kustomize:
    """A copy of cluster/kuberay below `parent`."""

    def __init__(self, manifests_folder: Path, parent: Path) -> None:
        self.folder = parent / "kuberay"
        shutil.copytree(manifests_folder, self.folder, ignore=shutil.ignore_patterns("local"))
        shutil.copytree(manifests_folder.parent / "mlflow", parent / "mlflow", dirs_exist_ok=True)

    def pin(self) -> None:
        """Do as cluster/docker/build.py."""
        (self.folder / "local").mkdir()
        lines = "".join(f"  - {{name: {name}, newName: r.example/{name}, digest: '{DIGEST}'}}\n" for name in IMAGES)
        (self.folder / "local" / "kustomization.yaml").write_text(_LOCAL + lines)

    def run(self, place: str) -> "subprocess.CompletedProcess[str]":
        """Build one folder, with what kustomize says."""
        command = ["kubectl", "kustomize", str(self.folder / place)]
        return subprocess.run(command, text=True, capture_output=True, timeout=120)

    def built(self, place: str) -> list[dict[str, Any]]:
        """The documents that would be applied."""
        done = self.run(place)
        assert done.returncode == 0, done.stderr
        return manifests.parse(done.stdout)
