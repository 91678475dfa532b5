"""What every sink promises, on each of them; then what is particular to one."""

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from rcf.errors import InputError
from rcf.evaluation.rle import decode
from rcf.overlay import identity_colour
from rcf.video.file import VideoFile
from rcf.video.picture_frames import mask_picture
from rcf.video.session import Shown, ShownObject
from rcf.video.sink import FrameSink
from rcf.video.sinks import open_sink
from rcf.video.source import SourceFrame

Frames = NDArray[np.uint8]
NAMES = ["a.mp4", "a.mkv", "a.jsonl", "a.png", "frames:a", "masks:a"]
SINGLE = NAMES[:4]
"""Sinks that write one file."""


def shown(number: int, identities: tuple[int, ...] = (1,), size: tuple[int, int] = (32, 48)) -> Shown:
    masks = torch.zeros(len(identities), *size, dtype=torch.bool)
    for index in range(len(identities)):
        masks[index, 4:20, 6 + 8 * index : 22 + 8 * index] = True
    objects = tuple(ShownObject(each, slot, "cat", 0.9 - 0.1 * slot, False) for slot, each in enumerate(identities))
    pixels = torch.full((3, *size), 100, dtype=torch.uint8)
    return Shown(SourceFrame(number, number / 6, pixels), "slots", objects, masks)


@pytest.fixture
def open_at(tmp_path: Path, write_video: Callable[..., Path], pictures: Frames) -> Callable[..., FrameSink]:
    """(name, first) -> a sink in this test's folder."""
    source = VideoFile(write_video(tmp_path / "source.mkv", pictures))

    def made(name: str, first: int = 0) -> FrameSink:
        kind, _, rest = name.rpartition(":")
        return open_sink(f"{kind}{':' if kind else ''}{tmp_path / 'out' / rest}", source, first)

    return made


def left(folder: Path) -> list[str]:
    out = folder / "out"
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) if out.exists() else []


@pytest.mark.parametrize("name", NAMES)
def test_a_sink_is_a_frame_sink(open_at: Callable[..., FrameSink], name: str) -> None:
    assert isinstance(open_at(name), FrameSink)


@pytest.mark.parametrize("name", SINGLE)
def test_a_file_has_its_name_only_when_it_is_whole(
    open_at: Callable[..., FrameSink], name: str, tmp_path: Path
) -> None:
    sink = open_at(name)
    for number in range(3):
        sink.write(shown(number))
    assert name not in left(tmp_path)
    sink.close()
    assert left(tmp_path) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_a_sink_that_was_given_nothing_leaves_nothing(
    open_at: Callable[..., FrameSink], name: str, tmp_path: Path
) -> None:
    open_at(name).close()
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_closing_twice_does_no_harm(open_at: Callable[..., FrameSink], name: str, tmp_path: Path) -> None:
    sink = open_at(name)
    sink.write(shown(0))
    sink.close()
    before = left(tmp_path)
    sink.close()
    assert left(tmp_path) == before != []


@pytest.mark.parametrize("name", ["frames:a", "masks:a"])
def test_every_picture_is_there_as_soon_as_its_frame_was_written(
    open_at: Callable[..., FrameSink], name: str, tmp_path: Path
) -> None:
    sink = open_at(name)
    sink.write(shown(7))
    assert left(tmp_path) == ["a/000007.png"]
    with Image.open(tmp_path / "out" / "a" / "000007.png") as picture:
        assert (picture.size, picture.text["rcflab-mode"]) == ((48, 32), "slots")


@pytest.mark.parametrize("name", ["frames:a", "masks:a"])
def test_a_new_stream_does_not_mix_with_what_is_there(
    open_at: Callable[..., FrameSink], name: str, tmp_path: Path
) -> None:
    open_at(name).write(shown(0))
    with pytest.raises(InputError, match="expected a new or empty folder"):
        open_at(name)
    open_at(name, first=1).write(shown(1))
    assert left(tmp_path) == ["a/000000.png", "a/000001.png"]


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_a_stream_that_goes_on_does_not_overwrite_what_is_there(open_at: Callable[..., FrameSink], name: str) -> None:
    sink = open_at(name)
    sink.write(shown(0))
    sink.close()
    with pytest.raises(InputError, match="for a stream that goes on from frame 3, expected a new name"):
        open_at(name, first=3)


