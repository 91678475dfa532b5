"""What a run has to do, from the plan and the ledger.

done -> nothing      missing, failed, running -> a job      finished by other code -> stale: the operator decides
                                                               reuse: evaluate what is missing, train nothing
                                                               retrain: a job from step 0
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rcflab.execute.job import Job, jobs_of
from rcflab.ledger.fold import KeyState
from rcflab.records import CellState, RunPlan


@dataclass(frozen=True, slots=True)
class Work:
    """Trials to run, and trainings on which the operator has to decide."""

    fresh: frozenset[str]
    """eval_keys to run whose training is of this code, or not finished."""
    stale: frozenset[str]
    """train_keys that other code finished."""
    missing: frozenset[str]
    """eval_keys without any evaluation, of stale trainings."""
    labels: tuple[str, ...]
    """The stale trainings for people, as arm/seed."""

    def jobs(self, plan: RunPlan, stale: Literal["reuse", "retrain"]) -> list[Job]:
        """The jobs to run when stale trainings are treated like this."""
        if stale == "reuse":
            return jobs_of(plan, self.fresh) + jobs_of(plan, self.missing, reuse_code=True)
        anew = {cell.eval_key for cell in plan.cells if cell.train_key in self.stale}
        return jobs_of(plan, self.fresh | anew)


def find_work(plan: RunPlan, keys: Mapping[str, KeyState], states: Mapping[str, CellState], code_digest: str) -> Work:
    """Sort the cells of `plan` by what is to be done."""
    stale = {key for key, state in keys.items() if _is_stale(state, code_digest)}
    undone = [cell for cell in plan.cells if states[cell.eval_key] != "done"]
    labels: dict[str, str] = {}
    for cell in plan.cells:
        if cell.train_key in stale:
            labels.setdefault(cell.train_key, f"{cell.arm}/{cell.seed}")
    return Work(
        fresh=frozenset(cell.eval_key for cell in undone if cell.train_key not in stale),
        stale=frozenset(stale),
        missing=frozenset(
            cell.eval_key for cell in undone if cell.train_key in stale and states[cell.eval_key] != "stale"
        ),
        labels=tuple(labels.values()),
    )


def _is_stale(key: KeyState, code_digest: str) -> bool:
    """Finished by other code. An unfinished training of other code is simply begun anew."""
    return key.state == "finished" and key.provenance.get("code_digest") != code_digest
