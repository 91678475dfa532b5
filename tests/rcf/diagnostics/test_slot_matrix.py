"""Slots against categories: totals, who is usual, and bits by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcf.diagnostics.sightings import Sighting
from rcf.diagnostics.slot_matrix import SlotMatrix, chance_bits, slot_matrix

NAMES = ("person", "duck", "seal")


def seen(*shown: tuple[int, int]) -> list[Sighting]:
    """A sighting for each (slot, label), each of an object of its own."""
    return [
        Sighting(0, track, label, slot, track, False, 0.1, (0.5, 0.5), False)
        for track, (slot, label) in enumerate(shown)
    ]


def matrix(*shown: tuple[int, int]) -> SlotMatrix:
    return slot_matrix(seen(*shown), 6, NAMES)


def test_only_slots_that_showed_something_are_rows_with_their_totals() -> None:
    found = matrix((4, 0), (1, 1), (4, 1), (4, 0))
    assert found.slots == (1, 4)
    assert found.counts.tolist() == [[0, 1, 0], [2, 1, 0]]
    assert (found.total, found.slot_totals, found.category_totals) == (4, (1, 3), (2, 2, 0))


def test_the_busiest_slot_and_the_usual_partners_are_named_with_their_share() -> None:
    found = matrix((4, 0), (1, 1), (4, 1), (4, 0), (4, 2))
    busiest = found.busiest()
    assert busiest is not None
    assert (busiest.index, busiest.share) == (4, pytest.approx(0.8))
    assert [(each.index, each.share) for each in found.usual_categories()] == [(1, 1.0), (0, 0.5)]
    assert [each and (each.index, each.share) for each in found.usual_slots()] == [(4, 1.0), (1, 0.5), (4, 1.0)]


def test_nothing_seen_is_no_rows_and_no_bits() -> None:
    found = matrix()
    assert (found.slots, found.total, found.busiest(), found.usual_categories()) == ((), 0, None, ())
    assert (found.category_totals, found.usual_slots()) == ((0, 0, 0), (None, None, None))
    assert (found.information_bits(), found.category_bits()) == (0, 0)
    assert chance_bits([], 6, 3, np.random.default_rng(0), draws=2).tolist() == [0, 0]


def test_a_slot_of_its_own_for_each_category_says_all_of_it() -> None:
    found = matrix(*[(slot, slot) for slot in (0, 1)] * 4)
    assert found.information_bits() == pytest.approx(1.0)
    assert found.category_bits() == pytest.approx(1.0)


def test_slots_that_show_all_categories_alike_say_nothing() -> None:
    found = matrix(*[(slot, label) for slot in (0, 3) for label in range(3)])
    assert found.information_bits() == pytest.approx(0.0)
    assert found.category_bits() == pytest.approx(np.log2(3))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=30))
def test_information_is_at_most_the_entropy_of_the_categories(shown: list[tuple[int, int]]) -> None:
    found = matrix(*shown)
    assert 0 <= found.information_bits() <= found.category_bits() + 1e-9


def test_chance_is_what_exchanged_categories_say_and_repeats_with_its_seed() -> None:
    shown = [(number % 2, number % 2) for number in range(40)]
    drawn = chance_bits(seen(*shown), 6, 3, np.random.default_rng(0))
    assert drawn.shape == (200,)
    assert (np.diff(drawn) >= 0).all()
    assert np.array_equal(drawn, chance_bits(seen(*shown), 6, 3, np.random.default_rng(0)))
    # Chance gives about 1 / (2 N ln 2) bits for one degree of freedom (Miller 1955).
    assert float(drawn.mean()) == pytest.approx(1 / (80 * np.log(2)), rel=0.5)
    assert matrix(*shown).information_bits() > float(drawn[-1])


def test_sightings_of_one_object_exchange_their_category_together() -> None:
    """Two objects, each seen ten times in a slot of its own: any exchange says as much as the truth, one bit."""
    shown = [Sighting(f, t, t, t, t, False, 0.1, (0.5, 0.5), False) for t in (0, 1) for f in range(10)]
    assert chance_bits(shown, 6, 3, np.random.default_rng(0), draws=20).tolist() == pytest.approx([1.0] * 20)
