"""One split of a data set, written row by row in the one schema (`rcflab data check` reads the same).

rows of videos --> memory; rows of annotations --> a spool beside the file --close--> <split>/instances.json
frames, sounds --Placer: hard link, else copy--> <split>/JPEGImages, <split>/Audio

Nothing is decoded or encoded again. The folder that holds the split is renamed by its maker when all is whole.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO

FILE, FRAMES, SOUNDS = "instances.json", "JPEGImages", "Audio"
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}
"""Another file system, links of others' files forbidden, too many of one file, none known there."""


class Placer:
    """Puts files where a set keeps them, and counts how."""

    def __init__(self, *, copy: bool = False) -> None:
        """`copy`: never link. Else a file is linked where the file system can, and copied where it cannot."""
        self._copy = copy
        self.linked, self.copied = 0, 0

    def place(self, source: Path, target: Path) -> None:
        """Make `target` the same file as `source`. Raises OSError, also when `target` is there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self._copy:
            try:
                target.hardlink_to(os.path.realpath(source))
                self.linked += 1
                return
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
        with target.open("xb"):  # never over a file that is there
            pass
        shutil.copyfile(source, target)
        self.copied += 1


class SplitWriter:
    """A context: rows are added, `close` makes the annotation file of them."""

    def __init__(self, folder: Path, placer: Placer) -> None:
        """`folder` is that of the split; it is made."""
        folder.mkdir(parents=True)
        self.folder, self._placer = folder, placer
        self._videos: list[str] = []
        self.frames, self.tracks = 0, 0
        self._spool_path = folder / "annotations.tmp"
        self._spool: TextIO = self._spool_path.open("w", encoding="utf-8")

    @property
    def videos(self) -> int:
        """How many were added."""
        return len(self._videos)

    def video(self, row: Mapping[str, object], frames: Iterable[tuple[str, Path]]) -> None:
        """A row of `videos` and its frames: name in the file, file on disk."""
        for name, source in frames:
            self._placer.place(source, self.folder / FRAMES / name)
            self.frames += 1
        self._videos.append(_text(row))

    def sound(self, name: str, source: Path) -> None:
        """The sound of a video under the name that its `audio_file` says."""
        self._placer.place(source, self.folder / SOUNDS / name)

    def track(self, row: Mapping[str, object]) -> None:
        """A row of `annotations`."""
        self._spool.write(("," if self.tracks else "") + _text(row))
        self.tracks += 1

    def close(
        self, info: Mapping[str, object], categories: Iterable[Mapping[str, object]], *, labelled: bool = True
    ) -> None:
        """Write the file; without labels `annotations` is null, as in public validation files."""
        self._spool.close()
        (self.folder / FRAMES).mkdir(exist_ok=True)
        with (self.folder / FILE).open("w", encoding="utf-8") as file:
            file.write(f'{{"info":{_text(info)},"categories":[{",".join(map(_text, categories))}],"videos":[')
            file.write(",\n".join(self._videos))
            file.write('],"annotations":')
            if labelled:
                file.write("[")
                with self._spool_path.open(encoding="utf-8") as spool:
                    shutil.copyfileobj(spool, file, 2**20)
                file.write("]}")
            else:
                file.write("null}")
            file.flush()
            os.fsync(file.fileno())
        self._spool_path.unlink()

    def __enter__(self) -> "SplitWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
