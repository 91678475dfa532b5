"""A generated folder that is whole or not there.

out there and complete? --> nothing to do
else: .<out>.<random>.tmp --fill--> + mark --rename--> out
      (a second process that was faster wins; both wrote the same)

new_folder: the same without a mark, for what has no identity before it is written
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from rcf.data.problems import refuse

MARK = "synthetic.json"
"""Says what a complete set was made from; it comes with the rename, so it is never there too early."""


def make_folder(out: Path, digest: str, config: dict[str, object], fill: Callable[[Path], None]) -> None:
    """Let `fill` write what `digest` stands for into `out`; does nothing when the very same is there already.

    `config` is noted in the mark for people. Raises rcf.errors.InputError when `out` holds anything else.
    """
    if _complete(out, digest):
        return

    def write(folder: Path) -> None:
        fill(folder)
        write_json(folder / MARK, {"digest": digest, "config": config})

    _renamed_when_filled(out, write, lambda folder: _move(folder, out, digest))


def new_folder(out: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a folder that becomes `out` when it is whole; when `fill` raises, nothing is left of it.

    Raises rcf.errors.InputError when `out` is there and holds anything.
    """
    if _occupied(out):
        refuse(out, "", "a file or folder that holds something", "a new or empty folder", "Name another folder")
    _renamed_when_filled(out, fill, lambda folder: folder.replace(out))


def _renamed_when_filled(out: Path, fill: Callable[[Path], None], move: Callable[[Path], object]) -> None:
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.absolute().parent))
    try:
        fill(folder)
        folder.chmod(0o755)
        move(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    """Compact JSON, on disk when this returns."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())


def _complete(out: Path, digest: str) -> bool:
    if not _occupied(out):
        return False
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        refuse(out, "", "a file or folder that is no synthetic set", "a new or empty folder", "Name another folder")
    if mark.get("digest") != digest:
        refuse(out, "", "a synthetic set of other settings", "a new or empty folder", "Name another folder")
    return True


def _occupied(out: Path) -> bool:
    return out.exists() and not (out.is_dir() and not any(out.iterdir()))


def _move(folder: Path, out: Path, digest: str) -> None:
    try:
        folder.replace(out)
    except OSError:
        if not _complete(out, digest):
            raise
