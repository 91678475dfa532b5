"""Build and push the images of this project, and tell Kubernetes by which digests they and the others go.

    python cluster/docker/build.py registry.example.org/lab         all three
    python cluster/docker/build.py registry.example.org/lab cuda    one of them; what is known of the others stays

    images.lock --digest of Python--> docker build --> push --digest--> cluster/kuberay/local/kustomization.yaml
                `-- the images that are not ours -----------------------^

Takes half an hour and 30 GB at first, minutes after a change of code; leaves nothing running. RCFLAB_TORCH_CPU_INDEX
is the address of PyTorch's index of CPU builds, for `cpu`. DOCKER names another client, say podman. PIP_INDEX_URL is
handed on where it is set. Exit code 2 with one line where something is missing: then nothing was built.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from lock import LOCK, Image, RefusedError, read, run

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "cluster" / "kuberay" / "local" / "kustomization.yaml"
IMAGES = {"cpu": "ray", "cuda": "ray", "mlflow": "mlflow"}
"""Our images, each with the target of the Dockerfile that it is built by."""
_BASE = "python"
_NOWHERE = "not-built.invalid/rcflab"
"""A name in the domain that never exists."""
_REGISTRY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*")
_OURS = re.compile(r"- \{name: rcflab-(\w+), newName: (\S+), digest: (sha256:[0-9a-f]{64})\}")
_HEAD = """\
# The content of every image. Written by cluster/docker/build.py, for one cluster; not in git. Costs and runs nothing.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
"""


def build_command(image: str, tag: str, python: Image, environment: dict[str, str]) -> list[str]:
    """The arguments of `docker build`. Raises RefusedError where the base image has no digest."""
    passed = {"PYTHON_IMAGE": python.pinned}
    if IMAGES[image] == "ray":
        passed["TORCH_BUILD"] = image
    if image == "cpu" and (index := environment.get("RCFLAB_TORCH_CPU_INDEX")):
        passed["PIP_EXTRA_INDEX_URL"] = index
    if index := environment.get("PIP_INDEX_URL"):
        passed["PIP_INDEX_URL"] = index
    if secret := next((name for name, value in passed.items() if "@" in value.partition("://")[2]), None):
        raise RefusedError(f"{secret} has a name or password in it, which the image would show; wanted a plain address")
    arguments = [part for item in passed.items() for part in ("--build-arg", "=".join(item))]
    dockerfile = str(ROOT / "cluster" / "docker" / "Dockerfile")
    return ["build", "--file", dockerfile, "--target", IMAGES[image], *arguments, "--tag", tag, str(ROOT)]


def component(ours: dict[str, tuple[str, str]], others: dict[str, Image]) -> str:
    """The kustomize component that gives each image its content; `ours`: image -> repository, digest.

    An image that was not built yet gets a name that leads nowhere: without one, a node would take what a public
    registry has under the bare name.
    """
    lines: list[str] = []
    for image in IMAGES:
        name, digest = ours.get(image, (_NOWHERE, ""))
        content = f"digest: {digest}" if digest else "newTag: not-built"
        lines.append(f"  - {{name: rcflab-{image}, newName: {name}, {content}}}")
    for name, other in others.items():
        repository, _, digest = other.pinned.partition("@")
        lines.append(f"  - {{name: {name}, newName: {repository}, digest: {digest}}}")
    return _HEAD + "".join(f"{line}\n" for line in lines)


def pushed_digest(repository: str, inspected: str) -> str:
    """The digest in that repository, from what `docker image inspect` says. Raises RefusedError where there is none."""
    prefix = f"{repository}@"
    for digest in json.loads(inspected):
        if digest.startswith(prefix):
            return str(digest.removeprefix(prefix))
    raise RefusedError(f"{repository}: got {inspected.strip()} after the push; wanted a digest of this repository")


def _docker(*arguments: str, quiet: bool = False) -> str:
    client = os.environ.get("DOCKER", "docker")
    sys.stdout.write(f"+ {client} {' '.join(arguments)}\n")
    sys.stdout.flush()
    try:
        done = subprocess.run([client, *arguments], check=True, text=True, stdout=subprocess.PIPE if quiet else None)
    except FileNotFoundError as error:
        raise RefusedError(f"no {client} here; wanted a client of containers: name one in DOCKER") from error
    except subprocess.CalledProcessError as error:
        raise RefusedError(f"{client} {arguments[0]} ended with {error.returncode}; its message is above") from error
    return done.stdout or ""


def _known() -> dict[str, tuple[str, str]]:
    """What an earlier run has pushed: image -> repository, digest."""
    if not LOCAL.is_file():
        return {}
    return {image: (repository, digest) for image, repository, digest in _OURS.findall(LOCAL.read_text())}


def _asked(arguments: list[str]) -> tuple[str, list[str]]:
    """Registry and images. Raises RefusedError for what is neither."""
    registry, images = (arguments[0] if arguments else ""), arguments[1:] or list(IMAGES)
    if not _REGISTRY.fullmatch(registry):
        raise RefusedError(f"got {registry!r}; wanted a registry and a path, say registry.example.org/lab")
    if unknown := [image for image in images if image not in IMAGES]:
        raise RefusedError(f"got the image {unknown[0]!r}; wanted some of {', '.join(IMAGES)}")
    return registry, images


def main(arguments: list[str]) -> None:
    """Raises RefusedError."""
    registry, images = _asked(arguments)
    locked = read(LOCK)
    for each in locked.values():
        _ = each.pinned  # all that is missing is said before half an hour is spent
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = _known()
    for image in images:
        repository = f"{registry}/rcflab-{image}"
        tag = f"{repository}:{version}"
        _docker(*build_command(image, tag, locked[_BASE], dict(os.environ)))
        _docker("push", tag)
        said = _docker("image", "inspect", "--format", "{{json .RepoDigests}}", tag, quiet=True)
        ours[image] = (repository, pushed_digest(repository, said))
    LOCAL.parent.mkdir(exist_ok=True)
    LOCAL.write_text(component(ours, {name: each for name, each in locked.items() if name != _BASE}))
    missing = [image for image in IMAGES if image not in ours]
    note = f"; still to be built: {', '.join(missing)}" if missing else "; next: kubectl apply -k cluster/kuberay"
    sys.stdout.write(f"wrote {LOCAL.relative_to(ROOT)}{note}\n")


if __name__ == "__main__":
    run(main)
