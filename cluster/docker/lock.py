"""images.lock: which images are built on or run beside ours, and at which content.

    images.lock --read--> Image(name, reference, digest) --pinned--> reference@sha256:...
                                                `-- no digest: refused, for whoever wants to build or run it

A reference is a registry, a repository and a tag; a digest is the sha256 of the manifest that the tag pointed to.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("images.lock")
_REFERENCE = re.compile(r"(?P<registry>[a-z0-9.-]+(?::\d+)?)/(?P<repository>[a-z0-9._/-]+):(?P<tag>[A-Za-z0-9._-]+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NONE = "-"
_MOVING = ("latest", "main", "master", "nightly", "edge")


class RefusedError(Exception):
    """Something that a person has to change; its text says what came, what was wanted and what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """A line of the lock."""

    name: str
    registry: str
    repository: str
    tag: str
    digest: str | None

    @property
    def reference(self) -> str:
        """With the tag, which says to a person what it is."""
        return f"{self.registry}/{self.repository}:{self.tag}"

    @property
    def repository_path(self) -> str:
        """Without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def pinned(self) -> str:
        """The content. Raises RefusedError where no registry has been asked for it."""
        if self.digest is None:
            raise RefusedError(f"{self.name} ({self.reference}) has no digest; run: python cluster/docker/pin.py")
        return f"{self.repository_path}@{self.digest}"


def read(path: Path = LOCK) -> dict[str, Image]:
    """All lines, by name. Raises RefusedError for what is no line of a lock."""
    images: dict[str, Image] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            image = _parsed(line, f"{path.name}:{number}")
            if image.name in images:
                raise RefusedError(f"{path.name}:{number}: got {image.name} twice; wanted one line for each image")
            images[image.name] = image
    return images


def write_digests(digests: dict[str, str], path: Path = LOCK) -> None:
    """Put digests into the lines of their names; all else stays as it is, comments and columns too."""
    lines = path.read_text().splitlines(keepends=True)
    for index, line in enumerate(lines):
        name = line.split()[0] if line.strip() and not line.startswith("#") else None
        if name in digests:
            lines[index] = f"{line[: line.rindex(line.split()[-1])]}{digests[name]}\n"
    path.write_text("".join(lines))


def run(main: Callable[[list[str]], None]) -> None:
    """The end of a command: 0, or 2 with one line that says what is wrong."""
    try:
        main(sys.argv[1:])
    except RefusedError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


def _parsed(line: str, place: str) -> Image:
    fields = line.split()
    found = _REFERENCE.fullmatch(fields[1]) if len(fields) == 3 else None
    if found is None:
        raise RefusedError(f"{place}: got {line.strip()!r}; wanted NAME REGISTRY/REPOSITORY:TAG DIGEST, or - as DIGEST")
    name, _, digest = fields
    if found["tag"] in _MOVING:
        raise RefusedError(f"{place}: got the tag {found['tag']} of {name}; wanted one that names a version")
    if digest != _NONE and _DIGEST.fullmatch(digest) is None:
        raise RefusedError(f"{place}: got {digest} for {name}; wanted sha256: and 64 hexadecimal digits, or -")
    return Image(name, found["registry"], found["repository"], found["tag"], None if digest == _NONE else digest)
