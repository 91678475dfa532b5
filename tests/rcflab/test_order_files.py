"""Files beside an evaluation: who was found again, in which slot, and that an empty file has its columns."""

from pathlib import Path

import pandas

from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.sightings import Sighting
from rcflab.order_files import object_rows, write_objects


def sighting(frame: int, track: int, slot: int, *, identity: int, overridden: bool = False) -> Sighting:
    return Sighting(frame, track, track % 2, slot, identity, overridden, 0.25, (0.5, 0.1 * frame), False)


ORDER = OrderResult(
    [
        VideoOrder(0, (sighting(0, 6, 1, identity=1),), (), 0, 0),
        VideoOrder(
            1,
            (
                sighting(0, 7, 2, identity=2),
                sighting(1, 7, 4, identity=2, overridden=True),
                sighting(3, 7, 4, identity=4),
            ),
            (), 0, 0,
        ),
    ]
)  # fmt: skip


def test_each_finding_again_is_a_row_with_slots_and_identities_of_both_frames() -> None:
    changed, returned = object_rows(ORDER, [10, 20], ["cat", "dog"])
    assert changed == {
        "video": 20, "track": 7, "category": "dog", "frame_before": 0, "slot_before": 2, "identity_before": 2,
        "frame_after": 1, "slot_after": 4, "identity_after": 2, "adjacent": True, "kept_slot": False,
        "kept_identity": True, "overridden": True, "area": 0.25, "motion": 0.2,
    }  # fmt: skip
    assert (returned["frame_before"], returned["frame_after"]) == (1, 3)
    assert (returned["adjacent"], returned["kept_slot"], returned["kept_identity"]) == (False, True, False)


def test_a_file_without_rows_has_the_columns_of_one_with_rows(tmp_path: Path) -> None:
    write_objects(tmp_path / "none", OrderResult([]), [], [])
    write_objects(tmp_path / "some", ORDER, [10, 20], ["cat", "dog"])
    none, some = (pandas.read_parquet(tmp_path / name) for name in ("none", "some"))
    assert len(none) == 0 and len(some) == 2
    assert list(none.columns) == list(some.columns) == list(object_rows(ORDER, [10, 20], ["cat", "dog"])[0])
