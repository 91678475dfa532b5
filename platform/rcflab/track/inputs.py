"""What went into a cell and what came out, as MLflow's data sets and models. Pure.

configuration + Fingerprints --> DataSet train, validation      (digest: the first 32 digits of the sha256)
KeyState --> CheckpointModel final, best                        (kept where they are: nothing is uploaded)
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from rcflab.identity import Fingerprints
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, Json
from rcflab.storage.opening import uri_of

DIGEST_LENGTH = 32
"""MLflow takes at most 36."""
_MOST_SOURCE = 60_000
_IN_A_CELL = re.compile(r"(?:^|/)cells/([0-9a-f]{16})/checkpoints(?:/|$)")


@dataclass(frozen=True, slots=True)
class DataSet:
    """Data that a cell has read."""

    name: str
    context: Literal["train", "validation"]
    sha256: str
    source: str
    """JSON of the data's configuration: where it lies, or how it is made."""

    @property
    def digest(self) -> str:
        """Short enough for MLflow."""
        return self.sha256[:DIGEST_LENGTH]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that an arm starts from."""

    data: tuple[DataSet, ...] = ()
    parent: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags that name the weights that its trainings start from; empty for random ones."""


@dataclass(frozen=True, slots=True)
class CheckpointModel:
    """A checkpoint on shared storage."""

    train_key: str
    stage: Literal["final", "best"]
    sha256: str
    """Of its manifest."""
    uri: str
    step: int
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """Letters, digits and hyphens only."""
        return f"{self.train_key}-{self.stage}"


def inputs_of(config: Mapping[str, Json], prints: Fingerprints) -> Inputs:
    """What an arm with this resolved configuration reads."""
    data: Mapping[str, Json] = config["data"]
    source = json.dumps(data, sort_keys=True)[:_MOST_SOURCE]
    found = [
        DataSet(_data_name(data, "train"), "train", prints.train_data, source),
        DataSet(_data_name(data, "val"), "validation", prints.val_data, source),
    ]
    return Inputs(tuple(each for each in found if each.sha256), _parent(config, prints))


def _data_name(data: Mapping[str, Json], split: Literal["train", "val"]) -> str:
    """Like `ytvis2019 holdout`, or what makes the data where they lie nowhere."""
    where = PurePosixPath(str(data["root"])).name if data.get("root") else str(data.get("kind", "generated"))
    return f"{where} {data.get(f'{split}_split', split)}"


def _parent(config: Mapping[str, Json], prints: Fingerprints) -> dict[str, str]:
    """What the weights were fine-tuned from: a checkpoint, or those of the backbone."""
    start = config["training"].get("start_from")
    name = start or config["model"].get("backbone", {}).get("weights", "none")
    if name == "none":
        return {}
    tags = {"rcflab.parent": str(name), "rcflab.parent_digest": prints.weights}
    cell = _IN_A_CELL.search(Path(start).as_posix()) if start else None
    return tags if cell is None else tags | {"rcflab.parent_train_key": cell[1]}


def models_of(cell: Cell, state: KeyState, storage: Path, inputs: Inputs) -> list[CheckpointModel]:
    """The checkpoints of a finished training; none before, since they are replaced."""
    if state.state != "finished":
        return []
    shared = {"rcflab.arm": cell.arm, "rcflab.seed": str(cell.seed), **inputs.parent}
    shared |= {"rcflab.code_digest": str(state.provenance.get("code_digest", "unknown"))}
    found: list[CheckpointModel] = []
    if (last := state.checkpoint) is not None:
        uri = uri_of(storage, last.path)
        found.append(CheckpointModel(cell.train_key, "final", last.sha256, uri, last.step, shared))
    if (best := state.best) is not None:
        uri = uri_of(storage, best.path)
        tags = shared | {"rcflab.chosen_by": best.metric, "rcflab.chosen_value": repr(best.value)}
        found.append(CheckpointModel(cell.train_key, "best", best.sha256, uri, best.step, tags))
    return found
