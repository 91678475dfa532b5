"""The journal of an experiment's studies: one file, one driver, whole lines only.

experiments/NAME/search/journal.log   <- JournalStorage, an fsynced line an operation
                        journal.lock  held by the driver that searches; the kernel gives it back when it dies

Optuna's own lock files outlive a killed process and hold up the next one, so they are not used: the driver's lock is
enough, since workers never open the journal. A line that a crash cut off is dropped before the file is opened.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from rcflab.errors import InterruptedRunError
from rcflab.ledger.files import LockBusyError, file_lock, storage_errors

JOURNAL = "journal.log"


class _Held(JournalFileOpenLock):
    """The driver holds a lock of its own for as long as it searches."""

    def acquire(self) -> bool:
        """Nobody else writes."""
        return True

    def release(self) -> None:
        """Nothing was taken."""


@contextmanager
def journal_opened(folder: Path) -> Generator[JournalStorage]:
    """The journal in `folder`, for this process alone; the folder is made.

    Raises InterruptedRunError where another process searches there, StorageError.
    """
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock(folder / "journal.lock", 0):
            path = folder / JOURNAL
            with storage_errors(path, "open"):
                _drop_torn_line(path)
                journal = _storage(path)
            yield journal
    except LockBusyError as error:
        raise InterruptedRunError(f"another process runs this search: {error}") from error


def read_journal(folder: Path) -> JournalStorage | None:
    """The journal in `folder` for a look; None where there is none. Writes nothing."""
    return _storage(folder / JOURNAL) if (folder / JOURNAL).exists() else None


def _storage(path: Path) -> JournalStorage:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_Held(str(path))))


def _drop_torn_line(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
