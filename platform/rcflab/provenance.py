"""What made a result: sources, versions, commit and machine, gathered without importing any of them.

*.py of rcf, rcflab.execute and the tasks + versions of torch, timm, torchvision --sha256--> code_digest
"""

import hashlib
import platform
import socket
import subprocess
from importlib import metadata, util
from pathlib import Path

from rcflab.records import Provenance

_PACKAGES = ("torch", "timm", "torchvision", "numpy", "scipy", "pycocotools", "ray", "mlflow", "rcflab")
_NUMERIC = ("torch", "timm", "torchvision")


def code_digest() -> str:
    """sha256 in hex over all that decides the numbers of a cell; needs no git and imports nothing heavy."""
    total = hashlib.sha256()
    for name, path in sorted(_sources().items()):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for name, version in _versions(_NUMERIC).items():
        total.update(f"{name}=={version}\n".encode())
    return total.hexdigest()


def gather_provenance() -> Provenance:
    """The provenance of what this process would train."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return Provenance(
        code_digest=code_digest(),
        git_commit=commit,
        git_dirty=None if changes is None else bool(changes),
        packages=_versions(_PACKAGES) | {"python": platform.python_version()},
        host=socket.gethostname(),
        processor=_processor(),
    )


def _sources() -> dict[str, Path]:
    lab = Path(__file__).parent
    spec = util.find_spec("rcf")
    assert spec is not None and spec.submodule_search_locations
    model = Path(spec.submodule_search_locations[0])
    files = [*model.rglob("*.py"), *(lab / "execute").rglob("*.py"), lab / "rcf_task.py", lab / "toy_task.py"]
    roots = {model: "rcf", lab: "rcflab"}
    return {
        f"{name}/{file.relative_to(root).as_posix()}": file
        for file in files
        for root, name in roots.items()
        if file.is_relative_to(root) and file.is_file()
    }


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str | None:
    """What git says of the folder that holds these sources; None without git or outside a work tree."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
