"""File names of an annotation file, of frames and sounds, checked before anything opens them.

name --> safe below a folder? --> there, a file, not empty, not a link that leaves the folder? --> fault or None
"""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one file name."""

    rule: str
    got: str
    wanted: str
    hint: str = ""


def name_fault(name: str, thing: str = "frame") -> Fault | None:
    """Why `name` must not be joined to the folder of the frames (or sounds), by its text alone."""
    shown = repr(name[:80])
    if "\0" in name:
        return Fault("name-character", f"{shown} with a NUL character", "a file name")
    if not name.isprintable() and _CONTROL.search(name):
        return Fault("name-character", f"{shown} with a control character", "a file name on one line")
    if not _encodable(name):
        return Fault("name-character", f"{shown} with half a surrogate pair", "a file name")
    if "\\" in name:
        return Fault("name-character", f"{shown} with a backslash", "a relative path with forward slashes")
    if not name or name.endswith("/"):
        return Fault("name-empty", shown, "the name of a file")
    if len(name) > 1 and name[1] == ":":
        return Fault("name-character", f"{shown} with a drive letter", f"a path relative to the {thing}s folder")
    if name.startswith("/"):
        return Fault("name-absolute", f"the absolute path {shown}", f"a path relative to the {thing}s folder")
    if ".." in name.split("/"):
        return Fault("name-climbs", f"{shown}, which climbs out with '..'", f"a path below the {thing}s folder")
    return None


def _encodable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(slots=True)
class FramesFolder:
    """The folder that holds all frames (or sounds); remembers which of its folders were found to lie inside."""

    root: Path
    thing: str = "frame"
    _inside: dict[str, bool] = field(default_factory=dict[str, bool])
    _real_root: str = ""

    def __post_init__(self) -> None:
        self._real_root = os.path.realpath(self.root)

    def fault(self, name: str) -> Fault | None:
        """Why the file `name`, whose text is safe, cannot be used from disk."""
        path = self.root / name
        try:
            status = path.stat()
        except OSError as error:
            reason = "no such file" if isinstance(error, FileNotFoundError | NotADirectoryError) else error.strerror
            hint = f"Is this the right {self.thing}s folder?"
            return Fault(self._rule("missing"), f"{name!r}: {reason} in {self.root}", f"a {self.thing} on disk", hint)
        if not self._lies_inside(path):
            wanted = f"a file below the {self.thing}s folder"
            return Fault("link-leaves", f"{name!r}, a link that leaves {self.root}", wanted)
        if not stat.S_ISREG(status.st_mode):
            return Fault(self._rule("not-file"), f"{name!r}, which is not a file", self._wanted)
        if status.st_size == 0:
            hint = f"Fetch the {self.thing} again"
            return Fault(self._rule("empty"), f"{name!r}, an empty file", self._wanted, hint)
        return None

    @property
    def _wanted(self) -> str:
        return "an image file" if self.thing == "frame" else f"a {self.thing} file"

    def _rule(self, fault: str) -> str:
        # A sound that is no sound file is damaged, however it is so.
        damaged = self.thing == "sound" and fault != "missing"
        return "sound-damaged" if damaged else f"{self.thing}-{fault}"

    def _lies_inside(self, path: Path) -> bool:
        folder = str(path.parent)
        if folder not in self._inside:
            self._inside[folder] = self._below_root(os.path.realpath(folder))
        if path.is_symlink():
            return self._below_root(os.path.realpath(path))
        return self._inside[folder]

    def _below_root(self, real: str) -> bool:
        return real == self._real_root or real.startswith(self._real_root.rstrip("/") + "/")
