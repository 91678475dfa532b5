"""A point of the space as cells: the arm's configuration with the point's values, at the seeds of the search.

resolved configuration + {dotted path: value} --validate--> configuration --keys--> Cell trial-007/1000, /1001 ...

Trials are ordinary cells with ordinary keys: whatever else needs the same training finds it in the ledger.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rcflab.fingerprint import gather
from rcflab.identity import Fingerprints, eval_key, train_key
from rcflab.records import Cell, Json
from rcflab.schema import TASK_CONFIGS
from rcflab.search.config import FIRST_SEED
from rcflab.search.space import Point


def put_values(config: Mapping[str, Json], values: Point) -> dict[str, Json]:
    """A copy of `config` with `values` at their dotted paths, not validated."""
    changed: dict[str, Json] = copy.deepcopy(dict(config))
    for path, value in values.items():
        *around, last = path.split(".")
        inner = changed
        for part in around:
            inner = inner[part]
        inner[last] = copy.deepcopy(value)
    return changed


def value_at(config: Mapping[str, Json], path: str) -> Json:
    """The value of the field `path`."""
    found: Json = config
    for part in path.split("."):
        found = found[part]
    return found


def with_values(task: str, config: Mapping[str, Json], values: Point) -> dict[str, Json]:
    """The resolved configuration `config` with `values`. Raises pydantic.ValidationError."""
    return TASK_CONFIGS[task].model_validate(put_values(config, values)).model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Trials:
    """How the points of one study become cells."""

    task: str
    arm: str
    """Whose configuration the points change."""
    prefix: str
    """What the names of its trials begin with: nothing, or the arm where each has a study of its own."""
    config: Mapping[str, Json]
    seeds: int
    storage: Path

    def name(self, number: int) -> str:
        """What the trial is called in MLflow and in reports."""
        return f"{self.prefix}trial-{number:03d}"

    def cells(self, number: int, point: Point) -> tuple[Cell, ...]:
        """The trainings of trial `number`, one for each seed. Raises InputError for missing files."""
        config = with_values(self.task, self.config, point)
        prints = gather(self.task, {self.arm: config}, self.storage)[self.arm]
        return tuple(self._cell(number, config, FIRST_SEED + seed, prints) for seed in range(self.seeds))

    def _cell(self, number: int, config: Mapping[str, Json], seed: int, prints: Fingerprints) -> Cell:
        keys = train_key(self.task, config, seed, prints), eval_key(self.task, config, seed, prints)
        return Cell(self.name(number), seed, config, *keys)
