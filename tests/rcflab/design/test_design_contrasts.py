"""Effects that a table asks for become weights of its arms, by the names that the arms have."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.comparison import ArmContrast
from rcflab.design.contrasts import asked_contrasts
from rcflab.errors import InputError
from rcflab.load import load_experiment

Write = Callable[..., Path]
_FACTORIAL = """
name: crossed
task: toy
design: factorial
factors: {model.slope: [1.0, 2.0], model.memory: [0, 1, 2]}
table: {metrics: [toy/score], effects: [slope, memory, memory*slope]}
"""


@pytest.fixture
def contrasts(experiment: Write) -> Callable[[str], dict[str, ArmContrast]]:
    """Text of an experiment -> its effects by name."""

    def read(text: str) -> dict[str, ArmContrast]:
        return {each.name: each for each in asked_contrasts(load_experiment(experiment(text)).spec)}

    return read


def test_each_level_is_compared_with_the_first(contrasts: Callable[[str], dict[str, ArmContrast]]) -> None:
    found = contrasts(_FACTORIAL)
    assert list(found) == [
        "effect: slope 2.0 for 1.0",
        "effect: memory 1 for 0",
        "effect: memory 2 for 0",
        "interaction: slope 2.0 for 1.0 x memory 1 for 0",
        "interaction: slope 2.0 for 1.0 x memory 2 for 0",
    ]
    assert [each.is_interaction for each in found.values()] == [False] * 3 + [True] * 2


def test_weights_stand_at_the_arms_that_have_the_levels(contrasts: Callable[[str], dict[str, ArmContrast]]) -> None:
    found = contrasts(_FACTORIAL)
    weights = found["effect: memory 2 for 0"].weights
    assert sum(weights.values()) == pytest.approx(0)
    assert {arm: weight for arm, weight in weights.items() if weight} == {
        "baseline": -0.5,
        "slope=2.0 memory=0": -0.5,
        "slope=1.0 memory=2": 0.5,
        "slope=2.0 memory=2": 0.5,
    }
    both = found["interaction: slope 2.0 for 1.0 x memory 1 for 0"].weights
    assert {arm: weight for arm, weight in both.items() if weight} == {
        "baseline": 1,
        "slope=2.0 memory=0": -1,
        "slope=1.0 memory=1": -1,
        "slope=2.0 memory=1": 1,
    }


def test_a_table_that_asks_for_none_has_none(contrasts: Callable[[str], dict[str, ArmContrast]]) -> None:
    assert contrasts(_FACTORIAL.replace(", effects: [slope, memory, memory*slope]", "")) == {}


def test_written_arms_have_no_effects(experiment: Write) -> None:
    assert asked_contrasts(load_experiment(experiment()).spec) == ()


def test_a_main_effect_of_a_fraction_says_what_it_comes_with(
    contrasts: Callable[[str], dict[str, ArmContrast]],
) -> None:
    text = """
name: half
task: toy
design: fractional
factors: {model.slope: [1.0, 2.0], model.memory: [0, 1], model.offset: [0, 0.5]}
generators: {offset: slope*memory}
table: {metrics: [toy/score], effects: [offset]}
"""
    assert list(contrasts(text)) == ["effect: offset 0.5 for 0 (with slope*memory)"]


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("primary: train/loss", "table.primary: got 'train/loss', expected a metric that match records can give"),
        ("effects: [slope], resamples: 0", "expected resamples above 0, since effects are tested with them"),
    ],
)
def test_what_could_never_be_tested_is_refused(experiment: Write, table: str, named: str) -> None:
    text = _FACTORIAL.replace("effects: [slope, memory, memory*slope]", table)
    with pytest.raises(InputError) as caught:
        load_experiment(experiment(text))
    assert named in str(caught.value)
