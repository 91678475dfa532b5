"""Figures 4 and 8 of a video: its frames, and below each who looks where in it.

    frames --window_attention, one pass each of at most 8--> maps h w of the last encoder layer --rows--> picture

    frame                                 3    7   11
    target looks at itself                colours of all heads, by their principal components
    references look at the target         colours of all heads
    references look at the target, head 1 .. 4                 in heat, as below
    sound looks at the target             mean of the heads
    found objects look at the target      last decoder layer, mean of heads and fired slots
    weight of the pixels as a reference   0..1

Rows that a network has no parts for are left out. Heat and colours have one scale for all frames of a row, so that
frames can be compared; its values stand beside it, and the rarest (rcf/diagnostics/head_colours.py) are not told apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention import WindowAttention, window_attention
from rcf.diagnostics.head_colours import limits, pca_rgb, stretch
from rcf.model.network import RCF
from rcf.pictures import enlarged, heated, save_png, side_by_side, spread

_TILE = 96
_GAP = 4
_LABEL = 170
_FONT = 12
_LETTERS = 25
"""That fit beside each other into the width of a label."""
_HEADS = 4
"""That are shown each by itself, as in figure 8."""
_COLOUR = 0.7
"""The rest is the grey frame, so that one sees where a place is."""


@dataclass(frozen=True, slots=True, eq=False)
class AttentionMaps:
    """What is drawn of one frame; a map is None where the network has no such part, or no slot fired."""

    target: Float[Tensor, "heads h w"]
    references: Float[Tensor, "heads h w"] | None
    sound: Float[Tensor, "h w"] | None
    objects: Float[Tensor, "h w"] | None
    weight: Float[Tensor, "h w"] | None


def attention_maps(seen: WindowAttention, fires_above: float) -> AttentionMaps:
    """Of the last layers; slots fire above a class probability."""
    parts, slots = seen.encoder.parts, seen.fired(fires_above)
    return AttentionMaps(
        seen.encoder.target_to_target()[-1],
        seen.encoder.reference_to_target()[-1] if parts.references else None,
        seen.encoder.audio_to_target()[-1].mean(0) if parts.sounds else None,
        seen.decoder.slots_to_target(slots)[-1].mean((0, 1)) if slots else None,
        None if seen.pixel_weight is None else seen.pixel_weight[-1],
    )


def attention_picture(
    network: RCF,
    frames: UInt8[Tensor, "T 3 H W"],
    shown: Sequence[NDArray[np.uint8]],
    patches: Float[Tensor, "T A E"] | None = None,
    fires_above: float | None = None,
) -> Image.Image:
    """The picture of one video; the network is left as it came.

    `frames` are those of network size, `shown` the same ones H W 3 as they are to be seen, `patches` what is heard at
    each. Slots fire above `fires_above`, by default the class threshold of an evaluation.
    """
    threshold = EvaluationConfig().class_threshold if fires_above is None else fires_above
    numbers = spread(len(shown))
    maps = [attention_maps(window_attention(network, frames, number, patches), threshold) for number in numbers]
    return drawn([shown[number] for number in numbers], numbers, maps)


def write_attention_picture(
    network: RCF, dataset: VideoDataset, video: int, path: Path, fires_above: float | None = None
) -> None:
    """The picture of one video (its index in `dataset`) as a PNG file. Raises as `attention_of_video`."""
    save_png(attention_of_video(network, dataset, video, fires_above), path)


def attention_of_video(
    network: RCF, dataset: VideoDataset, video: int, fires_above: float | None = None
) -> Image.Image:
    """The picture of one video (its index in `dataset`).

    Raises rcf.errors.InputError when a frame or the sound is damaged.
    """
    frames, shown, patches = dataset.frames(video), dataset.originals(video), dataset.heard(video)
    return attention_picture(network, frames, shown, patches, fires_above)


def drawn(shown: Sequence[NDArray[np.uint8]], numbers: Sequence[int], maps: Sequence[AttentionMaps]) -> Image.Image:
    """The rows below one another; one map, one frame H W 3 and its number for each column."""
    plain = [enlarged(frame, _TILE) for frame in shown]
    rows = [_labelled("Frame, by its number", _numbered(plain, numbers))]
    rows.append(_in_colours("Target looks at itself", plain, [each.target for each in maps]))
    references = [each.references for each in maps if each.references is not None]
    if references:
        rows.append(_in_colours("References look at the target", plain, references))
        for head in range(min(_HEADS, len(references[0]))):
            label = f"References look at the target, head {head + 1}, share a cell"
            rows.append(_in_heat(label, plain, [each[head] for each in references]))
    singles: list[tuple[str, Callable[[AttentionMaps], Tensor | None]]] = [
        ("Sound looks at the target, share a cell", lambda each: each.sound),
        ("Found objects look at the target, share a cell", lambda each: each.objects),
        ("Weight of pixels when the frame is a reference", lambda each: each.weight),
    ]
    for label, taken in singles:
        found = [taken(each) for each in maps]
        if any(each is not None for each in found):
            rows.append(_in_heat(label, plain, found))
    return _below_one_another(rows)


def _in_colours(label: str, plain: Sequence[Image.Image], maps: Sequence[Float[Tensor, "heads h w"]]) -> Image.Image:
    colours = pca_rgb(torch.stack(list(maps), dim=1))
    tiles: list[Image.Image] = []
    for frame, colour in zip(plain, colours, strict=True):
        places = Image.fromarray((255 * colour).round().byte().numpy())
        stretched = places.resize(frame.size, Image.Resampling.BILINEAR)
        tiles.append(Image.blend(frame.convert("L").convert("RGB"), stretched, _COLOUR))
    return _labelled(f"{label}: all heads, like colours where heads look alike", tiles)


def _in_heat(label: str, plain: Sequence[Image.Image], maps: Sequence[Float[Tensor, "h w"] | None]) -> Image.Image:
    there = torch.cat([each.flatten() for each in maps if each is not None])
    low, high = limits(there)
    tiles = [
        frame if each is None else heated(frame, stretch(each, low, high).numpy())
        for frame, each in zip(plain, maps, strict=True)
    ]
    least, most = float(there.min()), float(there.max())
    spans = f"{least:.2g} to {most:.2g}, full heat from {float(high):.2g}" if most > least else f"{most:.2g} everywhere"
    return _labelled(f"{label}: {spans}", tiles)


def _numbered(plain: Sequence[Image.Image], numbers: Sequence[int]) -> list[Image.Image]:
    tiles = [frame.copy() for frame in plain]
    for tile, number in zip(tiles, numbers, strict=True):
        ImageDraw.Draw(tile).text((4, 2), str(number), fill="white", stroke_width=1, stroke_fill="black")
    return tiles


def _labelled(label: str, tiles: Sequence[Image.Image]) -> Image.Image:
    beside = Image.new("RGB", (_LABEL, _TILE), "white")
    font = ImageFont.load_default(_FONT)
    ImageDraw.Draw(beside).multiline_text((4, 4), "\n".join(wrap(label, _LETTERS)), fill="black", font=font)
    return side_by_side([beside, *tiles])


def _below_one_another(rows: Sequence[Image.Image]) -> Image.Image:
    whole = Image.new("RGB", (rows[0].width, len(rows) * (_TILE + _GAP) - _GAP), "white")
    for index, row in enumerate(rows):
        whole.paste(row, (0, index * (_TILE + _GAP)))
    return whole
