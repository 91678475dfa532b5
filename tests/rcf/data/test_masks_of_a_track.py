"""All masks of a track read at once are what they are one by one, with the same faults at the same places."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcf.data.masks_json import read_mask, read_masks
from rcf.data.problems import Collector
from rcf.data.runs import format_counts, runs_of_mask

HEIGHT, WIDTH = 5, 7
LETTERS = st.characters(min_codepoint=40, max_codepoint=115)
COUNTS = arrays(bool, (HEIGHT, WIDTH)).map(lambda mask: format_counts(runs_of_mask(np.asarray(mask))))


def _mask(counts: Any) -> dict[str, Any]:
    return {"size": [HEIGHT, WIDTH], "counts": counts}


SOUND = COUNTS.map(_mask) | st.none() | st.just([])
STRANGE = (
    st.text(LETTERS, max_size=9).map(_mask)
    | st.builds(lambda text, more: _mask(text + more), COUNTS, st.text(LETTERS, max_size=2))
    | st.builds(lambda text, cut: _mask(text[:cut]), COUNTS, st.integers(0, 6))
    | st.lists(st.integers(-1, 40), max_size=4).map(_mask)
    | st.just({"size": [WIDTH, HEIGHT], "counts": "0"})
    | st.just(_mask("S" + "o" * 5 + "_0"))
    | st.sampled_from([5, "x", [[0, 0, 3, 0, 3, 3]], {}, True])
)


def _both(entries: list[Any]) -> tuple[Any, Any]:
    together, apart = Collector("a", strict=True), Collector("a", strict=True)
    found = read_masks(together, "/m", entries, HEIGHT, WIDTH)
    single = [read_mask(apart, f"/m/{index}", entry, HEIGHT, WIDTH) for index, entry in enumerate(entries)]
    return (found, together.problems), (single, apart.problems)


@settings(max_examples=100)
@given(st.lists(SOUND, max_size=8))
def test_sound_masks_are_read_alike(entries: list[Any]) -> None:
    together, apart = _both(entries)
    assert together == apart
    assert together[1] == []


@settings(max_examples=200)
@given(st.lists(SOUND | STRANGE, max_size=6))
def test_faults_are_found_alike(entries: list[Any]) -> None:
    together, apart = _both(entries)
    assert together == apart
