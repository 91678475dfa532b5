"""Experiments with factors: what becomes of them, and how each fault is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.errors import InputError, Problem
from rcflab.load import LoadedExperiment, load_experiment
from rcflab.session import open_experiment

Write = Callable[..., Path]
_HEAD = "name: t\ntask: toy\n"
_RCF = "name: t\n"


def refused(path: Path, *options: str) -> list[Problem]:
    """The problems of a file that is refused."""
    with pytest.raises(InputError) as error:
        load_experiment(path, options)
    return list(error.value.problems)


def places(path: Path) -> list[str]:
    """Where the problems of a refused file are."""
    return sorted(problem.place for problem in refused(path))


@pytest.fixture
def crossed(experiment: Write) -> LoadedExperiment:
    """Two factors, crossed."""
    text = "design: factorial\nfactors: {model.slope: [1.0, 2.0], training.lr: [0.1, 0.2]}\nseeds: 2\n"
    return load_experiment(experiment(_HEAD + text))


def test_a_design_gives_the_cells_of_the_arms_that_it_stands_for(experiment: Write) -> None:
    arms = "  low: {model.slope: 1.0, training.lr: 0.1}\n  high: {model.slope: 2.0, training.lr: 0.1}\n"
    written = open_experiment(experiment(f"{_HEAD}baseline: low\narms:\n{arms}", "a.yaml"))
    text = "design: factorial\nfactors: {model.slope: [1.0, 2.0], training.lr: [0.1, 0.2]}\n"
    made = open_experiment(experiment(_HEAD + text, "b.yaml"), arms=["baseline", "slope=2.0 lr=0.1"])
    assert [cell.eval_key for cell in made.plan.cells] == [cell.eval_key for cell in written.plan.cells]


def test_every_arm_sets_every_factor_so_its_name_holds_on_any_base(crossed: LoadedExperiment) -> None:
    assert crossed.spec.arms["slope=2.0 lr=0.1"] == {"model.slope": 2.0, "training.lr": 0.1}
    assert crossed.spec.baseline == "baseline"


def test_a_path_level_starts_where_it_was_written(experiment: Write, tmp_path: Path) -> None:
    experiment('design: one_at_a_time\nfactors: {model.backbone.weights: [none, "file:w.bin"]}\n', "sub/base.yaml")
    configs = load_experiment(experiment(_RCF + "extends: sub/base.yaml\n")).configs
    assert configs["weights=file:w.bin"]["model"]["backbone"]["weights"] == f"file:{tmp_path}/sub/w.bin"


def test_set_reaches_factors_and_their_clauses(experiment: Write) -> None:
    path = experiment(_HEAD + "design: factorial\nfactors: {model.memory: [0, 1], model.decay: [0.1, 0.2]}\n")
    loaded = load_experiment(path, ["factors.model.memory=[0, 3]", "when.model.decay={memory: [3]}"])
    assert list(loaded.configs) == ["baseline", "memory=3 decay=0.1", "memory=3 decay=0.2"]


def test_a_field_that_does_not_exist_elsewhere_keeps_the_experiments_value(experiment: Write) -> None:
    text = "design: factorial\nmodel: {decay: 0.7}\nfactors: {model.memory: [0, 1], model.decay: [0.1, 0.2]}\n"
    loaded = load_experiment(experiment(_HEAD + text + "when: {decay: {memory: [1]}}\n"))
    assert loaded.configs["baseline"]["model"]["decay"] == 0.7


def test_arms_of_a_design_that_differ_without_effect_are_joined(experiment: Write) -> None:
    path = experiment(_HEAD + "design: factorial\nfactors: {model.memory: [0, 1], model.decay: [0.1, 0.2]}\n")
    assert open_experiment(path).plan.joined == (("baseline", "memory=0 decay=0.2"),)


def test_a_milliard_of_cells_is_refused_by_its_count(experiment: Write) -> None:
    fields = ("model.slope", "model.memory", "training.steps", "training.lr", "training.noise", "data.videos")
    more = ("data.seed", "training.step_ms", "training.raise_at")
    factors = "".join(f"  {path}: {list(range(1, 11))}\n" for path in (*fields, *more))
    path = experiment(f"{_HEAD}design: factorial\nfactors:\n{factors}")
    (problem,) = refused(path)
    assert problem.place == "factors"
    assert problem.got == "1000000000 arms x 1 seeds = 1000000000 cells in a factorial design"
    assert problem.wanted == "at most 10000 cells (most_cells)"
    assert "design: one_at_a_time (82 arms)" in problem.hint
    assert "raise most_cells" in problem.hint


def test_the_limit_of_cells_can_be_lowered_and_raised(experiment: Write) -> None:
    path = experiment(_HEAD + "design: factorial\nseeds: 3\nfactors: {model.slope: [1, 2]}\nmost_cells: 5\n")
    assert [problem.got for problem in refused(path)] == ["2 arms x 3 seeds = 6 cells in a factorial design"]
    assert len(load_experiment(path, ["most_cells=6"]).configs) == 2


def test_every_fault_of_a_design_is_named_at_once(experiment: Write) -> None:
    text = """
