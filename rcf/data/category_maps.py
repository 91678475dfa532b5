"""Which category of still images is which category of videos.

    "name"                   equal names
    "coco_ytvis2019" ...     category_maps.json: COCO's names -> those of a data set
    "file:PATH"              a JSON object of your own, name -> name
        --match_categories--> {category id of the images: category id of the videos}; objects of others are left out

Names are compared without regard to case, spaces, hyphens and underscores: "tennis racket" is "tennis_racket".
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from rcf.data.annotations import Annotations, Category, Track
from rcf.data.json_file import describe, read_json
from rcf.data.problems import Collector, refuse

BUILT_IN = Path(__file__).with_name("category_maps.json")
_FILE = "file:"


def built_in_maps() -> dict[str, dict[str, str]]:
    """The maps that come with this package."""
    return cast("dict[str, dict[str, dict[str, str]]]", read_json(BUILT_IN))["maps"]


def match_categories(name: str, images: Annotations, videos: Annotations) -> dict[int, int]:
    """Category ids of `images` to those of `videos` under the map `name`.

    Raises rcf.errors.InputError for an unknown map, a file that is no map, a name in it that no data set has, or when
    no category is left.
    """
    theirs, ours = _by_name(images.categories), _by_name(videos.categories)
    if name == "name":
        pairs = {key: key for key in theirs if key in ours}
    elif name.startswith(_FILE):
        pairs = _own_map(Path(name.removeprefix(_FILE)), theirs, ours)
    else:
        pairs = _built_in(name)
    matched = {theirs[source]: ours[target] for source, target in pairs.items() if source in theirs and target in ours}
    if not matched:
        known = ", ".join(category.name for category in videos.categories[:8])
        got = f"no category that {name!r} maps to one of {videos.path}"
        refuse(images.path, "/categories", got, f"at least one of {known}, ...", "Set data.images.category_map")
    return matched


def with_categories_of(images: Annotations, videos: Annotations, matched: Mapping[int, int]) -> Annotations:
    """`images` under the categories of `videos`; objects of other categories are left out."""
    tracks = tuple(
        Track(track.id, track.video_id, matched[track.category_id], track.iscrowd, track.segmentations, track.areas)
        for track in images.tracks
        if track.category_id in matched
    )
    return Annotations(images.path, images.videos, videos.categories, tracks)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " -_")


def _by_name(categories: Iterable[Category]) -> dict[str, int]:
    return {_plain(category.name): category.id for category in categories}


def _built_in(name: str) -> dict[str, str]:
    maps = built_in_maps()
    if name not in maps:
        wanted = f"name, file:PATH or one of {', '.join(maps)}"
        refuse("data.images.category_map", "", repr(name), wanted)
    return {_plain(source): _plain(target) for source, target in maps[name].items()}


def _own_map(path: Path, theirs: Mapping[str, int], ours: Mapping[str, int]) -> dict[str, str]:
    document = read_json(path)
    if not isinstance(document, dict):
        refuse(path, "", describe(document), "an object from category name to category name")
    problems = Collector(str(path))
    pairs: dict[str, str] = {}
    for source, target in document.items():
        if not isinstance(target, str):
            problems.add(f"/{source}", describe(target), "the name of a category of the videos")
            continue
        if _plain(source) not in theirs:
            problems.add(f"/{source}", f"the category {source!r}", "a category of the images")
        if _plain(target) not in ours:
            problems.add(f"/{source}", f"the category {target!r}", "a category of the videos")
        pairs[_plain(source)] = _plain(target)
    problems.raise_if_any()
    return pairs
