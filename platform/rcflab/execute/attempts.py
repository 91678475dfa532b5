"""How often a job may be tried again: decided by the class of its failure, not by a count alone.

    failure --Attempts.lost--> <batch>/losses/<train_key>.json --> another try: a fresh process, the newest checkpoint
                                                              `--> given up: the failure is final

Losses before the newest checkpoint do not count: a long training on machines that come and go is not given up. The
notes are those of one run; the ledger has every attempt and its reason for good.
"""

import json
from dataclasses import asdict, dataclass

from rcflab.execute.batch import Batch
from rcflab.execute.job import JobProgress
from rcflab.ledger.events import Failure
from rcflab.ledger.files import storage_errors
from rcflab.ledger.reader import read_key
from rcflab.storage.opening import mirror_of


@dataclass(frozen=True, slots=True)
class Loss:
    """One attempt that came to nothing."""

    failure: Failure
    reason: str
    step: int
    """Of the newest checkpoint at that time."""
    final: bool
    """No other attempt may follow in this run."""
    attempt: int = 0
    """The number of that attempt, or of one before it where it had not even begun: whoever has it is gone."""


class Attempts:
    """What the job with `key` has lost in this run. Driver and worker write by turns, never at once."""

    def __init__(self, batch: Batch, key: str) -> None:
        self._batch, self._key = batch, key
        self._path = batch.folder / "losses" / f"{key}.json"

    def lost(self, failure: Failure, reason: str) -> Loss:
        """Note that an attempt failed; returns whether it was the last one. Raises StorageError."""
        losses = self.losses()
        mirror_of(self._batch.storage).fetch_ledgers((self._key,))
        state = read_key(self._batch.storage, self._key, series=False)
        step = state.checkpoint.step if state.checkpoint else 0
        tries = 1 + sum(each.step == step and each.failure == failure for each in losses)
        allowed = self._batch.retries[failure]
        final = tries > allowed
        if final and allowed:
            reason = f"{reason} ({tries} times without a new checkpoint; retries.{failure} is {allowed})"
        loss = Loss(failure, reason, step, final, state.attempt.attempt if state.attempt else 0)
        value = {"losses": [asdict(each) for each in (*losses, loss)]}
        self._batch.write(self._path, json.dumps(value, indent=1))
        return loss

    def losses(self) -> list[Loss]:
        """All so far. Raises StorageError."""
        self._batch.look(at_once=True)
        with storage_errors(self._path, "read"):
            text = self._path.read_text() if self._path.exists() else '{"losses": []}'
        return [Loss(**each) for each in json.loads(text)["losses"]]

    @property
    def last(self) -> Loss | None:
        """The last one."""
        losses = self.losses()
        return losses[-1] if losses else None


def goes_on(attempts: Attempts, progress: JobProgress) -> bool:
    """Whether a job is to be started again after its last progress, which is noted if it is a failure.

    One whose machine is taken away has not failed. Where that came too often, the next start writes it down as failed.
    """
    if not progress.failure:
        return False
    loss = attempts.lost(progress.failure, progress.reason)
    return progress.phase == "interrupted" or not loss.final
