"""What every source of frames promises, on each of them; then what is particular to one."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from rcf.errors import InputError
from rcf.video.camera import Camera
from rcf.video.file import VideoFile
from rcf.video.folder import ImageFolder
from rcf.video.raw import RawFrames
from rcf.video.source import FrameSource

Frames = NDArray[np.uint8]
FPS = 6.0
Make = Callable[[Frames], FrameSource]
KINDS = ["file", "folder", "camera", "raw"]
AGAIN = ["file", "folder"]
"""Sources that can be read more than once."""


@pytest.fixture
def source_of(
    tmp_path: Path, camera_of: Callable[[Frames], bytes], write_video, served
) -> Iterator[Callable[[str, Frames], FrameSource]]:
    """(kind, frames) -> a source of these frames."""
    with ExitStack() as stack:

        def folder(frames: Frames) -> ImageFolder:
            for number, frame in enumerate(frames):
                Image.fromarray(frame).save(tmp_path / f"frame{number}.png")
            return ImageFolder(tmp_path, FPS)

        def raw(frames: Frames) -> RawFrames:
            return RawFrames(io.BytesIO(frames.tobytes()), frames.shape[2], frames.shape[1], FPS)

        def camera(frames: Frames) -> Camera:
            made = Camera(stack.enter_context(served(camera_of(frames))), timeout_s=5.0, newest=False)
            stack.callback(made.close)
            return made

        makers: dict[str, Make] = {
            "file": lambda frames: VideoFile(write_video(tmp_path / "a.mkv", frames)),
            "folder": folder,
            "camera": camera,
            "raw": raw,
        }
        yield lambda kind, frames: makers[kind](frames)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_is_a_frame_source(source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames):
    assert isinstance(source_of(kind, pictures), FrameSource)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_come_in_order_with_their_pixels(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    found = list(source_of(kind, pictures).frames())
    assert [frame.number for frame in found] == list(range(8))
    assert all(np.array_equal(f.pixels.permute(1, 2, 0).numpy(), p) for f, p in zip(found, pictures, strict=True))
    assert {(frame.pixels.dtype, frame.pixels.is_contiguous()) for frame in found} == {(torch.uint8, True)}


@pytest.mark.parametrize("kind", KINDS)
def test_moments_start_at_zero_and_follow_the_pace(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    moments = [frame.moment for frame in source_of(kind, pictures).frames()]
    assert moments == pytest.approx([number / FPS for number in range(8)], abs=2e-3)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "camera"])
def test_a_source_goes_on_from_a_frame(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    found = list(source_of(kind, pictures).frames(first=5))
    assert [frame.number for frame in found] == [5, 6, 7]
    assert np.array_equal(found[0].pixels.permute(1, 2, 0).numpy(), pictures[5])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "camera"])
def test_a_source_that_was_read_to_its_end_has_nothing_more(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    assert list(source_of(kind, pictures).frames(first=8)) == []


def test_a_camera_that_is_taken_up_again_begins_at_its_present(
    source_of: Callable[[str, Frames], FrameSource], pictures: Frames
) -> None:
    found = list(source_of("camera", pictures).frames(first=5))
    assert [frame.number for frame in found] == list(range(5, 13))


@pytest.mark.parametrize("kind", AGAIN)
def test_a_second_reading_gives_the_same(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    source = source_of(kind, pictures)
    one, two = list(source.frames()), list(source.frames())
    assert len(one) == len(two) == 8
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_frame_without_listening_has_no_samples(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    source = source_of(kind, pictures)
    assert source.sound_rate == 0
    assert {frame.sound.numel() for frame in source.frames()} == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_closing_twice_does_no_harm(
    source_of: Callable[[str, Frames], FrameSource], kind: str, pictures: Frames
) -> None:
    source = source_of(kind, pictures)
    next(iter(source.frames()))
    source.close()
    source.close()


@pytest.mark.parametrize("kind", ["file", "folder", "raw"])
def test_no_frames_at_all_is_an_error(tmp_path: Path, kind: str, write_video) -> None:
    def made() -> FrameSource:
        if kind == "folder":
            return ImageFolder(tmp_path, FPS)
        if kind == "raw":
            return RawFrames(io.BytesIO(b""), 48, 32, FPS)
        return VideoFile(write_video(tmp_path / "empty.mkv", np.zeros((0, 32, 48, 3), np.uint8)))

    with pytest.raises(InputError, match=r"got no frames, expected a video|cannot be opened \(End of file\)"):
        list(made().frames())


def test_images_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 100, 1):
        Image.new("RGB", (48, 32), (number, 0, 0)).save(tmp_path / f"f{number}.png")
    assert [int(frame.pixels[0, 0, 0]) for frame in ImageFolder(tmp_path, FPS).frames()] == [1, 9, 10, 100]
