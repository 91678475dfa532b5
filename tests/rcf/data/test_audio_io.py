"""Sound files: what is decoded, and what is refused with file, place and reason."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from rcf.data.audio_io import read_sound
from rcf.data.log_mel import log_mel
from rcf.data.synthetic import write_sound
from rcf.errors import InputError

WAVE = (np.sin(np.arange(32000) * 0.3) * 9000).astype(np.int16)


def written(path: Path, data: np.ndarray, rate: int = 16000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, data, rate, subtype=subtype)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_sound(path, "sound of video 3")
    return str(caught.value)


def test_what_is_written_is_what_is_heard(tmp_path: Path) -> None:
    write_sound(tmp_path / "Audio" / "a.flac", WAVE)
    sound = read_sound(tmp_path / "Audio" / "a.flac")
    assert torch.equal(sound.mel, log_mel(torch.from_numpy(WAVE / 32768).float()))
    assert (sound.seconds, sound.lookahead) == (2.0, 0.0)


def test_flac_and_wav_sound_the_same(tmp_path: Path) -> None:
    flac, wav = (read_sound(written(tmp_path / name, WAVE)) for name in ("a.flac", "a.wav"))
    assert torch.equal(flac.mel, wav.mel)


def test_stereo_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    quiet = WAVE // 2
    both = read_sound(written(tmp_path / "s.flac", np.stack([quiet * 2, np.zeros_like(WAVE)], axis=1)))
    assert torch.allclose(both.mel, read_sound(written(tmp_path / "m.flac", quiet)).mel, atol=1e-5)


def test_stereo_of_44100_hertz_has_one_hop_for_each_ten_milliseconds(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(66150, 2)) * 0.1
    sound = read_sound(written(tmp_path / "s.wav", samples, 44100))
    assert (sound.mel.shape, sound.seconds) == ((150, 64), 1.5)
    assert 0 < sound.lookahead < 0.01


def test_a_sound_of_no_samples_has_no_hops(tmp_path: Path) -> None:
    sound = read_sound(written(tmp_path / "e.wav", np.zeros(0, dtype=np.int16)))
    assert (sound.mel.shape, sound.seconds) == ((0, 64), 0.0)


def test_a_longer_sound_than_one_block_is_read_whole(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=200_001).astype(np.float32) * 0.1
    sound = read_sound(written(tmp_path / "long.wav", samples, subtype="FLOAT"))
    assert torch.equal(sound.mel, log_mel(torch.from_numpy(samples)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path / "a.flac")
        == f"{tmp_path}/a.flac: sound of video 3: got no such file, expected a sound file [sound-missing]"
    )


@pytest.mark.parametrize("content", [b"", b"<html>", b"\0" * 5000])
def test_a_file_that_is_no_sound_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.flac").write_bytes(content)
    assert "no sound" in refusal(tmp_path / "a.flac")


@pytest.mark.parametrize("name", ["a.flac", "a.wav"])
@pytest.mark.parametrize("part", [0.3, 0.97])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, name: str, part: float) -> None:
    path = written(tmp_path / name, np.random.default_rng(0).normal(size=150_000) * 0.1)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    found = refusal(path)
    assert name in found
    assert "damaged" in found or f"ends after {100 * part:.0f} %" in found


def test_damage_in_the_middle_of_a_flac_file_is_placed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", np.random.default_rng(0).normal(size=300_000) * 0.1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 300] = bytes(300)
    path.write_bytes(bytes(content))
    place = re.search(r"damaged file \(.* after (\d+\.\d+) s\)", refusal(path))
    assert place is not None
    assert 0 < float(place[1]) < 300_000 / 2 / 16_000


def test_a_wav_file_that_was_written_into_a_pipe_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", WAVE)
    content = bytearray(path.read_bytes())
    for place in (4, content.find(b"data") + 4):
        content[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(content))
    assert read_sound(path).mel.shape == (200, 64)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_placed(tmp_path: Path, value: float) -> None:
    samples = np.zeros((100_000, 2), dtype=np.float32)
    samples[80_000, 1] = value
    assert "sample 80000 (5.000 s)" in refusal(written(tmp_path / "a.wav", samples, subtype="FLOAT"))


def test_an_absurd_rate_is_refused(tmp_path: Path) -> None:
    assert "a rate of 90 Hz" in refusal(written(tmp_path / "a.wav", WAVE, 90))


def test_a_flac_file_that_does_not_say_how_long_it_is_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    path = written(tmp_path / "pipe.flac", WAVE)
    content = bytearray(path.read_bytes())
    # The length is the last 36 bits before the checksum in the first block (RFC 9639, section 8.2); 0 leaves it open.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert "got a header without a length" in refusal(path)
