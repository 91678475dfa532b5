"""Step 5: the results of a plan, all of them or none.

    RunPlan + ledger states --collect--> ResultSet
                missing | running | failed | doubled | stale --> IncompleteError that names each cell

A table never averages what happens to be there. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rcflab.errors import IncompleteError
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, CellResult, RunPlan


@dataclass(frozen=True, slots=True)
class ResultSet:
    """One result for each cell of the plan, in its order."""

    plan: RunPlan
    results: tuple[CellResult, ...]
    reused: tuple[CellResult, ...]
    """Those made by other code than the present one."""


def collect(plan: RunPlan, keys: Mapping[str, KeyState], code_digest: str, *, reuse_stale: bool = False) -> ResultSet:
    """The final evaluation of every cell of `plan`, from the ledger state of each train_key.

    `reuse_stale` accepts cells that other code finished. Raises IncompleteError naming every cell that is missing,
    failed, doubled or (otherwise) stale.
    """
    faults = _doubled(plan.cells)
    results: list[CellResult] = []
    for cell in plan.cells:
        found = _result(cell, keys[cell.train_key], code_digest, reuse_stale)
        if isinstance(found, str):
            faults.append(f"{cell_name(cell)}: {found}")
        else:
            results.append(found)
    if faults:
        raise IncompleteError("\n".join([f"the table of {plan.experiment} is not complete:", *faults]))
    reused = tuple(result for result in results if result.code_digest != code_digest)
    return ResultSet(plan, tuple(results), reused)


def cell_name(cell: Cell) -> str:
    """How messages name a cell."""
    return f"arm {cell.arm!r}, seed {cell.seed} (trial {cell.eval_key})"


def _doubled(cells: Sequence[Cell]) -> list[str]:
    places = [(cell.arm, cell.seed) for cell in cells]
    return [
        f"{cell_name(cell)}: doubled, the plan has arm and seed twice"
        for index, cell in enumerate(cells)
        if (cell.arm, cell.seed) in places[:index]
    ]


def _result(cell: Cell, key: KeyState, code_digest: str, reuse_stale: bool) -> CellResult | str:
    """The cell's result, or why there is none."""
    if key.state == "failed":
        return f"failed: {key.reason}"
    final = key.final(cell.eval_key, code_digest) or key.final(cell.eval_key)
    if key.state != "finished" or final is None:
        return "missing: `rcflab run` trains and evaluates it"
    if final.code_digest != code_digest and not reuse_stale:
        return (
            f"stale: finished by code {final.code_digest[:12]}, present code is {code_digest[:12]}; "
            "take it with --on-stale reuse or train it again with `rcflab run --on-stale retrain`"
        )
    return CellResult(
        cell=cell,
        metrics=final.values,
        code_digest=final.code_digest,
        checkpoint=key.checkpoint.path if key.checkpoint else "",
        checkpoint_sha256=key.checkpoint.sha256 if key.checkpoint else "",
        records=final.records,
        videos_digest=final.videos_digest,
    )
