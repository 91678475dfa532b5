"""Run lengths and overlaps are exact, whatever the masks look like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rcf.data.runs import parse_counts
from rcf.evaluation import overlap, rle
from rcf.evaluation.bulk_runs import damaged, decode_runs
from rcf.evaluation.overlap import Shape, overlaps

Masks = NDArray[np.bool_]
SIDES = st.integers(1, 12)


@st.composite
def videos(draw: st.DrawFn) -> Masks:
    """(tracks, frames, H, W): noise, whole columns, nothing, everything."""
    shape = (draw(st.integers(2, 5)), draw(st.integers(1, 4)), draw(SIDES), draw(SIDES))
    masks = draw(hnp.arrays(np.bool_, shape))
    plain = draw(hnp.arrays(np.int8, shape[:2], elements=st.integers(-1, 1)))
    masks[plain == 0] = False
    masks[plain == 1] = draw(st.booleans())
    return masks


def counts(masks: Masks) -> list[str]:
    return [mask["counts"] for mask in rle.encode(masks)]


@given(videos())
def test_masks_survive_encoding_and_decoding(masks: Masks) -> None:
    flat = masks.reshape(-1, *masks.shape[2:])
    assert np.array_equal(rle.decode(rle.encode(flat)), flat)


@given(videos())
def test_runs_of_many_texts_cover_exactly_the_set_pixels(masks: Masks) -> None:
    flat = masks.reshape(-1, *masks.shape[2:])
    runs = decode_runs(counts(flat), flat[0].size)
    assert runs is not None
    line = np.zeros(flat.size, np.bool_)
    for start, length in zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True):
        assert not line[start : start + length].any()
        line[start : start + length] = True
    assert np.array_equal(line, flat.transpose(0, 2, 1).ravel())
    assert np.array_equal(runs.areas(), flat.sum(axis=(1, 2))) and np.array_equal(
        rle.areas(rle.encode(flat)), runs.areas()
    )


@settings(max_examples=150)
@given(videos(), st.integers(1, 4), st.sampled_from([1, 40, 1 << 16]))
def test_shared_pixels_are_those_of_the_bitmaps(masks: Masks, split: int, batch: int) -> None:
    split = min(split, len(masks))
    tracks = [
        [mask if pixels.any() else None for mask, pixels in zip(rle.encode(track), track, strict=True)]
        for track in masks
    ]
    shape = Shape(masks.shape[2], masks.shape[3], masks.shape[1])
    others = len(masks) - split
    ranges = [(g % (others + 1), others) for g in range(split)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "_BATCH_CHARACTERS", batch)  # batches must not show
        found = overlaps(shape, tracks[:split], tracks[split:], ranges)
    both = np.einsum("gthw,pthw->gp", masks[:split].astype(int), masks[split:].astype(int))
    wanted = [
        [value if low <= p < high else 0 for p, value in enumerate(row)]
        for row, (low, high) in zip(both, ranges, strict=True)
    ]
    assert found.shared.sum(2).tolist() == wanted
    assert np.array_equal(found.truth, masks[:split].sum(axis=(2, 3)))
    assert np.array_equal(found.predicted, masks[split:].sum(axis=(2, 3)))


@given(st.text(alphabet=[chr(code) for code in range(46, 114)] + ["é"], max_size=12), st.integers(1, 40))
def test_exactly_the_texts_that_are_no_whole_mask_are_called_damaged(text: str, size: int) -> None:
    try:
        whole = int(parse_counts(text).sum()) == size
    except ValueError:
        whole = False
    good = rle.empty(size, 1)["counts"]
    assert damaged([good, text, good], size) == ([] if whole else [1])


def test_more_than_255_masks_have_areas() -> None:
    assert rle.areas([rle.empty(3, 4)] * 300).tolist() == [0] * 300


def test_no_masks_encode_to_nothing() -> None:
    assert rle.encode(np.zeros((0, 4, 5), np.bool_)) == []


def test_masks_without_a_batch_axis_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        rle.encode(np.zeros((4, 5), np.bool_))
