"""The looks of an experiment on disk: <storage>/experiments/NAME/looks.json, oldest first.

A file that cannot be read counts as empty, and is said so: what was seen cannot be found out again.
"""

import json
import logging
import time
from dataclasses import asdict
from pathlib import Path

from rcflab.errors import StorageError
from rcflab.ledger.files import replace_json, storage_errors
from rcflab.looks import Look, is_news
from rcflab.records import RunPlan

logger = logging.getLogger(__name__)


def read_looks(folder: Path) -> tuple[Look, ...]:
    """Those of the experiment in `folder`; none where nobody has looked."""
    path = folder / "looks.json"
    try:
        return tuple(Look(**each) for each in json.loads(path.read_text())["looks"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, LookupError, TypeError) as error:
        logger.warning("event=looks_lost path=%s reason=%s", path, error)
        return ()


def remember_look(folder: Path, plan: RunPlan, planned: int | None) -> None:
    """A table of `plan` is shown now; where that cannot be written down, a warning says so."""
    looks, seeds, trial = read_looks(folder), seeds_of(plan), first_trial(plan)
    if trial is None or not is_news(looks, seeds, trial):
        return
    look = Look(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), seeds, trial, planned)
    try:
        with storage_errors(folder, "create"):
            folder.mkdir(parents=True, exist_ok=True)
        replace_json(folder / "looks.json", {"looks": [asdict(each) for each in (*looks, look)]})
    except StorageError as error:
        logger.warning("event=look_not_kept reason=%s", error)


def seeds_of(plan: RunPlan) -> int:
    """How many seeds the table of `plan` has."""
    return len({cell.seed for cell in plan.cells})


def first_trial(plan: RunPlan) -> str | None:
    """The baseline's trial of the first seed; None where it is not in the plan, so that nothing is compared."""
    return next((cell.eval_key for cell in plan.cells if cell.arm == plan.baseline), None)
