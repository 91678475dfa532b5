"""Attention over a data set: each window counts once, and full and compressed have the same rows."""

from collections.abc import Callable

import pytest
import torch

from rcf.config import ModelConfig
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention import window_attention
from rcf.diagnostics.attention_maps import DecoderAttention, EncoderAttention, TokenParts
from rcf.diagnostics.attention_share import attention_shares
from rcf.diagnostics.attention_summary import (
    AttentionSummary,
    OnObjects,
    summarised,
    watched_windows,
    window_places,
    window_shares,
)
from rcf.model import build_network
from rcf.model.network import RCF

Tiny = Callable[..., ModelConfig]


def summary(
    network: RCF, clips: VideoDataset, places: list[tuple[int, int]], threshold: float = 0.0
) -> AttentionSummary:
    return summarised(watched_windows(network, clips, places, threshold))


def test_places_are_spread_over_all_frames(clips: VideoDataset) -> None:
    assert window_places(clips, 3) == [(0, 2), (1, 2), (2, 2)]
    assert len(window_places(clips, 100)) == len(set(window_places(clips, 12))) == 12


@pytest.mark.parametrize("frame", [0, 1, 3])
def test_a_window_is_that_of_its_frame_in_the_whole_video(tiny_network: RCF, clips: VideoDataset, frame: int) -> None:
    whole = torch.stack([clips.frame(1, number) for number in range(4)])
    (window,) = watched_windows(tiny_network, clips, [(1, frame)], 0.0)
    assert window.encoder == attention_shares(window_attention(tiny_network, whole, frame).encoder)


def test_means_are_over_windows(tiny_network: RCF, clips: VideoDataset) -> None:
    first, second, both = (summary(tiny_network, clips, places) for places in ([(0, 1)], [(2, 3)], [(0, 1), (2, 3)]))
    assert (first.windows, both.windows) == (1, 2)
    for mean, one, other in zip(both.encoder, first.encoder, second.encoder, strict=True):
        assert mean.target == pytest.approx((one.target + other.target) / 2)
    for mean, one, other in zip(both.on_objects, first.on_objects, second.on_objects, strict=True):
        assert (mean.share, mean.area) == pytest.approx(((one.share + other.share) / 2, (one.area + other.area) / 2))


@pytest.mark.parametrize(
    ("reference", "who"),
    [
        ({}, ["target", "references", "slots"]),
        ({"tokens": "full"}, ["target", "references", "slots"]),
        ({"frames": 0}, ["target", "slots"]),
        ({"tokens": "full", "join": "decoder"}, ["target", "slots"]),
    ],
)
def test_everybody_who_looks_has_a_row_in_each_layer(
    tiny_model: Tiny, clips: VideoDataset, reference: dict[str, object], who: list[str]
) -> None:
    network = build_network(tiny_model(**{"frames": 2, **reference}), categories=3, seed=0)
    found = summary(network, clips, window_places(clips, 2))
    assert [(each.who, each.layer) for each in found.on_objects] == [(name, layer) for name in who for layer in (0, 1)]
    assert len(found.encoder) == len(found.slots) == 4


def test_slots_count_where_they_fired_and_no_window_is_no_number(tiny_network: RCF, clips: VideoDataset) -> None:
    silent = summary(tiny_network, clips, [(0, 0)], threshold=1.0)
    assert silent.slots == ()
    assert {each.who for each in silent.on_objects} == {"target", "references"}
    assert summary(tiny_network, clips, []) == AttentionSummary(0, (), (), ())


def test_attention_that_lies_on_the_object_alone_is_preferred_by_its_area(
    tiny_network: RCF, clips: VideoDataset
) -> None:
    seen = window_attention(tiny_network, clips.frame(0, 0)[None], 0)
    parts = TokenParts(height=2, width=2)
    first_cell = torch.zeros(1, 1, 4, 4)
    first_cell[..., 0] = 1
    masks = torch.zeros(1, 8, 8, dtype=torch.bool)
    masks[0, :4, :4] = True
    made = type(seen)(EncoderAttention(first_cell, parts), DecoderAttention(first_cell, parts), None, seen.answer)
    rows = window_shares(made, masks, [2]).on_objects
    assert rows == (OnObjects("target", 0, 1.0, 0.25), OnObjects("slots", 0, 1.0, 0.25))
    assert rows[0].preference == 4
    nothing = window_shares(made, masks[:0], [2]).on_objects[0]
    assert (nothing.share, nothing.area, nothing.preference) == (0, 0, None)
