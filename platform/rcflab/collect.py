"""Step 5: the results of a plan, all of them or none.

    RunPlan + ledger states --collect--> ResultSet
                missing | running | failed | doubled | stale --> IncompleteError that names each cell
                                                  `--partial--> left out, and named in the table

A table never averages what happens to be there, unless it is asked to and says so. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rcflab.errors import IncompleteError
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, CellResult, LeftOut, RunPlan


@dataclass(frozen=True, slots=True)
class ResultSet:
    """One result for each cell of the plan, in its order, but for those that are left out."""

    plan: RunPlan
    results: tuple[CellResult, ...]
    reused: tuple[CellResult, ...]
    """Those made by other code than the present one."""
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a cell has no result."""

    word: str
    text: str


def collect(
    plan: RunPlan,
    keys: Mapping[str, KeyState],
    code_digest: str,
    *,
    reuse_stale: bool = False,
    partial: bool = False,
    lost: Collection[str] = (),
) -> ResultSet:
    """The final evaluation of every cell of `plan`, from the ledger state of each train_key.

    `reuse_stale` accepts cells that other code finished; `partial` leaves out cells without a result; `lost` are the
    eval_keys whose match records are gone. Raises IncompleteError naming every cell that is missing, failed, doubled
    or (otherwise) stale; with `partial` only where no cell has a result, or one is doubled.
    """
    faults = _doubled(plan.cells)
    results: list[CellResult] = []
    left_out: list[LeftOut] = []
    for cell in plan.cells:
        found = _result(cell, keys[cell.train_key], code_digest, reuse_stale, cell.eval_key in lost)
        if isinstance(found, CellResult):
            results.append(found)
        elif partial:
            left_out.append(LeftOut(cell.arm, cell.seed, found.word))
        else:
            faults.append(f"{cell_name(cell)}: {found.text}")
    if not results and not faults:
        faults = [f"{each.arm}, seed {each.seed}: {each.why}" for each in left_out]
    if faults:
        raise IncompleteError("\n".join([f"the table of {plan.experiment} is not complete:", *faults]))
    reused = tuple(result for result in results if result.code_digest != code_digest)
    return ResultSet(plan, tuple(results), reused, tuple(left_out))


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


def _result(cell: Cell, key: KeyState, code_digest: str, reuse_stale: bool, is_lost: bool) -> CellResult | _Fault:
    """The cell's result, or why there is none."""
    if key.state == "failed":
        return _Fault(f"failed ({key.failure})", f"failed: {key.reason}")
    final = key.final_before_others(cell.eval_key, code_digest)
    if key.state == "pruned":
        return _Fault("pruned", f"pruned: {key.reason}. `rcflab run` trains it to its end")
    if key.state != "finished" or final is None:
        return _Fault("missing", "missing: `rcflab run` trains and evaluates it")
    if is_lost:
        text = f"its match records {final.records} are gone: `rcflab run` evaluates it again and trains nothing"
        return _Fault("match records lost", f"{text}, or set table.resamples to 0")
    if final.code_digest != code_digest and not reuse_stale:
        text = (
            f"stale: finished by code {final.code_digest[:12]}, present code is {code_digest[:12]}; "
            "take it with --on-stale reuse or train it again with `rcflab run --on-stale retrain`"
        )
        return _Fault("stale", text)
    return CellResult(
        cell=cell,
        metrics=final.values,
        code_digest=final.code_digest,
        checkpoint=key.checkpoint.path if key.checkpoint else "",
        checkpoint_sha256=key.checkpoint.sha256 if key.checkpoint else "",
        records=final.records,
        videos_digest=final.videos_digest,
        on_gpu=float(key.provenance.get("gpus", 0)) > 0,
    )
