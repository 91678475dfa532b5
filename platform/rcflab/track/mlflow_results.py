"""A plan's results out of MLflow alone, as the ledger would tell them.

one search of the experiment + one by tag for each cell of another experiment --> runs --> KeyState of each training
match records: artifacts of the runs --fetch--> files in a folder of ours, once
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rcflab.ledger.files import storage_errors
from rcflab.ledger.fold import KeyState
from rcflab.records import RunPlan
from rcflab.track.mlflow_client import MlflowStore
from rcflab.track.results import key_state

if TYPE_CHECKING:
    from mlflow.entities import Run

_DOWNLOADS_AT_ONCE = 4


class MlflowResults:
    """Reads one store. Every method raises ServiceDownError or TrackingRefusedError as the store answers."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._store = MlflowStore(uri)

    def runs(self, plan: RunPlan) -> dict[str, str]:
        """eval_key -> run id, of the cells that the store has."""
        return {eval_key: run.info.run_id for eval_key, run in self._runs(plan).items()}

    def keys(self, plan: RunPlan, cache: Path | None) -> dict[str, KeyState]:
        """train_key -> its state, empty where the store has none. Match records are fetched into `cache`, if given."""
        runs = self._runs(plan)
        states = {
            train_key: key_state({cell: runs[cell].data.tags for cell in cells if cell in runs})
            for train_key, cells in _trainings(plan).items()
        }
        if cache is None:
            return states
        return self._with_records(states, {key: run.info.run_id for key, run in runs.items()}, cache)

    def _runs(self, plan: RunPlan) -> "dict[str, Run]":
        with self._store.answers():
            experiment = self._store.client.get_experiment_by_name(plan.experiment)
            mine = [] if experiment is None else self._store.search([experiment.experiment_id])
            found = _newest(mine)
            wanted = dict.fromkeys(cell.eval_key for cell in plan.cells)
            for eval_key in wanted:
                if eval_key not in found:
                    found |= _newest(self._store.cells(eval_key))
            return {eval_key: found[eval_key] for eval_key in wanted if eval_key in found}

    def _with_records(
        self, states: Mapping[str, KeyState], runs: Mapping[str, str], cache: Path
    ) -> dict[str, KeyState]:
        """The states with the paths of fetched records; each is fetched once, a few at a time."""
        named = {
            each.eval_key: (runs[each.eval_key], each.records, cache / runs[each.eval_key] / str(each.ts_ms))
            for state in states.values()
            for each in state.evaluations
        }
        with storage_errors(cache, "create"):
            cache.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            paths = dict(zip(named, pool.map(self._fetch, named.values()), strict=True))
        return {
            key: replace(state, evaluations=tuple(replace(e, records=paths[e.eval_key]) for e in state.evaluations))
            for key, state in states.items()
        }

    def _fetch(self, wanted: tuple[str, str, Path]) -> str:
        """Download one artifact unless it is here; a run's file of that evaluation never changes."""
        run_id, name, folder = wanted
        path = folder / name
        if not path.is_file():
            with storage_errors(folder, "create"):
                folder.mkdir(parents=True, exist_ok=True)
            with self._store.answers(for_files=True):
                self._store.client.download_artifacts(run_id, name, str(folder))
        return str(path)


def _trainings(plan: RunPlan) -> dict[str, list[str]]:
    """train_key -> eval_keys of its cells."""
    found: dict[str, list[str]] = {}
    for cell in plan.cells:
        found.setdefault(cell.train_key, []).append(cell.eval_key)
    return found


def _newest(runs: "Iterable[Run]") -> "dict[str, Run]":
    """By eval_key the oldest run of the newest generation, which is where the shipper sends to."""
    found: dict[str, Run] = {}
    for run in runs:  # oldest first
        eval_key = run.data.tags.get("rcflab.eval_key")
        if eval_key is None or run.data.tags.get("rcflab.role") != "cell":
            continue
        rival = found.get(eval_key)
        if rival is None or _generation(run) > _generation(rival):
            found[eval_key] = run
    return found


def _generation(run: "Run") -> int:
    return int(run.data.tags.get("rcflab.generation", "0"))
