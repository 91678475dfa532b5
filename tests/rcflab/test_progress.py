"""The progress view is made from the ledger alone."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from rcflab.commands.live import panel, shown, summary
from rcflab.ledger.events import AttemptStarted, Evaluated, Event, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.progress import Running, Snapshot, Watch, Watched, duration


class Clock:
    """A clock that tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    def append(key: str, *events: Event) -> None:
        lease = acquire(tmp_path, key, this_process())
        with LedgerWriter(tmp_path, key, lease) as ledger:
            ledger.append_many(events)
        lease.release()

    return append


def begun(step: int = 0) -> AttemptStarted:
    return AttemptStarted(1, 1, step, {"code_digest": "c"}, 1)


def step(number: int, loss: float = 0.5) -> Metrics:
    return Metrics(1, number, {"train/loss": loss})


def watch(tmp_path: Path, clock: Clock | None = None) -> Watch:
    trainings = [Watched("one", "plain/0", 10), Watched("two", "plain/1", 10), Watched("three", "fast/0", 10)]
    return Watch(tmp_path, trainings, "toy/score", clock or Clock())


def test_a_run_that_has_not_begun_has_all_left_and_no_eta(tmp_path: Path) -> None:
    assert watch(tmp_path).snapshot() == Snapshot(0, 0, 3, (), None)


def test_cells_move_from_left_to_running_to_done_or_failed(tmp_path: Path, write: Callable[..., None]) -> None:
    seen = watch(tmp_path)
    write("one", begun(), step(1), StateChanged(1, 10, "finished"))
    write("two", begun(), step(1), step(4, 0.25))
    write("three", begun(), StateChanged(1, 2, "failed", "RuntimeError: boom", "error"))
    news = seen.poll()
    snapshot = seen.snapshot()
    assert (snapshot.done, snapshot.failed, snapshot.left) == (1, 1, 0)
    assert snapshot.running == (Running("plain/1", 4, 10, 0.25, None, "score"),)
    assert news == [
        "plain/0: starts (10 steps)", "plain/0: finished", "plain/1: starts (10 steps)",
        "fast/0: starts (10 steps)", "fast/0: failed: RuntimeError: boom",
    ]  # fmt: skip
    assert seen.poll() == []


def test_a_training_that_has_ended_is_not_looked_at_again(tmp_path: Path, write: Callable[..., None]) -> None:
    seen = watch(tmp_path)
    write("one", begun(), StateChanged(1, 10, "finished"))
    write("two", begun(), StateChanged(1, 4, "interrupted"))
    assert len(seen.poll()) == 4
    write("one", begun(5))
    write("two", begun(4))
    assert seen.poll() == ["plain/1: goes on from step 4 (10 steps)"]
    assert seen.snapshot().done == 1


def test_the_last_score_is_shown(tmp_path: Path, write: Callable[..., None]) -> None:
    seen = watch(tmp_path)
    write("one", begun(), step(4), Evaluated(1, 4, "e", False, {"toy/score": 81.5}, "v", "r", (), "c"))
    assert "plain/0: evaluated at step 4: toy/score 81.50" in seen.poll()
    assert seen.snapshot().running[0].score == 81.5


def test_what_earlier_runs_wrote_is_no_news(tmp_path: Path, write: Callable[..., None]) -> None:
    write("one", begun(), step(1), StateChanged(1, 10, "finished"))
    seen = watch(tmp_path)
    assert seen.poll() == [] and seen.snapshot().done == 0


def test_eta_is_the_pace_of_all_cells_together(tmp_path: Path, write: Callable[..., None]) -> None:
    clock = Clock()
    seen = watch(tmp_path, clock)
    write("one", begun(), step(5))
    write("two", begun(), step(5))
    seen.poll()
    clock.now = 20.0
    assert seen.snapshot().eta_s == pytest.approx(20 * 20 / 10)  # 10 steps in 20 s, 20 steps left


def test_the_time_before_the_first_cell_begins_is_no_part_of_the_pace(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    clock = Clock()
    seen = watch(tmp_path, clock)
    clock.now = 100.0
    write("one", begun())
    seen.poll()
    clock.now = 105.0
    write("one", step(5))
    seen.poll()
    assert seen.snapshot().eta_s == pytest.approx(25)


def test_steps_of_an_earlier_attempt_do_not_count_for_the_pace(tmp_path: Path, write: Callable[..., None]) -> None:
    write("one", begun(), step(8))
    clock = Clock()
    seen = watch(tmp_path, clock)
    write("one", begun(step=8), step(9))
    seen.poll()
    clock.now = 3.0
    assert seen.snapshot().eta_s == pytest.approx(3 * 21)


def test_the_summary_line_has_what_an_operator_asks_for() -> None:
    snapshot = Snapshot(3, 1, 7, (Running("plain/1", 4, 10, 0.25, 81.5, "score"),), 750.0)
    assert summary(snapshot) == "3 done, 1 failed, 1 running, 7 left, ETA 12 min; plain/1 4/10 loss 0.250 score 81.5"


def test_a_terminal_sees_a_row_for_each_running_cell() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    console.print(
        panel(Snapshot(0, 0, 1, (Running("plain/1", 4, 10, 0.25, None), Running("[x]", 0, 9, None, None)), 5))
    )
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "plain/1" in text and "4/10" in text and "loss 0.250" in text and "[x]" in text
    assert "0 done, 2 running, 1 left, ETA 5 s" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_the_last_news_is_shown_even_when_the_run_ends_at_once(
    tmp_path: Path, write: Callable[..., None], terminal: bool
) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal)
    with shown(watch(tmp_path), console):
        write("one", begun(), StateChanged(1, 2, "failed", "RuntimeError: boom", "error"))
    assert isinstance(console.file, io.StringIO)
    assert "plain/0: failed: RuntimeError: boom" in console.file.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (720, "12 min"), (11100, "3 h 05 min")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