def test_lines_go_on_after_those_of_the_frames_before(open_at: Callable[..., FrameSink], tmp_path: Path) -> None:
    for first, last in ((0, 4), (3, 6)):  # frame 3 was written, but its state was not saved
        sink = open_at("a.jsonl", first)
        for number in range(first, last):
            sink.write(shown(number))
        sink.close()
    lines = [json.loads(line) for line in (tmp_path / "out" / "a.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2, 3, 4, 5]


def test_a_line_has_masks_identities_and_the_mode(open_at: Callable[..., FrameSink], tmp_path: Path) -> None:
    given, sink = shown(2, (5, 9)), open_at("a.jsonl")
    sink.write(given)
    sink.close()
    line = json.loads((tmp_path / "out" / "a.jsonl").read_text())
    assert (line["frame"], line["mode"], line["size"]) == (2, "slots", [32, 48])
    assert [each["identity"] for each in line["objects"]] == [5, 9]
    assert np.array_equal(decode([each["segmentation"] for each in line["objects"]]), given.masks.numpy())


def test_a_pixel_of_a_mask_is_the_identity_with_the_highest_score() -> None:
    picture = mask_picture(shown(0, (3, 12)))
    values = np.asarray(picture)
    assert picture.mode == "P"
    assert (values[10, 8], values[10, 18], values[10, 26], values[0, 0]) == (3, 3, 12, 0)
    assert tuple(picture.getpalette()[36:39]) == identity_colour(12)


def test_identities_beyond_255_take_sixteen_bits() -> None:
    assert np.asarray(mask_picture(shown(0, (300,)))).max() == 300


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_an_overlay_plays_at_the_pace_of_its_source(
    open_at: Callable[..., FrameSink], tmp_path: Path, suffix: str
) -> None:
    sink = open_at(f"a{suffix}")
    for number in range(6):
        sink.write(shown(number, size=(33, 47)))
    sink.close()
    frames = list(VideoFile(tmp_path / "out" / f"a{suffix}").frames())
    assert [frame.moment for frame in frames] == pytest.approx([n / 6 for n in range(6)], abs=2e-3)
    assert frames[0].pixels.shape == (3, 34, 48)
    with av.open(str(tmp_path / "out" / f"a{suffix}")) as container:
        assert "mode slots" in {key.lower(): value for key, value in container.metadata.items()}["comment"]


def test_an_overlay_keeps_the_sound_of_its_source_up_to_its_last_frame(
    tmp_path: Path, write_video: Callable[..., Path], pictures: Frames
) -> None:
    sound = np.sin(np.arange(16000 * 8 // 6) / 5).astype(np.float32) / 2
    source = VideoFile(write_video(tmp_path / "s.mkv", pictures, sound=sound, sound_codec="flac"))
    sink = open_sink(str(tmp_path / "a.mp4"), source)
    for number in range(4):
        sink.write(shown(number))
    sink.close()
    heard = VideoFile(tmp_path / "a.mp4", listen=True)
    samples = torch.cat([frame.sound for frame in heard.frames(ahead_s=1 / 6)]).numpy()
    assert heard.sound_rate == 16000
    assert np.abs(samples[:10000] - sound[:10000]).max() < 1e-3


def test_sound_that_does_not_fit_the_container_is_left_out_with_a_note(
    tmp_path: Path, write_video: Callable[..., Path], pictures: Frames
) -> None:
    sound = np.zeros(16000, np.float32)
    source = VideoFile(write_video(tmp_path / "s.mkv", pictures, sound=sound, sound_codec="wavpack"))
    sink = open_sink(str(tmp_path / "a.mp4"), source)
    sink.write(shown(0))
    sink.close()
    assert sink.notes == ["no sound in a.mp4: wavpack does not fit into .mp4, .mkv does"]


@pytest.mark.parametrize("name", ["a.gif", "a", "nothing:here"])
def test_a_sink_that_is_none_is_refused(open_at: Callable[..., FrameSink], name: str) -> None:
    with pytest.raises(InputError, match=r"got the ending .* expected a name that ends with \.mp4"):
        open_at(name)
