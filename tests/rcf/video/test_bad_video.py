"""What is wrong with a video has a defined end: mended with a note, or refused by frame and reason."""

import io
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from PIL import Image

from rcf.errors import InputError, SourceStoppedError
from rcf.video.camera import Camera
from rcf.video.file import VideoFile
from rcf.video.folder import ImageFolder
from rcf.video.opening import open_source
from rcf.video.raw import RawFrames
from rcf.video.source import SourceFrame

Frames = NDArray[np.uint8]
Write = Callable[..., Path]
RATE = 16000


def pixels(frame: SourceFrame) -> Frames:
    return frame.pixels.permute(1, 2, 0).numpy()


def test_a_video_that_changes_its_size_is_refused_at_that_frame(tmp_path: Path, write_video: Write, pictures: Frames):
    # Two videos of different size, one behind the other: a transport stream may be joined so.
    parts = [
        write_video(tmp_path / f"{n}.ts", frames, codec="mpeg2video", pix_fmt="yuv420p").read_bytes()
        for n, frames in enumerate((pictures, np.zeros((8, 64, 96, 3), np.uint8)))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    seen: list[int] = []
    with pytest.raises(InputError, match=r"frame \d+: got 96x64, expected 48x32 as the frames before it"):
        seen.extend(frame.number for frame in VideoFile(path).frames())
    assert seen == list(range(len(seen))) != []


def test_a_folder_with_images_of_two_sizes_is_refused_at_that_frame(tmp_path: Path) -> None:
    Image.new("RGB", (48, 32)).save(tmp_path / "0.png")
    Image.new("RGB", (32, 48)).save(tmp_path / "1.png")
    with pytest.raises(InputError, match="frame 1: got 32x48, expected 48x32 as the frames before it"):
        list(ImageFolder(tmp_path, 6.0).frames())


def test_a_file_without_its_end_gives_the_frames_that_are_whole(tmp_path: Path, write_video: Write, pictures: Frames):
    path = write_video(tmp_path / "a.mkv", pictures)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 7 // 10])
    found = list(VideoFile(path).frames())
    assert 3 <= len(found) < 8
    assert all(np.array_equal(pixels(frame), pictures[frame.number]) for frame in found[:-1])


def test_a_damaged_packet_is_left_out_and_counted(tmp_path: Path, write_video: Write, pictures: Frames) -> None:
    path = write_video(tmp_path / "a.mov", pictures, codec="png", pix_fmt="rgb24")
    content = bytearray(path.read_bytes())
    last = content.rindex(b"\x89PNG")
    content[last : last + 60] = bytes(60)
    path.write_bytes(content)
    source = VideoFile(path)
    assert len(list(source.frames())) == 7
    assert source.notes == ["1 damaged packets left out"]


def test_an_mp4_without_its_index_is_refused(tmp_path: Path, write_video: Write, pictures: Frames) -> None:
    path = write_video(tmp_path / "a.mp4", pictures, codec="mpeg4", pix_fmt="yuv420p")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"got a file that cannot be opened .* It may be cut short"):
        VideoFile(path)


@pytest.mark.parametrize("content", [b"", b"this is no video at all, only text\n" * 20])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mp4: got (a file that cannot be opened|no frames)"):
        VideoFile(path)


def test_a_file_with_sound_only_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros(1600), RATE)
    with pytest.raises(InputError, match=r"got no frames.*no video track"):
        VideoFile(tmp_path / "a.flac")


