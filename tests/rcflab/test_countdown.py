"""When somebody would wonder, it says how long it will still take; else it says nothing."""

from collections.abc import Callable

from rcflab.countdown import Countdown


def _heard(second_each: float, total: int, timed: Callable[[int], bool] = lambda done: True) -> list[str]:
    """The lines of work of which each part takes as long."""
    now, lines = [0.0], list[str]()
    countdown = Countdown("scoring", lines.append, lambda: now[0])
    for done in range(1, total + 1):
        if timed(done):
            now[0] += second_each
            countdown(done, total)
    return lines


def test_short_work_says_nothing() -> None:
    assert _heard(0.04, 100) == []


def test_long_work_says_so_as_soon_as_its_pace_is_known_and_then_every_five_seconds() -> None:
    lines = _heard(0.5, 60)
    assert lines[:2] == ["scoring: 2 of 60, ETA 29 s", "scoring: 12 of 60, ETA 24 s"]
    assert len(lines) == 6


def test_what_was_known_already_does_not_count_for_the_pace() -> None:
    """The first 50 were there: only the others took time."""
    assert _heard(0.5, 100, lambda done: done > 50)[0] == "scoring: 52 of 100, ETA 24 s"