name: t
task: toy
design: fractional
factors:
  model.slop: [1, 2]
  model.memory: [-1, x]
  model.decay: []
  training.lr: [0.1]
  training.noise: [0.1, 0.1]
  resources.workers: [1, 2]
  model.offset: 3
  data.seed: [{a: 1}, 2]
when: {memroy: {lr: [0.1]}}
generators: {noise: seed, offset: lr*nothing}
seeds: 0
"""
    assert places(experiment(text)) == [
        "factors.data.seed.0", "factors.model.decay", "factors.model.memory.0", "factors.model.memory.1",
        "factors.model.offset", "factors.model.slop", "factors.resources.workers", "factors.training.lr",
        "factors.training.noise.1", "generators.noise", "generators.offset", "seeds", "when.memroy",
    ]  # fmt: skip


def test_a_fault_of_a_level_has_file_line_and_column_got_and_wanted(experiment: Write) -> None:
    path = experiment(_RCF + "design: factorial\nfactors: {model.reference.tokens: [4, 5]}\n")
    (problem,) = refused(path)
    assert str(problem) == f"{path}:3:39: factors.model.reference.tokens.1: got 5, expected 1, 4, 16, 64 or 'full'"


@pytest.mark.parametrize(
    ("path", "hint"),
    [("model.refrence.tokens", "model.reference.tokens"), ("tokens", "model.reference.tokens"), ("lr", "training.lr")],
)
def test_an_unknown_path_comes_with_the_nearest_one(experiment: Write, path: str, hint: str) -> None:
    (problem,) = refused(experiment(_RCF + f"design: factorial\nfactors: {{{path}: [1, 4]}}\n"))
    assert (problem.place, problem.hint) == (f"factors.{path}", f"did you mean {hint!r}?")


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ("factors: {model.slope: [1, 2]}\narms: {a: {}}\ndesign: factorial", "factors", "`factors` beside `arms`"),
        ("factors: {model.slope: [1, 2]}", "factors", "`factors` without `design`"),
        ("design: factorial", "design", "`design` without `factors`"),
        ("when: {a: {b: [1]}}", "when", "`when` without `factors`"),
        ("factors: {}\ndesign: factorial", "factors", "at least one factor"),
        ("factors: [a]\ndesign: factorial", "factors", "at least one factor"),
        ("factors: {model.slope: [1, 2]}\ndesign: factorail", "design", "did you mean 'factorial'"),
        ("factors: {model.slope: []}\ndesign: factorial", "factors.model.slope", "an empty list"),
        ("factors: {model.slope: [1]}\ndesign: factorial", "factors.model.slope", "one level only, 1"),
        ("factors: {model.slope: 1}\ndesign: factorial", "factors.model.slope", "a list of at least two levels"),
        ("factors: {model.slope: [1, 1.0]}\ndesign: factorial", "factors.model.slope.1", "1.0, the same level as 1"),
        ("factors: {model.slope: [1, 2]}\ndesign: factorial\nbaseline: slope=3", "baseline", "did you mean 'slope=2'"),
        ("baseline: a", "arms", "or `factors` with `design`"),
        ("factors: {model.slope: [1, 2, 3]}\ndesign: leave_one_out", "factors.model.slope", "two levels: off, then on"),
        ("factors: {model: [1, 2], model.slope: [1, 2]}\ndesign: factorial", "factors.model", "holds the factor"),
        (
            "factors: {model.slope: [1, 2]}\ndesign: factorial\nmost_cells: 0",
            "most_cells",
            "greater than or equal to 1",
        ),
        ("factors: {model.slope: [1, 2]}\ndesign: factorial\nseeds: 0", "seeds", "greater than or equal to 1"),
    ],
)
def test_a_slip_gives_one_clear_error(experiment: Write, fields: str, place: str, said: str) -> None:
    found = [problem for problem in refused(experiment(f"{_HEAD}{fields}\n")) if problem.place == place]
    assert len(found) == 1
    assert said in str(found[0])


_ABC = "factors: {model.slope: [1, 2], model.memory: [0, 1], model.offset: [0, 1]}\n"


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ("design: fractional", "generators", "nothing"),
        ("design: factorial\ngenerators: {offset: slope*memory}", "generators", "in a factorial design"),
        ("design: fractional\ngenerators: {offset: slope}", "generators.offset", "product of at least two"),
        ("design: fractional\ngenerators: {offset: slope*slope}", "generators.offset", "names a factor twice"),
        ("design: fractional\ngenerators: {offset: slope*memry}", "generators.offset", "did you mean 'memory'"),
        ("design: fractional\ngenerators: {ofset: slope*memory}", "generators.ofset", "did you mean 'offset'"),
        ("design: fractional\ngenerators: {offset: slope*offset}", "generators.offset", "a generator itself"),
        (
            "design: factorial\nwhen: {slope: {memory: [1]}}",
            "when.slope.memory",
            "Write model.memory above model.slope",
        ),
        ("design: factorial\nwhen: {slope: {slope: [1]}}", "when.slope.slope", "a factor that stands above it"),
        ("design: factorial\nwhen: {memory: {slope: [3]}}", "when.memory.slope.0", "a level of slope: 1, 2"),
        ("design: factorial\nwhen: {memory: {slope: []}}", "when.memory.slope", "a list of levels of slope"),
        ("design: factorial\nwhen: {memory: 1}", "when.memory", "one other factor with its levels"),
        ("design: one_at_a_time\nwhen: {memory: {slope: [2]}}", "factors.model.memory", "does not exist at slope=1"),
        ("design: leave_one_out\nwhen: {memory: {slope: [1]}}", "factors.model.memory", "does not exist at slope=2"),
    ],
)
def test_a_slip_in_a_clause_or_a_generator_gives_one_clear_error(
    experiment: Write, fields: str, place: str, said: str
) -> None:
    (problem,) = refused(experiment(f"{_HEAD}{_ABC}{fields}\n"))
    assert problem.place == place
    assert said in str(problem)


def test_two_factors_that_would_change_together_are_refused(experiment: Write) -> None:
    text = "factors: {model.slope: [1, 2], model.memory: [0, 1], model.offset: [0, 1], training.lr: [1, 2]}\n"
    generators = "design: fractional\ngenerators: {offset: slope*memory, lr: -memory*slope}\n"
    (problem,) = refused(experiment(_HEAD + text + generators))
    assert (problem.place, problem.got) == ("generators.lr", "a product that offset and lr share")


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ("[slope*memory]", "cannot tell apart: offset = slope*memory"),
        ("[slope*memry]", "did you mean 'memory'"),
        ("[slope*memory*offset]", "a factor, or two different ones"),
        ("[slope*slope]", "a factor, or two different ones"),
    ],
)
def test_an_effect_that_the_fraction_cannot_answer_is_refused(experiment: Write, effects: str, said: str) -> None:
    text = f"design: fractional\ngenerators: {{offset: slope*memory}}\ntable: {{effects: {effects}}}\n"
    (problem,) = refused(experiment(_HEAD + _ABC + text))
    assert problem.place == "table.effects.0"
    assert said in str(problem)


def test_effects_are_for_crossed_factors_only(experiment: Write) -> None:
    asked = "table: {effects: [slope]}\n"
    for text in (f"{_ABC}design: one_at_a_time\n", f"{_ABC}design: factorial\nwhen: {{memory: {{slope: [1]}}}}\n"):
        assert [problem.place for problem in refused(experiment(_HEAD + text + asked))] == ["table.effects"]
    arms = "baseline: a\narms: {a: {}, b: {model.slope: 3}}\n"
    assert [problem.place for problem in refused(experiment(_HEAD + arms + asked))] == ["table.effects"]


def test_effects_of_a_factorial_are_taken(experiment: Write) -> None:
    text = "design: factorial\ntable: {effects: [slope, memory*slope]}\n"
    assert load_experiment(experiment(_HEAD + _ABC + text)).spec.table.effects == ("slope", "memory*slope")


def test_a_rule_between_fields_is_said_once_for_all_arms_that_break_it(experiment: Write) -> None:
    text = "design: factorial\nfactors: {model.encoder.heads: [8, 7], model.queries: [10, 20, 30]}\n"
    (problem,) = refused(experiment(_RCF + text))
    assert problem.place == "arms.heads=7 queries=10.model"
    assert "encoder.heads must divide width" in problem.wanted
    assert problem.hint == "The same in 2 more arms"


def test_levels_that_fit_only_together_are_taken(experiment: Write) -> None:
    text = "design: factorial\nmodel: {width: 96}\n"
    path = experiment(_RCF + text + "factors: {model.width: [64, 256], model.encoder.heads: [8, 16, 32]}\n")
    assert len(load_experiment(path).configs) == 6


def test_the_order_of_fields_in_a_design_changes_no_key(experiment: Write) -> None:
    one = "design: factorial\nfactors: {model.slope: [1.0, 2.0], training.lr: [0.1, 0.2]}\n"
    two = "factors: {training.lr: [0.1, 0.2], model.slope: [1.0, 2.0]}\ndesign: factorial\n"
    keys = [{cell.eval_key for cell in open_experiment(experiment(_HEAD + text)).plan.cells} for text in (one, two)]
    assert keys[0] == keys[1]


def test_the_spec_of_a_design_is_plain_data(crossed: LoadedExperiment) -> None:
    kept = json.loads(crossed.spec.model_dump_json())
    assert kept["factors"] == {"model.slope": [1.0, 2.0], "training.lr": [0.1, 0.2]}
