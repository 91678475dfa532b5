"""`rcflab diff`: what differs between two arms, of one experiment or of two, or between two trials.

YAML[:ARM] --load--> configuration --fingerprints--> keys at seed 0, or why they are not known
TRIAL      --storage root--> configuration, keys, what made it, results
           --compare (rcflab/sides.py)--> a line for each difference
"""

import json as json_module
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from rcflab.arms_elsewhere import file_and_arm
from rcflab.commands.options import AsJson, Base, Set, Storage, echo_json
from rcflab.differences import FieldDifference
from rcflab.errors import InputError, Problem
from rcflab.fingerprint import gather
from rcflab.identity import eval_key, train_key
from rcflab.load import LoadedExperiment, load_experiment
from rcflab.metrics import METRICS
from rcflab.records import Json
from rcflab.sides import Compared, Side, compare, side_of_trial
from rcflab.suggest import nearest
from rcflab.trials import Trial, find_trial

SideText = Annotated[
    str, typer.Argument(metavar="YAML[:ARM]|TRIAL", help="An arm (without a name the baseline), or a trial's key.")
]
_MEANING = {
    (True, True): "one and the same trial",
    (True, False): "one training, evaluated in two ways",
    (False, False): "two trainings",
}


def diff_command(
    first: SideText, second: SideText, set_: Set = None, base: Base = None, storage: Storage = Path("runs"),
    json: AsJson = False,
) -> None:  # fmt: skip
    """Show what differs between two arms or two trials.

    A side is a YAML file, for its baseline, or YAML:ARM, or the beginning of a trial's key (`rcflab list NAME` shows
    them). Arms are compared by the fields of their resolved configurations, and by keys: arms with one train_key share
    a training, arms with one eval_key are one trial. Of two trials also what made them (code, packages, machine, data)
    and their results are compared, from the storage root alone; an arm beside a trial has the trial's seed. `--set` and
    `--base` go for both YAML files. Reads the files and, for the keys of arms, the data; where these are not there the
    configurations are compared all the same. Writes nothing but the memory of file digests.

    Example: rcflab diff experiments/table_5_token_size.yaml:tokens-1 experiments/table_6_queries.yaml --base synth

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    trials = [find_trial(storage, text) if _is_trial(text) else None for text in (first, second)]
    seed = next((trial.seed for trial in trials if trial is not None), None)
    opened = [
        _arm(text, set_ or [], base, seed) if trial is None else _trial(trial)
        for text, trial in zip((first, second), trials, strict=True)
    ]
    compared = compare(opened[0].side, opened[1].side)
    if json:
        echo_json(_json(compared, [each.facts for each in opened]))
    else:
        for line in _lines(compared, seed or 0):
            typer.echo(line)


class _Opened(NamedTuple):
    """One side, and what a program wants to know of it."""

    side: Side
    facts: dict[str, Json]


def _is_trial(text: str) -> bool:
    """Whether `text` may be a key, and is no file."""
    return text.isalnum() and not Path(text).is_file()


def _trial(trial: Trial) -> _Opened:
    places = [{"experiment": name, "arm": arm} for name, arm in trial.places]
    return _Opened(side_of_trial(trial), {"trial": trial.eval_key, "seed": trial.seed, "places": places})


def _arm(text: str, options: list[str], base: str | None, seed: int | None) -> _Opened:
    """The arm that `text` means, at the seed of the trial that it is compared with, if it is."""
    path, name = file_and_arm(text, Path())
    loaded = load_experiment(path, options, base)
    arm = name or loaded.spec.baseline
    if arm not in loaded.configs:
        wanted = f"an arm of {path}: {', '.join(loaded.configs)}{nearest(arm, loaded.configs)}"
        raise InputError([Problem(text, "", repr(arm), wanted)])
    facts = {"experiment": loaded.spec.name, "file": str(loaded.path), "arm": arm}
    return _Opened(_side_of_arm(loaded, arm, seed), facts)


def _side_of_arm(loaded: LoadedExperiment, arm: str, seed: int | None) -> Side:
    """Without its keys where data or weights cannot be fingerprinted."""
    spec, config, source = loaded.spec, loaded.configs[arm], loaded.sources.get(arm)
    label = f"{loaded.path.name}:{arm}{f' (from {source.label})' if source else ''}"
    shown = {"task": spec.task, **config, **({} if seed is None else {"seed": seed})}
    try:
        prints = gather(spec.task, {arm: config}, Path(spec.storage.root))[arm]
    except InputError as error:
        return Side(label, shown, {}, str(error.problems[0]))
    makers = {"train_key": train_key, "eval_key": eval_key}
    return Side(label, shown, {name: make(spec.task, config, seed or 0, prints) for name, make in makers.items()})


def _json(compared: Compared, facts: Sequence[Mapping[str, Json]]) -> Json:
    keys = {
        name: {"first": first, "second": second, "same": first == second}
        for name, (first, second) in compared.keys.items()
    }
    return {
        "arms": [dict(each) for each in facts],
        "fields": _fields_json(compared.fields),
        "keys": keys or None,
        "keys_unknown": compared.reason or None,
        "provenance": _fields_json(compared.provenance),
        "results": {key: {"first": one, "second": other} for key, (one, other) in compared.results.items()},
    }


def _fields_json(fields: Sequence[FieldDifference]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    for field in fields:
        sides = zip(("first", "second"), field.sides, strict=True)
        found.append({"path": field.path, **{side: values[0] for side, values in sides if values}})
    return found


def _lines(compared: Compared, seed: int) -> Iterator[str]:
    yield " -> ".join(side.label for side in compared.sides)
    yield from _field_lines(compared.fields)
    if not compared.fields:
        yield "the configurations are equal"
    yield from _key_lines(compared, seed)
    yield from (f"made by {line}" for line in _field_lines(compared.provenance))
    if all(side.provenance for side in compared.sides) and not compared.provenance:
        yield "made by the same code, packages and machine, on the same data"
    for key, (one, other) in compared.results.items():
        yield f"{key}: {_result(key, one, other)}"


def _field_lines(fields: Sequence[FieldDifference]) -> Iterator[str]:
    for field in fields:
        yield f"{field.path}: {_shown(field.sides[0])} -> {_shown(field.sides[1])}"


def _key_lines(compared: Compared, seed: int) -> Iterator[str]:
    trials = all(side.provenance for side in compared.sides)
    for name, (first, second) in compared.keys.items():
        yield f"{name}{'' if trials else f' (seed {seed})'}: {first} {'=' if first == second else '->'} {second}"
    if compared.keys:
        same_training, same_trial = (first == second for first, second in compared.keys.values())
        yield _MEANING[same_training, same_trial]
    else:
        yield f"keys are not known: {compared.reason}"


def _result(key: str, one: float, other: float) -> str:
    if one == other:
        return f"{one:g} on both sides, bit for bit"
    digits = METRICS[key].digits if key in METRICS else 4
    return f"{one:.{digits}f} -> {other:.{digits}f} ({other - one:+.{digits}f})"


def _shown(values: tuple[Json, ...]) -> str:
    return json_module.dumps(values[0], ensure_ascii=False) if values else "(no such field)"
