"""The timeline of a clip (rcf/timeline.py) as a PNG file, drawn at the end.

Shown of each frame --slot, identity, category--> Timeline --close--> PNG
"""

from pathlib import Path

from rcf.pictures import save_png
from rcf.timeline import Timeline
from rcf.video.session import Shown
from rcf.video.sink import refuse_existing


class TimelineFile:
    """The sink. A stream that goes on begins another picture."""

    def __init__(self, path: Path, first: int = 0) -> None:
        """Raises rcf.errors.InputError where a stream that goes on would overwrite the picture before it."""
        refuse_existing(path, first, "a timeline")
        self.path, self._timeline, self._mode = path, Timeline(), ""

    def write(self, shown: Shown) -> None:
        """One frame. Of an object that is shown as several categories, the best is noted."""
        best = {each.slot: each for each in sorted(shown.objects, key=lambda each: each.score)}
        fired = [(slot, each.identity, each.category) for slot, each in sorted(best.items())]
        self._timeline.add(shown.frame.number, fired)
        self._mode = shown.mode

    def close(self) -> None:
        """Draw it, once."""
        if self._mode:
            save_png(self._timeline.draw(f"which slot fired when, as which object (mode {self._mode})"), self.path)
            self._mode = ""
