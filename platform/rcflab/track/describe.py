"""What a run says about its cell, as pure functions of plan and state.

config --> params        state --> tags, status        event --> metric rows
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from rcflab.differences import leaves
from rcflab.ledger.events import Evaluated, Event, Metrics
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, Json, RunPlan
from rcflab.storage.opening import uri_of
from rcflab.track.results import result_tags
from rcflab.track.tracker import Row, RunStatus

_ENDINGS: Mapping[str, RunStatus] = {"failed": "FAILED", "interrupted": "KILLED", "pruned": "KILLED"}


def cell_params(cell: Cell) -> dict[str, str]:
    """The resolved configuration, flat: dotted names, values as text (JSON where they are no text)."""
    return {_param_name(key): _text(value) for key, value in leaves(cell.config)}


def cell_tags(cell: Cell, state: KeyState, storage: Path) -> dict[str, str]:
    """What made the result (code, versions, machine), where the weights are, and how the last attempt ended."""
    tags = {"rcflab.attempts": str(state.attempts), "rcflab.reason": state.reason, "rcflab.failure": state.failure}
    tags["rcflab.pruned"] = str(state.state == "pruned").lower()
    made_by = dict(state.provenance)
    packages: Mapping[str, Json] = made_by.pop("packages", {})
    tags |= {f"rcflab.{name}": "unknown" if value is None else _text(value) for name, value in made_by.items()}
    tags |= {f"rcflab.package.{name}": str(version) for name, version in packages.items()}
    if state.checkpoint:
        tags["rcflab.checkpoint"] = uri_of(storage, state.checkpoint.path)
        tags["rcflab.checkpoint_sha256"] = state.checkpoint.sha256
    if state.best:
        tags["rcflab.best_checkpoint"] = uri_of(storage, state.best.path)
        tags["rcflab.best_step"] = str(state.best.step)
    final = state.final(cell.eval_key)
    if final:
        tags["rcflab.records"] = final.records
        tags["rcflab.videos_digest"] = final.videos_digest
        tags["rcflab.evaluated_by"] = final.code_digest
    if state.alarms:
        tags["rcflab.alarms"] = str(len(state.alarms))
        tags["rcflab.first_alarm"] = str(state.alarms[0])
    return tags | result_tags(state, cell.eval_key)


def cell_status(cell: Cell, state: KeyState) -> RunStatus:
    """FINISHED only when this cell's own final evaluation is there, not already when its training is."""
    if state.state == "finished" and state.final(cell.eval_key):
        return "FINISHED"
    return _ENDINGS.get(state.state, "RUNNING")


def rows_of(event: Event, eval_key: str) -> list[Row]:
    """The metric rows that `event` brings to the run of `eval_key`."""
    if isinstance(event, Metrics) or (isinstance(event, Evaluated) and event.eval_key == eval_key):
        return [Row(key, event.step, value, event.ts_ms) for key, value in event.values.items()]
    return []


def files_of(cell: Cell, state: KeyState) -> list[tuple[str, str, str]]:
    """Files of the final evaluation: path relative to the storage root, artifact folder, and a mark that tells this
    version of the file from that of an evaluation by other code.
    """
    final = state.final(cell.eval_key)
    if final is None:
        return []
    home = PurePosixPath(final.records).parent
    names = (final.records, *final.artifacts)
    return [(name, _folder_below(PurePosixPath(name), home), f"{final.ts_ms}:{name}") for name in names]


def note(plan: RunPlan) -> str:
    """Markdown that introduces the experiment on MLflow's page."""
    arms = list(dict.fromkeys(cell.arm for cell in plan.cells))
    seeds = sorted({cell.seed for cell in plan.cells})
    listed = "\n".join(f"- `{arm}`{' (baseline)' if arm == plan.baseline else ''}" for arm in arms)
    return (
        f"**{plan.experiment}** compares {len(arms)} arms of the task `{plan.task}` at seeds {seeds}.\n\n{listed}\n\n"
        f"Each child run is one arm at one seed, tagged `rcflab.arm` and `rcflab.seed`. Table metrics: "
        f"{', '.join(f'`{metric}`' for metric in plan.metrics)}.\n"
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _param_name(name: str) -> str:
    """MLflow takes letters, digits and _ - . / only (and blanks, which make filters awkward)."""
    return re.sub(r"[^A-Za-z0-9_./-]", "_", name)


def _folder_below(path: PurePosixPath, home: PurePosixPath) -> str:
    folder = path.parent.relative_to(home) if path.is_relative_to(home) else PurePosixPath()
    return "" if folder == PurePosixPath() else str(folder)