@pytest.mark.parametrize("rotation", [90, 180, 270, -90])
def test_a_rotated_video_is_turned_upright(tmp_path: Path, write_video: Write, pictures: Frames, rotation: int) -> None:
    source = VideoFile(write_video(tmp_path / "a.mov", pictures, rotation=rotation, codec="png", pix_fmt="rgb24"))
    found = list(source.frames())
    # The angle says how far the picture is to be turned against the clock.
    assert all(np.array_equal(pixels(f), np.rot90(p, rotation // 90)) for f, p in zip(found, pictures, strict=True))


def test_a_grey_video_has_three_equal_channels(tmp_path: Path, write_video: Write, pictures: Frames) -> None:
    source = VideoFile(write_video(tmp_path / "a.mkv", pictures[..., 0], fmt="gray", pix_fmt="gray"))
    found = list(source.frames())
    assert all(np.abs(pixels(f).astype(int) - p[..., :1]).max() <= 1 for f, p in zip(found, pictures, strict=True))


def test_alpha_is_left_out_of_a_video(tmp_path: Path, write_video: Write, pictures: Frames) -> None:
    alpha = np.concatenate((pictures, pictures[..., :1]), axis=3)
    source = VideoFile(write_video(tmp_path / "a.mov", alpha, fmt="rgba", codec="png", pix_fmt="rgba"))
    assert all(np.array_equal(pixels(f), p) for f, p in zip(source.frames(), pictures, strict=True))


def _folder_of(tmp_path: Path, image: Image.Image) -> Frames:
    image.save(tmp_path / "0.png")
    return pixels(next(iter(ImageFolder(tmp_path, 6.0).frames())))


def test_sixteen_bits_are_scaled_to_eight_and_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    assert _folder_of(tmp_path, Image.fromarray(values))[0, :, 1].tolist() == [0, 0, 1, 1, 128, 255]


def test_a_grey_image_has_three_equal_channels(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(_folder_of(tmp_path, Image.fromarray(values)), np.repeat(values[..., None], 3, 2))


def test_alpha_is_left_out_of_an_image(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4, 3), (10, 20, 30, 0))
    assert _folder_of(tmp_path, image)[0, 0].tolist() == [10, 20, 30]


def test_an_image_with_a_palette_has_its_colours(tmp_path: Path) -> None:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert _folder_of(tmp_path, image)[0, 0].tolist() == [10, 20, 30]


def test_a_photograph_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (48, 32)).save(tmp_path / "0.jpg", exif=exif)
    assert next(iter(ImageFolder(tmp_path, 6.0).frames())).pixels.shape == (3, 48, 32)


def test_a_damaged_image_is_refused_by_name(tmp_path: Path) -> None:
    Image.new("RGB", (48, 32)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "0.png").read_bytes()[:60])
    with pytest.raises(InputError, match=r"1\.png: frame 1: got a damaged image"):
        list(ImageFolder(tmp_path, 6.0).frames())


def test_a_pipe_that_ends_within_a_frame_gives_the_whole_ones_and_a_note(pictures: Frames) -> None:
    source = RawFrames(io.BytesIO(pictures.tobytes()[:-10]), 48, 32, 6.0)
    assert len(list(source.frames())) == 7
    assert source.notes == ["the last 4598 bytes left out: a frame has 4608"]


def test_a_network_that_listens_to_a_video_without_sound_is_told_so(
    tmp_path: Path, write_video: Write, pictures: Frames
) -> None:
    source = VideoFile(write_video(tmp_path / "a.mkv", pictures), listen=True)
    assert source.sound_rate == 0
    assert source.notes == ["no audio track: the network hears silence"]


def test_the_sound_of_each_frame_is_what_lies_before_it(tmp_path: Path, write_video: Write, pictures: Frames) -> None:
    sound = (np.random.default_rng(0).random(RATE * 8 // 6).astype(np.float32) - 0.5) / 2
    source = VideoFile(write_video(tmp_path / "a.mkv", pictures, sound=sound), listen=True)
    frames = list(source.frames())
    assert source.sound_rate == RATE
    # Matroska's time stamps are whole milliseconds: 16 samples.
    assert [sum(f.sound.numel() for f in frames[: n + 1]) for n in range(8)] == pytest.approx(
        [n * RATE / 6 for n in range(8)], abs=16
    )
    heard = torch.cat([frame.sound for frame in frames]).numpy()
    assert np.abs(heard - sound[: len(heard)]).max() < 1e-3


def test_a_sound_that_ends_before_the_picture_goes_on_as_silence(tmp_path: Path, write_video: Write, pictures: Frames):
    source = VideoFile(write_video(tmp_path / "a.mkv", pictures, sound=np.ones(RATE // 2, np.float32) / 2), listen=True)
    heard = torch.cat([frame.sound for frame in source.frames()])
    assert abs(heard.numel() - 7 * RATE // 6) <= 16
    assert heard[RATE // 2 + 32 :].abs().max() == 0


def test_a_camera_that_stops_is_an_error_after_its_timeout(
    camera_of: Callable[[Frames], bytes], served: Callable[..., object], pictures: Frames
) -> None:
    seen: list[int] = []
    with served(camera_of(pictures), then_silent=True) as address:
        camera = Camera(address, timeout_s=1.0, newest=False)
        with pytest.raises(SourceStoppedError, match=r"stopped after \d frames \((no frame|nothing came) for 1 s\)"):
            seen.extend(frame.number for frame in camera.frames())
        camera.close()
    assert len(seen) >= 6


def test_a_camera_that_is_slow_but_never_silent_is_no_error(
    camera_of: Callable[[Frames], bytes], served: Callable[..., object], pictures: Frames
) -> None:
    # Longer than the limit in all, and shorter between two pieces.
    with served(camera_of(pictures), lasts_s=1.5) as address:
        camera = Camera(address, timeout_s=0.5, newest=False)
        assert len(list(camera.frames())) == 8


def test_the_sound_of_a_camera_is_placed_by_its_own_clock(
    tmp_path: Path, write_video: Write, served: Callable[..., object], pictures: Frames
) -> None:
    sound = (np.random.default_rng(0).random(RATE * 8 // 6).astype(np.float32) - 0.5) / 2
    path = write_video(tmp_path / "a.mkv", pictures, sound=sound)
    with served(path.read_bytes()) as address:
        camera = Camera(address, timeout_s=5.0, listen=True, newest=False)
        heard = torch.cat([frame.sound for frame in camera.frames()]).numpy()
    assert len(heard) > RATE
    assert np.abs(heard - sound[: len(heard)]).max() < 1e-3


def test_an_address_of_a_web_server_is_a_camera(tmp_path: Path, write_video: Write, pictures: Frames) -> None:
    write_video(tmp_path / "live.mkv", pictures)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        camera = Camera(f"http://127.0.0.1:{server.server_port}/live.mkv", timeout_s=5.0, newest=False)
        found = list(camera.frames())
        with pytest.raises(InputError, match=r"got a source that cannot be opened \(.*404"):
            Camera(f"http://127.0.0.1:{server.server_port}/none.mkv", timeout_s=5.0)
        server.shutdown()
    assert all(np.array_equal(pixels(f), p) for f, p in zip(found, pictures, strict=True))


def test_a_camera_that_is_not_there_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InputError, match="got a source that cannot be opened"):
        Camera(f"tcp://127.0.0.1:{port}", timeout_s=1.0)


def test_a_slow_network_sees_the_present_and_the_frames_left_out_are_counted(
    camera_of: Callable[[Frames], bytes], served: Callable[..., object], pictures: Frames
) -> None:
    with served(camera_of(pictures)) as address:
        camera = Camera(address, timeout_s=5.0)
        camera._thread.join(5)  # everything has come in before the first frame is taken
        found = list(camera.frames())
    assert [np.array_equal(pixels(frame), pictures[-1]) for frame in found] == [True]
    assert camera.notes == ["the source ended; 7 frames came too fast and were left out"]


@pytest.mark.parametrize(
    ("text", "size", "told"),
    [("nowhere.mp4", None, "no such file or folder"), ("-", None, "without a size"), ("a.mp4", (4, 4), "raw frames")],
)
def test_a_source_that_is_none_is_refused(text: str, size: tuple[int, int] | None, told: str) -> None:
    with pytest.raises(InputError, match=told):
        open_source(text, raw_size=size)


def test_a_missing_package_names_its_extra(
    tmp_path: Path, write_video: Write, pictures: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mkv", pictures)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"PyAV: got no package .*pip install 'rcflab\[video\]'"):
        open_source(str(path))
