"""Where a YouTube-VIS data set keeps what: the releases and the tools around them use several names.

root, split --find_split--> annotation file, frames folder
"""

from pathlib import Path

from rcf.data.problems import refuse

_SAME_SPLIT = {"val": "valid", "valid": "val"}


def find_split(root: Path, split: str) -> tuple[Path, Path]:
    """The annotation file and the frames folder of a split, under any of the names that are in use.

    Annotations: `<split>/instances.json`, `<split>/<split>.json`, `<split>.json`, `instances_<split>_sub.json`, the
    last two also below `annotations/`. Frames: `<split>/JPEGImages` or `JPEGImages`. `val` and `valid` mean the same.
    Raises rcf.errors.InputError naming what is missing.
    """
    if not root.is_dir():
        refuse(root, "", "no such folder", "the folder of a YouTube-VIS data set", "Set data.root")
    names = [split, *([_SAME_SPLIT[split]] if split in _SAME_SPLIT else [])]
    files = [root / name / file for name in names for file in ("instances.json", f"{name}.json")]
    flat = [file for name in names for file in (f"{name}.json", f"instances_{name}_sub.json")]
    files += [root / folder / file for folder in (".", "annotations") for file in flat]
    frames = [root / name / "JPEGImages" for name in names] + [root / "JPEGImages"]
    annotation = next((file for file in files if file.is_file()), None)
    folder = next((path for path in frames if path.is_dir()), None)
    if annotation is None:
        tried = ", ".join(str(file.relative_to(root)) for file in files)
        refuse(root, "", f"no annotation file of split {split!r}", f"one of {tried}")
    if folder is None:
        tried = ", ".join(str(path.relative_to(root)) for path in frames)
        refuse(root, "", f"no frames folder of split {split!r}", f"one of {tried}")
    return annotation, folder
