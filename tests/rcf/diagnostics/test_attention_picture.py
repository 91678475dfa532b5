"""Figure 8 of a video: labelled rows for what the network has, and only for that."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rcf.config import AudioConfig, ModelConfig
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention_picture import AttentionMaps, attention_picture, drawn, write_attention_picture
from rcf.model import build_network
from rcf.model.network import RCF

Tiny = Callable[..., ModelConfig]
TILE, GAP, LABEL = 96, 4, 170


def frames_of(video: Tensor) -> list[np.ndarray]:
    return [frame.permute(1, 2, 0).numpy() for frame in video]


def rows_of(picture: Image.Image) -> int:
    return (picture.height + GAP) // (TILE + GAP)


def tile(picture: Image.Image, row: int, column: int, width: int) -> np.ndarray:
    left, top = LABEL + GAP + column * (width + GAP), row * (TILE + GAP)
    return np.asarray(picture.crop((left, top, left + width, top + TILE))).astype(int)


@pytest.mark.parametrize(
    ("reference", "listens", "rows"),
    # Frame, target, references in colours, two heads, [sound], objects, [weight].
    [
        ({}, False, 7), ({}, True, 8), ({"pixel_weight": "none"}, False, 6), ({"tokens": "full"}, False, 6),
        ({"frames": 0}, False, 3), ({"tokens": "full", "join": "decoder"}, False, 3),
    ],
)  # fmt: skip
def test_rows_that_a_network_has_no_parts_for_are_left_out(
    tiny_model: Tiny, video: Tensor, reference: dict[str, object], listens: bool, rows: int
) -> None:
    config = tiny_model(**{"frames": 2, **reference})
    audio = AudioConfig(features="small", mel_frames=16, lstm_width=8) if listens else config.audio
    network = build_network(config.model_copy(update={"audio": audio}), categories=3, seed=0)
    picture = attention_picture(network, video[:3], frames_of(video[:3]), fires_above=0.0)
    assert picture.size == (LABEL + 3 * (144 + GAP), rows * (TILE + GAP) - GAP)


def test_a_long_video_is_shown_by_eight_frames_and_one_frame_by_itself(tiny_network: RCF, video: Tensor) -> None:
    long = video.repeat(3, 1, 1, 1)
    assert attention_picture(tiny_network, long, frames_of(long)).width == LABEL + 8 * (144 + GAP)
    assert attention_picture(tiny_network, video[:1], frames_of(video[:1])).width == LABEL + 144 + GAP


def test_where_no_slot_fires_there_is_no_row_of_objects(tiny_network: RCF, video: Tensor) -> None:
    shown = frames_of(video[:2])
    with_objects = attention_picture(tiny_network, video[:2], shown, fires_above=0.0)
    without = attention_picture(tiny_network, video[:2], shown, fires_above=1.0)
    assert rows_of(with_objects) == rows_of(without) + 1


def test_heat_is_that_of_the_map_and_colours_are_those_of_the_heads() -> None:
    plain = np.full((48, 48, 3), 80, dtype=np.uint8)
    heads = torch.full((2, 2, 2), 0.25)
    heads[0, 0, 0], weight = 0.9, torch.tensor([[0.1, 0.1], [0.1, 0.7]])
    picture = drawn([plain, plain], [0, 5], [AttentionMaps(heads, None, None, None, weight)] * 2)
    assert rows_of(picture) == 3
    colours, heat = tile(picture, 1, 1, TILE), tile(picture, 2, 1, TILE)
    assert colours[2, 2, 0] > colours[90, 90, 0] + 100
    assert len(set(heat[2, 2])) == 1, "grey where it is cold"
    assert heat[93, 93, 0] > heat[93, 93, 2] + 60, "orange where it is hot"


def test_a_frame_without_a_fired_slot_stays_plain_in_the_row_of_objects() -> None:
    plain = np.full((48, 48, 3), (200, 40, 40), dtype=np.uint8)
    heads, hot = torch.rand(2, 2, 2), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    maps = [AttentionMaps(heads, None, None, each, None) for each in (hot, None)]
    picture = drawn([plain, plain], [0, 1], maps)
    assert (tile(picture, 2, 1, TILE) == (200, 40, 40)).all()
    assert not (tile(picture, 2, 0, TILE) == (200, 40, 40)).all()


def test_every_row_has_a_label_beside_it(tiny_network: RCF, video: Tensor) -> None:
    picture = attention_picture(tiny_network, video[:2], frames_of(video[:2]), fires_above=0.0)
    for row in range(rows_of(picture)):
        top = row * (TILE + GAP)
        beside = np.asarray(picture.crop((0, top, LABEL, top + TILE)).convert("L"))
        assert beside.min() < 100
        assert (beside[:, -6:] == 255).all(), "the label fits its column"
        assert (beside[-6:] == 255).all(), "and its row"


def test_the_picture_of_a_clip_is_a_png_and_repeats(tiny_network: RCF, clips: VideoDataset, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_attention_picture(tiny_network, clips, 0, tmp_path / "out" / name, fires_above=0.0)
    with Image.open(tmp_path / "out" / "a.png") as picture:
        assert (picture.format, picture.width) == ("PNG", LABEL + 4 * (144 + GAP))
    assert (tmp_path / "out" / "a.png").read_bytes() == (tmp_path / "out" / "b.png").read_bytes()
