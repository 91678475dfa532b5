"""What a cluster needs of an experiment: its YAML files, and nothing else of the folder that they lie in.

    experiment.yaml --extends, --base, arms: from--> all its files --in their places--> SentFiles   sizes, digests
                                                                                          `--stage--> a folder to send

Data, checkpoints and secrets lie beside experiments; a file that no experiment names stays where it is.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rcflab.arms_elsewhere import arms_elsewhere, file_and_arm
from rcflab.bases import find_base
from rcflab.errors import InputError, Problem
from rcflab.yaml_file import read_layer

MOST_BYTES = 100 * 2**20
"""What Ray's job server takes in one upload."""


@dataclass(frozen=True, slots=True)
class SentFiles:
    """Files by their place below the folder that is sent."""

    files: Mapping[str, Path]
    experiment: str
    """The place of the experiment itself."""
    base: str | None = None
    """That of the file that stands in for the one that it extends."""

    def digests(self) -> dict[str, str]:
        """Of each file's content."""
        return {place: hashlib.sha256(path.read_bytes()).hexdigest() for place, path in self.files.items()}

    def largest(self) -> list[tuple[str, int]]:
        """Places and bytes, the largest first."""
        sizes = [(place, path.stat().st_size) for place, path in self.files.items()]
        return sorted(sizes, key=lambda pair: (-pair[1], pair[0]))

    def stage(self, folder: Path) -> None:
        """Copy all into `folder`."""
        for place, path in self.files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / place)


def sent_files(experiment: Path, base: str | None = None) -> SentFiles:
    """The files of an experiment that `load_experiment` has read without complaint.

    Raises InputError for more than MOST_BYTES, with the largest of them.
    """
    chosen = None if base is None else find_base(experiment, base)
    found = _files_of(experiment, chosen)
    paths = {path.resolve() for path in found}
    top = Path(os.path.commonpath([path.parent for path in paths]))

    def place(path: Path) -> str:
        return path.resolve().relative_to(top).as_posix()

    sent = SentFiles(
        {place(path): path for path in sorted(paths)}, place(experiment), None if chosen is None else place(chosen)
    )
    _refuse_much(sent)
    return sent


def _files_of(experiment: Path, base: Path | None) -> set[Path]:
    """Of experiments that take arms from others, these too."""
    found, waiting = set[Path](), [experiment]
    while waiting:
        path = waiting.pop()
        if path.resolve() in {each.resolve() for each in found}:
            continue
        found.add(path)
        layer = read_layer(path)
        extended = layer.data.get("extends")
        if isinstance(extended, str):
            found.add(path.parent / extended)
        waiting += [file_and_arm(str(source), path.parent)[0] for source in arms_elsewhere(layer).values()]
    return found | ({base} if base is not None else set())


def _refuse_much(sent: SentFiles) -> None:
    largest = sent.largest()
    if sum(size for _, size in largest) <= MOST_BYTES:
        return
    told = ", ".join(f"{place} {size / 2**20:.0f} MiB" for place, size in largest[:5])
    wanted = f"at most {MOST_BYTES // 2**20} MiB"
    raise InputError([Problem(sent.experiment, "", f"files to send: {told}", wanted, "Keep data on the cluster")])
