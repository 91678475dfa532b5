"""A cell's results as tags of its run, and back: what a table needs beside the match records.

    KeyState --result_tags--> rcflab.state, rcflab.final.<code>     --key_state--> KeyState, without series

Metrics of a run would not do: what MLflow calls the latest value may be of another evaluation than the one that counts.
Numbers are written as the shortest text that gives the same bits. Pure.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import get_args

from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, StateChanged
from rcflab.ledger.fold import KeyFold, KeyState, LedgerState
from rcflab.records import Json

PART = 4_000
"""Characters of a tag: MLflow takes 8,000 at most, and older ones 5,000."""
_STATE, _FINAL, _CHECKPOINT, _SHA256 = (
    "rcflab.state", "rcflab.final.", "rcflab.checkpoint", "rcflab.checkpoint_sha256"
)  # fmt: skip


def result_tags(state: KeyState, eval_key: str) -> dict[str, str]:
    """State and final evaluations of a cell: of each code that made one, the latest."""
    tags = {_STATE: state.state}
    finals = [each for each in state.evaluations if each.final and each.eval_key == eval_key]
    for number, each in enumerate(finals):
        value = {
            "number": number,
            "step": each.step,
            "ts_ms": each.ts_ms,
            "values": dict(each.values),
            "videos_digest": each.videos_digest,
            "records": PurePosixPath(each.records).name,
            "code_digest": each.code_digest,
        }
        tags |= parts(_FINAL + each.code_digest[:12], json.dumps(value, sort_keys=True, separators=(",", ":")))
    return tags


def key_state(runs: Mapping[str, Mapping[str, str]]) -> KeyState:
    """The state of a train_key from the tags of its cells' runs, by eval_key; empty where there is none.

    Records are paths of artifacts of the run. Runs that were brought up to date at another time than the others may
    differ in the number of attempts: the newest speaks for the training.
    """
    empty = KeyFold().state()
    if not runs:
        return empty
    newest = max(runs.values(), key=lambda tags: int(tags.get("rcflab.attempts", "0")))
    evaluations = [found for eval_key, tags in runs.items() for found in _finals(eval_key, tags)]
    state = _state_of(newest.get(_STATE, "started"))
    ended: dict[str, Json] = {"ts_ms": 0, "step": 0, "state": state}
    ended |= {name: newest.get(f"rcflab.{name}", "") for name in ("reason", "failure")}
    return replace(
        empty,
        state=state,
        attempts=int(newest.get("rcflab.attempts", "0")),
        generation=int(newest.get("rcflab.generation", "0")),
        attempt=AttemptStarted(0, 0, 0, _provenance(newest), 0),
        ended=None if state in ("empty", "started") else StateChanged(**ended),
        checkpoint=CheckpointSaved(0, 0, newest[_CHECKPOINT], newest[_SHA256]) if _CHECKPOINT in newest else None,
        evaluations=tuple(evaluations),
    )


def parts(name: str, text: str) -> dict[str, str]:
    """`text` as tags that are short enough: name, name.1, name.2 ..."""
    starts = range(0, max(len(text), 1), PART)
    return {name if not start else f"{name}.{start // PART}": text[start : start + PART] for start in starts}


def joined(name: str, tags: Mapping[str, str]) -> str:
    """The inverse of `parts`; a longer text of before may have left more behind it."""
    texts = [tags.get(name, "")]
    while (more := tags.get(f"{name}.{len(texts)}")) is not None:
        texts.append(more)
    return "".join(texts)


def _finals(eval_key: str, tags: Mapping[str, str]) -> Sequence[Evaluated]:
    found: list[tuple[int, Evaluated]] = []
    for name in _heads(tags):
        value, _ = json.JSONDecoder().raw_decode(joined(name, tags))
        number = value.pop("number")
        found.append((number, Evaluated(eval_key=eval_key, final=True, artifacts=(), **value)))
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _heads(tags: Mapping[str, str]) -> Iterator[str]:
    return (name for name in tags if name.startswith(_FINAL) and "." not in name.removeprefix(_FINAL))


def _state_of(text: str) -> LedgerState:
    known: dict[str, LedgerState] = {state: state for state in get_args(LedgerState)}
    return known.get(text, "started")


def _provenance(tags: Mapping[str, str]) -> dict[str, Json]:
    """What the tags say of the last attempt; texts, since tags are."""
    names = ("code_digest", "git_commit", "git_dirty", "host", "processor", "workers", "gpus")
    found: dict[str, Json] = {name: tags[f"rcflab.{name}"] for name in names if f"rcflab.{name}" in tags}
    head = "rcflab.package."
    found["packages"] = {key.removeprefix(head): value for key, value in tags.items() if key.startswith(head)}
    return found
