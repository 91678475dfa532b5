"""Objects as JSON lines: one line a frame, masks as compressed COCO run lengths.

{"frame": 12, "moment_s": 2.0, "mode": "slots", "size": [H, W], "objects": [{"identity", "slot", "category", "score",
 "overridden", "segmentation": {"size", "counts"}}]}
"""

import json
from io import BufferedWriter
from pathlib import Path

from rcf.evaluation.rle import encode
from rcf.video.session import Shown
from rcf.video.sink import temporary


class JsonLines:
    """The sink. A stream that goes on keeps the lines of the frames before it."""

    def __init__(self, path: Path, first: int = 0) -> None:
        self.path, self._first = path, first
        self._file: BufferedWriter | None = None

    def write(self, shown: Shown) -> None:
        """One line."""
        if self._file is None:
            self._file = self._opened()
        self._file.write((json.dumps(line_of(shown), allow_nan=False) + "\n").encode())

    def close(self) -> None:
        """Give the file its name."""
        if self._file is not None:
            self._file.close()
            temporary(self.path).replace(self.path)
            self._file = None

    def _opened(self) -> BufferedWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary(self.path).open("wb")
        if self._first and self.path.exists():
            with self.path.open("rb") as before:
                file.writelines(line for line in before if json.loads(line)["frame"] < self._first)
        return file


def line_of(shown: Shown) -> dict[str, object]:
    """One frame as JSON."""
    masks = encode(shown.masks.numpy())
    return {
        "frame": shown.frame.number,
        "moment_s": round(shown.frame.moment, 6),
        "mode": shown.mode,
        "size": list(shown.masks.shape[1:]),
        "objects": [
            {
                "identity": each.identity,
                "slot": each.slot,
                "category": each.category,
                "score": round(each.score, 6),
                "overridden": each.overridden,
                "segmentation": mask,
            }
            for each, mask in zip(shown.objects, masks, strict=True)
        ],
    }
