"""What a file may say of failures, budgets and hooks, and that no message repeats what may be secret."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.errors import InputError
from rcflab.load import load_experiment
from rcflab.policy_config import RetriesConfig

Write = Callable[..., Path]
TOY = "name: t\ntask: toy\nbaseline: a\narms: {a: {}}\n"
SECRET = "hooks.example/services/s3cr3t"


@pytest.mark.parametrize(
    ("text", "stop_after"), [("continue", None), ("stop", 1), ("{stop_after: 3}", 3), ("{stop_after: null}", None)]
)
def test_an_error_limit_is_a_word_or_a_number(experiment: Write, text: str, stop_after: int | None) -> None:
    spec = load_experiment(experiment(f"{TOY}on_trial_error: {text}\n")).spec
    assert spec.on_trial_error.stop_after == stop_after


@pytest.mark.parametrize("text", ["sotp", "3", "{stop_after: 0}", "{stop_after: 1, more: 2}", "[stop]"])
def test_another_error_limit_is_refused(experiment: Write, text: str) -> None:
    with pytest.raises(InputError, match="on_trial_error"):
        load_experiment(experiment(f"{TOY}on_trial_error: {text}\n"))


def test_defects_and_losses_that_are_not_finite_are_not_tried_again_by_default() -> None:
    retries = RetriesConfig()
    assert (retries.error, retries.non_finite) == (0, 0)
    assert min(retries.worker_lost, retries.node_lost, retries.preempted) > 0


def test_all_faults_of_the_policies_are_named_at_once(experiment: Write) -> None:
    text = TOY + "retries: {error: -1, bug: 2}\nbudget: {trials: 0, gpu_hour: 1}\nnotify: [{on: [failed]}]\n"
    with pytest.raises(InputError) as refused:
        load_experiment(experiment(text))
    places = {problem.place for problem in refused.value.problems}
    assert places == {"retries.error", "retries.bug", "budget.trials", "budget.gpu_hour", "notify.0"}


@pytest.mark.parametrize(
    "hook",
    [f"{{webhook: ftp://{SECRET}}}", f"{{webhook: {SECRET}, command: [x]}}", f"{{webhook: [{SECRET}]}}",
     f"{{command: {SECRET}}}", f"{{webhook: https://{SECRET}, on: [done]}}", f"{{command: [1, {SECRET}]}}"],
)  # fmt: skip
def test_a_refused_hook_is_named_without_its_address(experiment: Write, hook: str) -> None:
    with pytest.raises(InputError, match=r"notify\.0") as refused:
        load_experiment(experiment(f"{TOY}notify: [{hook}]\n"))
    assert SECRET not in str(refused.value)


def test_the_variable_of_a_hook_is_not_filled_in_when_the_file_is_read(
    experiment: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"https://{SECRET}")
    spec = load_experiment(experiment(TOY + "notify: [{webhook: '${env:HOOK}', on: [failed]}]\n")).spec
    assert spec.notify[0].webhook == "${env:HOOK}"
    assert spec.notify[0].on == ("failed",)
