"""A generated folder that is whole or not there.

out there and complete? --> nothing to do
else: .<out>.<random>.tmp --fill--> + mark --rename--> out
      (a second process that was faster wins; both wrote the same)
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
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        fill(folder)
        write_json(folder / MARK, {"digest": digest, "config": config})
        folder.chmod(0o755)
        _move(folder, out, digest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    """Compact JSON, on disk when this returns."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())


def _complete(out: Path, digest: str) -> bool:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        refuse(out, "", "a file or folder that is no synthetic set", "a new or empty folder", "Name another folder")
    if mark.get("digest") != digest:
        refuse(out, "", "a synthetic set of other settings", "a new or empty folder", "Name another folder")
    return True


def _move(folder: Path, out: Path, digest: str) -> None:
    try:
        folder.replace(out)
    except OSError:
        if not _complete(out, digest):
            raise
