"""What a search ends in: an ordinary experiment whose values are written down, with where they come from.

layer of the experiment - search + values of the best trial --winner_text--> winner.yaml: same name, same arms
                                 + an arm a trial of the front  --front_text--> front.yaml: the front as an experiment

Both load and run like any other file; `tuned` is printed below their tables. Pure.
"""

import io
from collections.abc import Mapping, Sequence

from ruamel.yaml import YAML

from rcflab.metrics import METRICS
from rcflab.records import Json
from rcflab.report.numbers import rounded
from rcflab.schema import ExperimentSpec
from rcflab.search.config import FIRST_SEED, SearchConfig
from rcflab.search.found import Found

_DESIGN = ("factors", "design", "when", "generators")


def winner_text(spec: ExperimentSpec, search: SearchConfig, found: Sequence[Found], code: str) -> str:
    """The experiment with the values of the best trial: of one study for all arms, or of each arm's own."""
    data = _written(spec)
    if search.per_arm:
        _own_arms(data)
        best = {each.arm: _best_point(each) for each in found}
        data["arms"] = {arm: {**fields, **best[arm]} for arm, fields in spec.arms.items()}
    else:
        _put(data, _best_point(found[0]))
    data["tuned"] = tuned_sentence(search, found)
    return _text(data, _header(search, found, code, "winner.yaml: the values of the best trial"))


def front_text(spec: ExperimentSpec, search: SearchConfig, found: Found, code: str) -> str:
    """The points of the front as arms; the baseline is the one that is best in the first objective."""
    data = _written(spec)
    _own_arms(data)
    own = spec.arms[spec.baseline]
    data["name"] = f"{spec.name[:57]}-front"
    data["arms"] = {found.labels[trial.number]: {**own, **trial.point} for trial in found.front}
    data["baseline"] = found.labels[found.front[0].number]
    data["tuned"] = tuned_sentence(search, [found])
    return _text(data, _header(search, [found], code, "front.yaml: every trial of the Pareto front as an arm"))


def tuned_sentence(search: SearchConfig, found: Sequence[Found]) -> str:
    """How the values were found, for a footnote."""
    fields = ", ".join(found[0].names.values())
    each = max(len(one.trials) for one in found)
    whose = (
        f"for each arm, {each} trials each" if search.per_arm else f"shared by all arms, {each} trials of the baseline"
    )
    goal = " and ".join(METRICS[key].label for key in search.objective)
    seeds = f"{search.seeds} seed{'s' if search.seeds > 1 else ''} a trial, from seed {FIRST_SEED} on"
    return (
        f"Tuned ({whose}, {search.sampler}, {seeds}): {fields}, by {goal} on the same videos. Scores of the search are "
        "not in this table; search seed variance is not included."
    )


def _best_point(found: Found) -> dict[str, Json]:
    assert found.best is not None, "a winner is written where there is one"
    return dict(found.best.point)


def _written(spec: ExperimentSpec) -> dict[str, Json]:
    """All fields of the experiment, those of the envelope that were left out left out again."""
    whole = spec.model_dump(mode="json", exclude={"search", "tuned"})
    made = {"arms"} if spec.factors else set[str]()
    return {name: value for name, value in whole.items() if value is not None and name not in made}


def _own_arms(data: dict[str, Json]) -> None:
    """Arms take the place of the design that they were made from."""
    for name in _DESIGN:
        data.pop(name, None)
    data["table"] = {**data["table"], "effects": None}


def _put(data: dict[str, Json], point: Mapping[str, Json]) -> None:
    for path, value in point.items():
        *around, last = path.split(".")
        inner = data
        for part in around:
            inner = inner[part]
        inner[last] = value


def _header(search: SearchConfig, found: Sequence[Found], code: str, title: str) -> list[str]:
    lines = [title, "", "Written by `rcflab run`; a change here is a change of the experiment."]
    for each in found:
        trials = each.front if len(search.objective) > 1 else each.ranked[:1]
        lines += [f"study {each.study} of arm {each.arm}: {len(each.trials)} trials, sampler {search.sampler}"]
        for trial in trials:
            values = zip(each.objective, trial.values or (), strict=True)
            told = ", ".join(f"{key} {rounded(value, METRICS[key].digits)}" for key, value in values)
            lines += [f"  {each.labels[trial.number]}: {told} (seeds of the search, not those of this file)"]
    return [*lines, f"code {code}"]


def _text(data: Mapping[str, Json], header: Sequence[str]) -> str:
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    stream = io.StringIO()
    yaml.dump(dict(data), stream)
    return "".join(f"# {line}".rstrip() + "\n" for line in header) + stream.getvalue()
