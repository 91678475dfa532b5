"""The best checkpoint on the way, kept beside the newest: for people who want it, never for tables.

    evaluation at step s --better than the best so far?--> checkpoints/best/step-<s>/, without the optimiser's state
                                                       --> BestKept in the ledger --> the older best is deleted
    the last is the best --> BestKept names the last checkpoint, and nothing is kept twice

Tables take the last checkpoint of every cell. A step that was chosen on the validation videos would be scored on the
very videos that chose it, and the more often an arm is evaluated, the luckier it would be.
"""

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rcflab.execute.checkpoints import MANIFEST, Checkpoint, CheckpointStore
from rcflab.ledger.events import BestKept
from rcflab.metrics import METRICS

FOLDER = "best"


class BestCheckpoint:
    """Which checkpoint of one training is the best by `metric`, under the first evaluation of the job that trains."""

    def __init__(self, storage: Path, checkpoints: CheckpointStore, metric: str, drop: Sequence[str]) -> None:
        """`checkpoints` are those of the training, beside which the best one is kept."""
        self._storage, self._metric, self._drop = storage, metric, drop
        self._sign = -1.0 if METRICS[metric].better == "lower" else 1.0
        self._store = checkpoints.beside(FOLDER)
        self.kept: BestKept | None = None
        """The best so far, as the ledger has it."""

    def consider(
        self, saved: Checkpoint, eval_key: str, values: Mapping[str, float], *, last: bool, ts_ms: int
    ) -> BestKept | None:
        """Keep a copy of `saved` if its `values` are the best so far; returns the event to write, then call `tidy`.

        Of equal ones the first stays. Raises StorageError and FencedError like CheckpointStore.commit.
        """
        value = values.get(self._metric)
        if value is None or not self._is_better(eval_key, value):
            return None
        found = saved if last else self._copy(saved, value)
        path = found.folder.relative_to(self._storage).as_posix()
        self.kept = BestKept(ts_ms, saved.step, path, found.sha256, eval_key, self._metric, value)
        return self.kept

    def tidy(self) -> None:
        """Delete what is not the best any more; also what a killed process has left."""
        own = self.kept is not None and Path(self.kept.path).parent.name == FOLDER
        self._store.keep_newest(1 if own else 0)

    def forget(self) -> None:
        """Begin anew: the training does."""
        self.kept = None
        self._store.clear()

    def _is_better(self, eval_key: str, value: float) -> bool:
        """Values of another evaluation cannot be compared: then the newer one counts."""
        known = self.kept
        return known is None or known.eval_key != eval_key or self._sign * value > self._sign * known.value

    def _copy(self, saved: Checkpoint, value: float) -> Checkpoint:
        without = shutil.ignore_patterns(MANIFEST, *self._drop)
        write = partial(shutil.copytree, saved.folder, ignore=without, dirs_exist_ok=True)
        return self._store.commit(saved.step, write, {**saved.meta, self._metric: value})
