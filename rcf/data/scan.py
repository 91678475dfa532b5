"""One pass over an annotation file, row by row: memory holds the largest row and small tables, never the file.

    read_parts --rows--> categories --> videos (frames on disk) --> tracks, against the shapes of the videos
                                          all that is wrong --> Collector, each with its JSON pointer

Tables: 16 bytes for each frame and each annotation, about 300 for each video. Where annotations stand before videos or
categories, they are read in a second pass.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from rcf.data.distinct import Distinct
from rcf.data.fields import Row
from rcf.data.frame_files import FramesFolder
from rcf.data.json_file import Elements, Json, describe, read_parts
from rcf.data.json_text import WINDOW, Progress
from rcf.data.problems import Collector
from rcf.data.track_rows import Shape, read_track
from rcf.data.video_rows import read_category, read_video
from rcf.data.videos import Category, Track, Video
from rcf.errors import InputError

_LISTS = ("videos", "categories", "annotations")
_UNLABELLED = "A public validation split has no labels: it cannot be scored"

_Item = TypeVar("_Item", Category, Video)


def stream_videos(path: Path) -> Iterator[tuple[int, Video]]:
    """The sound videos of a file, each with its row; what is wrong with others is not said."""
    scan = AnnotationScan(path, Collector(str(path)))
    for index, item in scan.rows():
        if isinstance(item, Track):
            return
        if isinstance(item, Video):
            yield index, item


class AnnotationScan:
    """One pass over a file: its sound rows, tracks last; all that is wrong goes to `problems`."""

    def __init__(
        self,
        path: Path,
        problems: Collector,
        folder: FramesFolder | None = None,
        *,
        require_tracks: bool = True,
        window: int = WINDOW,
        progress: Progress | None = None,
    ) -> None:
        """With `folder` each listed frame must be a file in it. `window`: bytes of the file read at a time.

        `progress` is called with bytes read and bytes in all.
        """
        self._path, self._problems, self._folder, self._window = path, problems, folder, window
        self._require_tracks, self._progress = require_tracks, progress
        self._seen: set[str] = set()
        self._listed: set[str] = set()
        """Members of the file's object, and those of them that are lists."""
        self._ids: dict[str, dict[int, int]] = {"videos": {}, "categories": {}}
        """Of each list: id -> row. Also rows with faults: one fault should not call all its users unknown."""
        self._shapes: dict[int, Shape | None] = {}
        self._names: dict[str, int] = {}
        self._frames, self._first_frames, self._frame_rows = Distinct(), array("Q"), array("Q")
        self._track_ids, self._track_rows = Distinct(), array("Q")
        self.labelled = True
        """Whether the file has annotations at all; known after the pass."""

    def __iter__(self) -> Iterator[Category | Video | Track]:
        """Each sound row. Raises rcf.errors.InputError as `rows`."""
        return (item for _, item in self.rows())

    def rows(self) -> Iterator[tuple[int, Category | Video | Track]]:
        """Each sound row, with its place in its list.

        Raises rcf.errors.InputError, what was found before behind it, where the file is no whole JSON object.
        """
        try:
            yield from self._rows()
        except InputError as error:
            raise InputError([*error.problems, *self._problems.listed()]) from error

    def _rows(self) -> Iterator[tuple[int, Category | Video | Track]]:
        postponed = False
        for key, values in read_parts(self._path, self._problems, self._window, self._progress):
            self._seen.add(key)
            if not isinstance(values, Elements):
                self._note_no_list(key, values)
                continue
            self._listed.add(key)
            if key == "annotations":
                # Tracks can be checked only against videos and categories: if need be in a second pass.
                postponed = not {"videos", "categories"} <= self._seen
                if not postponed:
                    yield from self._tracks(values)
            else:
                yield from self._other_list(key, values)
        if postponed:
            yield from self._postponed_tracks()
        self._note_missing()
        self._note_repeated()

    def _other_list(self, key: str, values: Elements) -> Iterator[tuple[int, Category | Video]]:
        if key == "categories":
            yield from self._categories(values)
        elif key == "videos":
            yield from self._videos(values)
        else:
            for _ in values:  # what it holds is not ours, but it must be strict JSON
                pass

    def _postponed_tracks(self) -> Iterator[tuple[int, Track]]:
        quiet = Collector(str(self._path))  # all but the tracks was noted in the first pass
        for key, values in read_parts(self._path, quiet, self._window, self._progress):
            if key == "annotations" and isinstance(values, Elements):
                values.problems = self._problems
                yield from self._tracks(values)
                return

    def _note_no_list(self, key: str, value: Json) -> None:
        if key == "annotations" and value is None:
            self.labelled = False
            if self._require_tracks:
                self._problems.add("/annotations", "null", "a list", _UNLABELLED, "annotations-null")
        elif key in _LISTS:
            self._problems.add(f"/{key}", describe(value), "a list", rule=f"{key}-missing")

    def _note_missing(self) -> None:
        self.labelled = self.labelled and "annotations" in self._seen
        for key in _LISTS:
            if key not in self._seen and (key != "annotations" or self._require_tracks):
                self._problems.add(f"/{key}", "nothing", "a list", rule=f"{key}-missing")

    def _categories(self, values: Elements) -> Iterator[tuple[int, Category]]:
        for index, category in self._distinct(values, "categories", read_category, "category-id-twice"):
            first = self._names.setdefault(category.name, index)
            if first != index:
                place, wanted = f"/categories/{index}/name", f"a name of its own, not that of /categories/{first}"
                self._problems.add(place, repr(category.name[:80]), wanted, rule="category-name-twice")
            yield index, category

    def _videos(self, values: Elements) -> Iterator[tuple[int, Video]]:
        for index, video in self._distinct(
            values, "videos", lambda row: read_video(row, self._folder), "video-id-twice"
        ):
            self._shapes[video.id] = Shape(video.height, video.width, video.length)
            self._first_frames.append(len(self._frames))
            self._frame_rows.append(index)
            for name in video.file_names:
                self._frames.add(name)
            yield index, video
        for number in self._ids["videos"]:
            self._shapes.setdefault(number, None)

    def _distinct(
        self, values: Elements, key: str, read: Callable[[Row], _Item | None], rule: str
    ) -> Iterator[tuple[int, _Item]]:
        """The readable rows with an id of their own; a second use of an id is noted."""
        first = self._ids[key]
        for index, row, strict in self._objects(values, key):
            item = read(row) if strict else None
            number = row.values.get("id")
            if isinstance(number, int) and number in first:
                row.fault("id", f"an id of its own, not that of /{key}/{first[number]}", rule=rule)
            elif isinstance(number, int):
                first[number] = index
                if item is not None:
                    yield index, item
            elif isinstance(number, float) and number.is_integer():
                first.setdefault(int(number), index)  # 1.0 is refused, and those who mean it by 1 are not

    def _tracks(self, values: Elements) -> Iterator[tuple[int, Track]]:
        # Where a whole list is missing, that is the fault: not each id that would be in it.
        shapes = self._shapes if "videos" in self._listed else _AllKnown()
        categories = self._ids["categories"] if "categories" in self._listed else _AllKnown()
        for index, row, strict in self._objects(values, "annotations"):
            track = read_track(row, shapes, categories) if strict else None
            number = row.values.get("id")
            if isinstance(number, int) and abs(number) < 2**63:
                self._track_ids.add(number)
                self._track_rows.append(index)
            if track is not None:
                yield index, track

    def _objects(self, values: Elements, key: str) -> Iterator[tuple[int, Row, bool]]:
        """The objects of a list, each with whether it is strict JSON; anything else in it is noted and left out."""
        for index, value, strict in values:
            if isinstance(value, dict):
                yield index, Row(self._problems, f"/{key}/{index}", value), strict
            else:
                self._problems.add(f"/{key}/{index}", describe(value), "an object", rule="row-object")

    def _note_repeated(self) -> None:
        for here, before in self._frames.repeated():
            got, wanted = f"the file of {self._frame(before)} again", "each frame file once"
            self._problems.add(self._frame(here), got, wanted, rule="frame-listed-twice")
        for here, before in self._track_ids.repeated():
            place, first = (f"/annotations/{self._track_rows[number]}" for number in (here, before))
            wanted = f"an id of its own, not that of {first}"
            self._problems.add(f"{place}/id", "an id that is used twice", wanted, rule="annotation-id-twice")

    def _frame(self, number: int) -> str:
        """Pointer of a frame, by its number in all videos that were sound."""
        video = bisect_right(self._first_frames, number) - 1
        return f"/videos/{self._frame_rows[video]}/file_names/{number - self._first_frames[video]}"


class _AllKnown(dict[int, None]):
    """Every id is in it, and nothing is known of it."""

    def __contains__(self, key: object) -> bool:
        return True
