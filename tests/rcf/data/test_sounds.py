"""The sound of each frame: found by name, cut causally, silent where there is none, missing ones named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from rcf.config import AudioConfig
from rcf.data.annotations import Annotations, load_annotations
from rcf.data.audio_io import read_sound
from rcf.data.layout import find_audio, find_split
from rcf.data.log_mel import cut_patch
from rcf.data.sounds import VideoSounds, audio_problems, open_sounds
from rcf.data.synthetic import write_sound
from rcf.errors import InputError
from rcf.sound import SILENCE

HOPS = 16
LISTENS = AudioConfig(features="small", mel_frames=HOPS)
SILENT = torch.full((HOPS, 64), SILENCE)


def wave(seconds: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=int(seconds * 16000)) * 3000).astype(np.int16)


@pytest.fixture
def heard_set(small_set: Any) -> Any:
    """Videos a (3 frames) and b (2 frames) with sounds of 2 s, at 2 frames a second."""
    for name, video in zip("ab", small_set.document["videos"], strict=True):
        video.update(fps=2, audio_file=f"{name}.flac")
        write_sound(small_set.root / "train" / "Audio" / f"{name}.flac", wave(2.0, ord(name)))
    return small_set


def folder_of(heard_set: Any) -> Path:
    folder = find_audio(heard_set.root, "train")
    assert folder is not None
    return folder


def opened(heard_set: Any, config: AudioConfig = LISTENS) -> VideoSounds:
    sounds = open_sounds(config, heard_set.load().videos, folder_of(heard_set))
    assert isinstance(sounds, VideoSounds)
    return sounds


def problems_of(heard_set: Any) -> list[str]:
    return [str(problem) for problem in audio_problems(heard_set.load(), find_audio(heard_set.root, "train"))]


def test_a_patch_ends_with_its_frame(heard_set: Any) -> None:
    whole = read_sound(folder_of(heard_set) / "a.flac").mel
    assert torch.equal(opened(heard_set).patch(0, 2), whole[100 - HOPS : 100])


def test_a_patch_that_is_not_causal_has_its_frame_in_the_middle(heard_set: Any) -> None:
    config = LISTENS.model_copy(update={"causal": False})
    whole = read_sound(folder_of(heard_set) / "a.flac").mel
    assert torch.equal(opened(heard_set, config).patch(0, 2), whole[100 - HOPS // 2 : 100 + HOPS // 2])


def test_the_first_frame_has_heard_nothing(heard_set: Any) -> None:
    assert torch.equal(opened(heard_set).patch(0, 0), SILENT)


def test_videos_have_sounds_of_their_own(heard_set: Any) -> None:
    sounds = opened(heard_set)
    assert not torch.equal(sounds.patch(0, 1), sounds.patch(1, 1))


def test_after_the_end_of_a_short_sound_there_is_silence(heard_set: Any) -> None:
    write_sound(folder_of(heard_set) / "a.flac", wave(0.45))
    sounds = opened(heard_set)
    assert (sounds.patch(0, 1)[-5:] == SILENCE).all()
    assert (sounds.patch(0, 1)[:-5] != SILENCE).all()
    assert torch.equal(sounds.patch(0, 2), SILENT)


def test_a_longer_sound_than_the_video_is_heard_as_far_as_the_video_goes(heard_set: Any) -> None:
    before = opened(heard_set).patch(0, 2)
    write_sound(folder_of(heard_set) / "a.flac", np.concatenate([wave(2.0, ord("a")), wave(30.0)]))
    assert torch.equal(opened(heard_set).patch(0, 2), before)


def test_stereo_of_another_rate_is_heard_at_the_same_time(heard_set: Any) -> None:
    """One click after 0.95 s, in both files: it is heard in the same hop, or in the next."""
    for name, rate in (("a", 16000), ("b", 44100)):
        samples = np.zeros((2 * rate, 2), dtype=np.float32)
        samples[int(0.95 * rate)] = 0.5
        soundfile.write(folder_of(heard_set) / f"{name}.flac", samples, rate)
    heard_set.document["videos"][1]["fps"] = 1
    sounds = opened(heard_set)
    heard = [int(patch.mean(1).argmax()) for patch in (sounds.patch(0, 2), sounds.patch(1, 1))]
    assert heard[1] - heard[0] in (0, 1)


@pytest.mark.parametrize("samples", [np.zeros(0, dtype=np.int16), np.zeros(32000, dtype=np.int16)])
def test_no_samples_and_samples_of_zero_are_silence(heard_set: Any, samples: np.ndarray) -> None:
    soundfile.write(folder_of(heard_set) / "a.wav", samples, 16000)
    heard_set.document["videos"][0]["audio_file"] = "a.wav"
    assert torch.equal(opened(heard_set).patch(0, 2), SILENT)


@pytest.mark.parametrize("fps", [2, None])
def test_a_video_without_a_sound_is_silent(heard_set: Any, fps: int | None) -> None:
    heard_set.document["videos"][0].update(audio_file=None, fps=fps)
    assert torch.equal(opened(heard_set).patch(0, 2), SILENT)


def test_without_a_folder_of_sounds_all_videos_are_silent(heard_set: Any) -> None:
    sounds = open_sounds(LISTENS, heard_set.load().videos, None)
    assert torch.equal(sounds.patch(0, 2), SILENT)


def test_frames_without_a_rate_are_evenly_spread_over_the_sound(heard_set: Any) -> None:
    del heard_set.document["videos"][0]["fps"]
    whole = read_sound(folder_of(heard_set) / "a.flac").mel
    # 3 frames in 2 seconds: the last is shown after 1.333 s.
    assert torch.equal(opened(heard_set).patch(0, 2), cut_patch(whole, 133 - HOPS, HOPS))


@pytest.mark.parametrize("suffix", ["flac", "wav"])
@pytest.mark.parametrize("folder", ["Audio", "WAVAudios"])
def test_a_sound_is_found_by_the_name_of_the_videos_folder(small_set: Any, suffix: str, folder: str) -> None:
    (small_set.root / "train" / folder).mkdir()
    soundfile.write(small_set.root / "train" / folder / f"a.{suffix}", wave(1.5), 16000)
    assert not torch.equal(opened(small_set).patch(0, 2), SILENT)


def test_a_sound_is_decoded_once(heard_set: Any) -> None:
    sounds = opened(heard_set)
    first = sounds.patch(0, 2)
    (folder_of(heard_set) / "a.flac").unlink()
    assert torch.equal(sounds.patch(0, 2), first)


def test_a_damaged_sound_is_an_error_with_its_file_and_video(heard_set: Any) -> None:
    path = folder_of(heard_set) / "a.flac"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"a\.flac: sound of video 11: got a damaged file"):
        opened(heard_set).patch(0, 1)


def test_a_network_that_does_not_listen_reads_no_sound(heard_set: Any) -> None:
    for path in folder_of(heard_set).iterdir():
        path.write_bytes(b"no sound")
    sounds = open_sounds(AudioConfig(), heard_set.load().videos, folder_of(heard_set))
    assert (sounds.listens, tuple(sounds.patch(0, 0).shape)) == (False, (0, 64))


def test_a_whole_set_has_no_audio_problems(heard_set: Any) -> None:
    assert problems_of(heard_set) == []


def test_a_missing_sound_is_named_with_its_video(heard_set: Any) -> None:
    (folder_of(heard_set) / "b.flac").unlink()
    (only,) = problems_of(heard_set)
    assert "sound of video 12: got 'b.flac': no such file" in only


def test_a_sound_that_is_not_found_by_name_lists_what_was_tried(heard_set: Any) -> None:
    del heard_set.document["videos"][1]["audio_file"]
    (folder_of(heard_set) / "b.flac").unlink()
    (only,) = problems_of(heard_set)
    assert "sound of video 12: got no audio_file, and none of b.flac, b.wav" in only


def test_a_video_that_is_declared_silent_misses_nothing(heard_set: Any) -> None:
    heard_set.document["videos"][1]["audio_file"] = None
    (folder_of(heard_set) / "b.flac").unlink()
    assert problems_of(heard_set) == []


def test_a_set_without_a_folder_of_sounds_has_one_problem(small_set: Any) -> None:
    (only,) = problems_of(small_set)
    assert "no folder of sounds" in only


def test_an_empty_sound_file_is_named(heard_set: Any) -> None:
    (folder_of(heard_set) / "b.flac").write_bytes(b"")
    (only,) = problems_of(heard_set)
    assert "'b.flac', an empty file, expected a sound file" in only


def test_a_link_that_leaves_the_folder_is_named(heard_set: Any, tmp_path: Path) -> None:
    path = folder_of(heard_set) / "b.flac"
    path.rename(tmp_path / "elsewhere.flac")
    path.symlink_to(tmp_path / "elsewhere.flac")
    (only,) = problems_of(heard_set)
    assert "a link that leaves" in only


@pytest.mark.parametrize("name", ["../a.flac", "/etc/passwd", "a\\b.flac", "", "a\0.flac", 3])
def test_an_unsafe_audio_file_is_refused_when_the_annotations_are_read(heard_set: Any, name: object) -> None:
    heard_set.document["videos"][0]["audio_file"] = name
    assert heard_set.problem().place == "/videos/0/audio_file"


@pytest.mark.parametrize("fps", [0, -1, "6", True, 1e9])
def test_an_impossible_frame_rate_is_refused(heard_set: Any, fps: object) -> None:
    heard_set.document["videos"][0]["fps"] = fps
    assert heard_set.problem().place == "/videos/0/fps"


def test_annotations_keep_sound_and_rate(heard_set: Any) -> None:
    heard_set.document["videos"][1].update(audio_file=None, fps=None)
    found: Annotations = heard_set.load()
    assert [(video.audio_file, video.fps, video.silent) for video in found.videos] == [
        ("a.flac", 2.0, False), (None, None, True)]  # fmt: skip


@pytest.mark.parametrize(("place", "split"), [("train/Audio", "train"), ("valid/WAVAudios", "val"), ("Audio", "val")])
def test_the_folder_of_the_sounds_is_found(tmp_path: Path, place: str, split: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    assert find_audio(tmp_path, split) == tmp_path / place


def test_the_shared_set_is_heard_while_an_animal_sounds(shared_data: Path) -> None:
    """All sounds of the validation videos are there, and the first video is not silent."""
    root = shared_data / "stamps-avis"
    path, frames = find_split(root, "val")
    annotations = load_annotations(path, frames)
    assert audio_problems(annotations, find_audio(root, "val")) == []
    sounds = open_sounds(LISTENS, annotations.videos, find_audio(root, "val"))
    assert max(float(sounds.patch(0, t).max()) for t in range(annotations.videos[0].length)) > 0
