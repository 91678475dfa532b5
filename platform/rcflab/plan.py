"""Step 2: which cells the table needs, and how far each of them is.

    spec, configurations, fingerprints --make_plan--> RunPlan(arm x seed)
    RunPlan, ledger states, live leases, code digest --cell_states--> done | running | missing | failed | stale

Pure: it looks at no file and starts nothing.
"""

from collections.abc import Collection, Mapping

from rcflab.errors import InputError, Problem
from rcflab.identity import Fingerprints, digest, eval_key, train_key
from rcflab.ledger.fold import KeyState
from rcflab.load import LoadedExperiment
from rcflab.records import Cell, CellState, Json, RunPlan
from rcflab.schema import batch_of, table_metrics
from rcflab.suggest import nearest


def make_plan(
    loaded: LoadedExperiment,
    fingerprints: Mapping[str, Fingerprints],
    arms: Collection[str] | None = None,
    seeds: int | None = None,
) -> RunPlan:
    """The cells of `loaded`, narrowed to `arms` and to `seeds` seeds.

    Raises InputError for an unknown arm, fewer than one seed, a missing baseline, two arms that are the same, and a
    batch that the workers cannot share equally.
    """
    spec, file = loaded.spec, str(loaded.path)
    problems = _unknown_arms(loaded, arms) + _equal_arms(loaded) + _unequal_shares(loaded)
    if seeds is not None and seeds < 1:
        problems.append(Problem("--seeds", "", str(seeds), "at least 1"))
    for baseline in (spec.baseline, *spec.more_baselines):
        if baseline not in loaded.configs:
            wanted = f"one of the arms {', '.join(loaded.configs)}{nearest(baseline, loaded.configs)}"
            problems.append(Problem(file, "baseline", repr(baseline), wanted))
    chosen = [arm for arm in loaded.configs if arms is None or arm in arms]
    problems += _other_videos(loaded, fingerprints, chosen)
    count = spec.seeds if seeds is None else seeds
    if len(chosen) * count > spec.most_cells:
        got, hint = f"{len(chosen)} arms x {count} seeds", "Narrow it by --arms or --seeds, or raise most_cells"
        problems.append(Problem(file, "seeds", got, f"at most {spec.most_cells} cells (most_cells)", hint))
    if problems:
        raise InputError(problems)
    cells = tuple(
        Cell(
            arm=arm,
            seed=seed,
            config=loaded.configs[arm],
            train_key=train_key(spec.task, loaded.configs[arm], seed, fingerprints[arm]),
            eval_key=eval_key(spec.task, loaded.configs[arm], seed, fingerprints[arm]),
        )
        for arm in chosen
        for seed in range(count)
    )
    return RunPlan(
        spec.name,
        spec.task,
        spec.baseline,
        cells,
        table_metrics(spec),
        _joined(cells),
        spec.more_baselines,
        _family(loaded, fingerprints),
    )


def _unknown_arms(loaded: LoadedExperiment, arms: Collection[str] | None) -> list[Problem]:
    return [
        Problem(
            "--arms", "", repr(arm), f"arms of {loaded.path}: {', '.join(loaded.configs)}{nearest(arm, loaded.configs)}"
        )
        for arm in arms or ()
        if arm not in loaded.configs
    ]


def _equal_arms(loaded: LoadedExperiment) -> list[Problem]:
    """Arms whose whole configuration is that of an earlier arm: a slip, unlike a difference without effect."""
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for arm, config in loaded.configs.items():
        twin = first.setdefault(digest(config), arm)
        if twin != arm:
            got = f"the same configuration as arm {twin!r}"
            problems.append(Problem(str(loaded.path), f"arms.{arm}", got, "arms that differ", "Remove one of the two"))
    return problems


def _other_videos(
    loaded: LoadedExperiment, fingerprints: Mapping[str, Fingerprints], arms: Collection[str]
) -> list[Problem]:
    """Arms that would be scored on other videos than the rest: no table could hold them, however long they train."""
    groups: dict[tuple[str, Json], list[str]] = {}
    for arm in arms:
        frames = loaded.configs[arm]["evaluation"].get("frames")
        groups.setdefault((fingerprints[arm].videos, frames), []).append(arm)
    if len(groups) < 2:
        return []
    file = str(loaded.path)
    got = f"arms that are scored on different videos: {' | '.join(', '.join(names) for names in groups.values())}"
    hint = "Change only the training data between arms, write an experiment for each set of videos, or take --arms"
    return [Problem(file, "arms", got, "the same validation videos for all arms of a table", hint)]


def _family(loaded: LoadedExperiment, fingerprints: Mapping[str, Fingerprints]) -> int:
    """How many different pairs of an arm and a baseline there are, arms known by their trial at the first seed."""
    task = loaded.spec.task
    trials = {arm: eval_key(task, config, 0, fingerprints[arm]) for arm, config in loaded.configs.items()}
    baselines = (loaded.spec.baseline, *loaded.spec.more_baselines)
    pairs = {frozenset((trials[arm], trials[baseline])) for baseline in baselines for arm in trials}
    return sum(len(pair) == 2 for pair in pairs)


def _unequal_shares(loaded: LoadedExperiment) -> list[Problem]:
    """Batches that cannot be divided: the batch of a step is the same for any number of workers, so it must fit."""
    workers = loaded.spec.resources.workers
    odd: dict[tuple[int, int], list[str]] = {}
    for arm, config in loaded.configs.items():
        batch, parts = batch_of(loaded.spec.task, config)
        if batch % (workers * parts):
            odd.setdefault((batch, parts), []).append(arm)
    problems: list[Problem] = []
    for (batch, parts), arms in odd.items():
        fitting = ", ".join(str(count) for count in range(1, batch // parts + 1) if not batch % (count * parts))
        kept = f" in {parts} parts each (training.accumulate)" if parts > 1 else ""
        got = f"{workers} workers{kept} for the {batch} clips of a step (arms {', '.join(arms)})"
        hint = f"Or set training.clips_per_step to a multiple of {workers * parts}, as another experiment"
        problems.append(Problem(str(loaded.path), "resources.workers", got, f"one of {fitting}", hint))
    return problems


def _joined(cells: Collection[Cell]) -> tuple[tuple[str, ...], ...]:
    """Groups of arms with one eval_key: whatever they differ in has no effect."""
    groups: dict[str, list[str]] = {}
    for cell in cells:
        if cell.seed == 0:
            groups.setdefault(cell.eval_key, []).append(cell.arm)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def cell_states(
    plan: RunPlan,
    keys: Mapping[str, KeyState],
    live: Collection[str],
    code_digest: str,
    lost: Collection[str] = (),
) -> dict[str, CellState]:
    """eval_key -> state, from the ledger state of each train_key and the train keys whose lease is `live`.

    `lost` are the eval_keys whose match records are gone: their evaluation is missing.
    """
    return {
        cell.eval_key: _state(
            keys[cell.train_key], cell.eval_key, cell.train_key in live, code_digest, cell.eval_key in lost
        )
        for cell in plan.cells
    }


def _state(key: KeyState, trial: str, live: bool, code_digest: str, lost: bool) -> CellState:
    finished = key.state == "finished" and not lost
    if finished and key.final(trial, code_digest):
        return "done"
    if live:
        return "running"
    if key.state == "failed":
        return "failed"
    return "stale" if finished and key.final(trial) else "missing"
