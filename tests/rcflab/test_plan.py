"""Plans: which cells there are, and how far each of them is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.errors import InputError
from rcflab.ledger.fold import KeyState
from rcflab.plan import cell_states
from rcflab.records import Cell, RunPlan
from rcflab.session import open_experiment

Write = Callable[..., Path]
Make = Callable[..., KeyState]

_TOY = "name: t\ntask: toy\nbaseline: a\nseeds: 2\narms:\n  a: {}\n"


def plan_of(path: Path, arms: list[str] | None = None, seeds: int | None = None) -> RunPlan:
    """The plan of an experiment file."""
    return open_experiment(path, (), arms, seeds).plan


def test_cells_are_arms_as_written_times_seeds(experiment: Write) -> None:
    path = experiment(_TOY + "  z: {model.slope: 3.0}\n  b: {model.slope: 4.0}\n")
    cells = [(cell.arm, cell.seed) for cell in plan_of(path).cells]
    assert cells == [("a", 0), ("a", 1), ("z", 0), ("z", 1), ("b", 0), ("b", 1)]


def test_arms_that_differ_without_effect_are_joined_and_share_their_cells(experiment: Write) -> None:
    plan = plan_of(experiment(_TOY + "  b: {model.decay: 0.9}\n  c: {model.memory: 1}\n"))
    assert plan.joined == (("a", "b"),)
    assert len({cell.eval_key for cell in plan.cells}) == 4


def test_equal_arms_are_refused_by_name(experiment: Write) -> None:
    with pytest.raises(InputError, match="same configuration as arm 'a'"):
        plan_of(experiment(_TOY + "  b: {model.slope: 1.0}\n"))


def test_arms_and_seeds_narrow_a_plan_without_changing_keys(experiment: Write) -> None:
    path = experiment(_TOY + "  b: {model.slope: 3.0}\n")
    whole = plan_of(path)
    part = plan_of(path, ["b"], 1)
    assert part.cells == tuple(cell for cell in whole.cells if (cell.arm, cell.seed) == ("b", 0))


def test_more_seeds_only_add_cells(experiment: Write) -> None:
    path = experiment(_TOY)
    assert plan_of(path, seeds=5).cells[:2] == plan_of(path).cells


def test_an_absurd_number_of_cells_is_refused_before_they_are_listed(experiment: Write) -> None:
    with pytest.raises(InputError, match="1 arms x 1000000000 seeds"):
        plan_of(experiment(_TOY), seeds=10**9)


def test_an_unknown_arm_is_refused_with_the_nearest_one(experiment: Write) -> None:
    with pytest.raises(InputError, match="did you mean 'tokens-4'"):
        plan_of(experiment(_TOY + "  tokens-4: {model.slope: 3.0}\n"), ["token-4"])


def test_labels_comments_and_order_of_fields_change_no_key(experiment: Write) -> None:
    one = plan_of(experiment(_TOY + "model: {slope: 1.5, offset: 2}\ntraining: {steps: 5}\n"))
    text = "# hello\nname: other\ntraining: {steps: 5, log_every: 9}\ntask: toy\nbaseline: a\nseeds: 2\n"
    two = plan_of(experiment(text + "resources: {threads: 2}\nmodel: {offset: 2.0, slope: 1.5}\narms: {a: {}}\n"))
    assert [cell.eval_key for cell in one.cells] == [cell.eval_key for cell in two.cells]


_CELL = Cell("a", 0, {}, "train", "trial")
_PLAN = RunPlan("t", "toy", "a", (_CELL,), ("toy/score",))
_CODE, _OTHER_CODE = "c0de" * 16, "01d" * 20
_TRIAL = {"trial": {"toy/score": 1.0}}


@pytest.mark.parametrize(
    ("state", "values", "code", "live", "expected"),
    [
        ("empty", {}, _CODE, False, "missing"),
        ("empty", {}, _CODE, True, "running"),
        ("finished", _TRIAL, _CODE, False, "done"),
        ("finished", _TRIAL, _CODE, True, "done"),
        ("finished", {"another": {}}, _CODE, False, "missing"),
        ("finished", _TRIAL, _OTHER_CODE, False, "stale"),
        ("finished", _TRIAL, _OTHER_CODE, True, "running"),
        ("failed", {}, _CODE, False, "failed"),
        ("failed", {}, _CODE, True, "running"),
        ("interrupted", _TRIAL, _CODE, False, "missing"),
        ("started", {}, _CODE, False, "missing"),
    ],
)
def test_the_state_of_a_cell_follows_from_ledger_lease_and_code(
    ledger_state: Make, state: str, values: dict[str, dict[str, float]], code: str, live: bool, expected: str
) -> None:
    key = ledger_state(values, code=code, state=state)
    assert cell_states(_PLAN, {"train": key}, ["train"] if live else [], _CODE) == {"trial": expected}


_RCF = """
name: t
baseline: whole
arms: {whole: {}, parts: {training.accumulate: 3}, small: {training.clips_per_step: 4}}
training: {clips_per_step: 6}
"""


def test_a_batch_that_the_workers_cannot_share_equally_is_refused_for_each_arm(experiment: Write) -> None:
    path = experiment(_RCF)
    with pytest.raises(InputError) as refused:
        open_experiment(path, ["resources.workers=4"])
    whole, parts = refused.value.problems
    assert (whole.file, whole.place) == (str(path), "resources.workers")
    assert whole.got == "4 workers for the 6 clips of a step (arms whole)"
    assert whole.wanted == "one of 1, 2, 3, 6"
    assert "training.clips_per_step to a multiple of 4" in whole.hint
    assert parts.got == "4 workers in 3 parts each (training.accumulate) for the 6 clips of a step (arms parts)"
    assert parts.wanted == "one of 1, 2"


def test_the_number_of_workers_is_part_of_no_key(experiment: Write) -> None:
    path = experiment(_RCF)
    one, two = open_experiment(path), open_experiment(path, ["resources.workers=2"])
    assert [cell.eval_key for cell in one.plan.cells] == [cell.eval_key for cell in two.plan.cells]
