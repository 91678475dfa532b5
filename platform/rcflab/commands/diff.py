"""`rcflab diff`: what differs between two arms, of one experiment or of two.

YAML[:ARM], YAML[:ARM] --load--> two configurations --> fields with both values
                       --fingerprints--> train_key, eval_key of both, or why they are not known
"""

import json as json_module
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rcflab.arms_elsewhere import file_and_arm
from rcflab.commands.options import AsJson, Base, Set, echo_json
from rcflab.differences import FieldDifference, differing_fields
from rcflab.errors import InputError, Problem
from rcflab.fingerprint import gather
from rcflab.identity import eval_key, train_key
from rcflab.load import LoadedExperiment, load_experiment
from rcflab.records import Json
from rcflab.suggest import nearest

Side = Annotated[str, typer.Argument(metavar="YAML[:ARM]", help="An arm; without a name the baseline.")]
_KEYS = ("train_key", "eval_key")
_MEANING = {
    (True, True): "one and the same trial",
    (True, False): "one training, evaluated in two ways",
    (False, False): "two trainings",
}


@dataclass(frozen=True, slots=True)
class _Arm:
    """One side of the comparison."""

    loaded: LoadedExperiment
    name: str

    @property
    def label(self) -> str:
        source = self.loaded.sources.get(self.name)
        return f"{self.loaded.path.name}:{self.name}{f' (from {source.label})' if source else ''}"

    def keys(self) -> dict[str, str]:
        """Its keys at seed 0. Raises InputError where data or weights cannot be fingerprinted."""
        spec, config = self.loaded.spec, self.loaded.configs[self.name]
        prints = gather(spec.task, {self.name: config}, Path(spec.storage.root))[self.name]
        makers = zip(_KEYS, (train_key, eval_key), strict=True)
        return {name: make(spec.task, config, 0, prints) for name, make in makers}


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two arms and what differs between them."""

    arms: tuple[_Arm, _Arm]
    fields: tuple[FieldDifference, ...]
    keys: Mapping[str, tuple[str, str]]
    """Name -> the key of both; empty where they are not known."""
    reason: str
    """Why the keys are not known."""


def diff_command(first: Side, second: Side, set_: Set = None, base: Base = None, json: AsJson = False) -> None:
    """Show what differs between two arms: fields of their resolved configurations, and keys.

    Each side is a YAML file, for its baseline, or YAML:ARM. `--set` and `--base` go for both. Arms with one train_key
    share a training, arms with one eval_key are one trial. Reads the files and, for the keys, the data; where these are
    not there the configurations are compared all the same. Writes nothing but the memory of file digests.

    Example: rcflab diff experiments/table_5_token_size.yaml:tokens-1 experiments/table_6_queries.yaml --base synth

    Exit codes: 0 ok, 2 bad input.
    """
    one, other = (_arm(text, set_ or [], base) for text in (first, second))
    compared = _compare(one, other)
    if json:
        echo_json(_json(compared))
    else:
        for line in _lines(compared):
            typer.echo(line)


def _arm(text: str, options: list[str], base: str | None) -> _Arm:
    """The arm that `YAML` or `YAML:ARM` means; the file's name may have colons itself."""
    path, name = file_and_arm(text, Path())
    loaded = load_experiment(path, options, base)
    arm = name or loaded.spec.baseline
    if arm not in loaded.configs:
        wanted = f"an arm of {path}: {', '.join(loaded.configs)}{nearest(arm, loaded.configs)}"
        raise InputError([Problem(text, "", repr(arm), wanted)])
    return _Arm(loaded, arm)


def _compare(one: _Arm, other: _Arm) -> _Compared:
    sides = ({"task": arm.loaded.spec.task, **arm.loaded.configs[arm.name]} for arm in (one, other))
    fields = differing_fields(*sides)
    try:
        first, second = one.keys(), other.keys()
    except InputError as error:
        return _Compared((one, other), fields, {}, str(error.problems[0]))
    return _Compared((one, other), fields, {name: (first[name], second[name]) for name in _KEYS}, "")


def _json(compared: _Compared) -> Json:
    arms = [
        {"experiment": arm.loaded.spec.name, "file": str(arm.loaded.path), "arm": arm.name} for arm in compared.arms
    ]
    fields: list[dict[str, Json]] = []
    for field in compared.fields:
        sides = zip(("first", "second"), field.sides, strict=True)
        fields.append({"path": field.path, **{side: values[0] for side, values in sides if values}})
    keys = {
        name: {"first": first, "second": second, "same": first == second}
        for name, (first, second) in compared.keys.items()
    }
    return {"arms": arms, "fields": fields, "keys": keys or None, "keys_unknown": compared.reason or None}


def _lines(compared: _Compared) -> Iterator[str]:
    yield " -> ".join(arm.label for arm in compared.arms)
    for field in compared.fields:
        yield f"{field.path}: {_shown(field.sides[0])} -> {_shown(field.sides[1])}"
    if not compared.fields:
        yield "the configurations are equal"
    for name, (first, second) in compared.keys.items():
        yield f"{name} (seed 0): {first} {'=' if first == second else '->'} {second}"
    if compared.keys:
        same_training, same_trial = (first == second for first, second in compared.keys.values())
        yield _MEANING[same_training, same_trial]
    else:
        yield f"keys are not known: {compared.reason}"


def _shown(values: tuple[Json, ...]) -> str:
    return json_module.dumps(values[0], ensure_ascii=False) if values else "(no such field)"
