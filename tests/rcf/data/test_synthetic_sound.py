"""Synthetic sound: it tells the category, or nothing of it; looks that tell nothing; older sets unchanged."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from rcf.config import SYNTHETIC_VERSION, AudioConfig, SyntheticConfig
from rcf.data.annotations import load_annotations
from rcf.data.clips import Clip, render_split
from rcf.data.layout import find_audio, find_split
from rcf.data.log_mel import log_mel
from rcf.data.render import render_frame, render_masks
from rcf.data.scenes import Stage, sample_scene
from rcf.data.shapes import CATEGORIES
from rcf.data.sounds import audio_problems, open_sounds
from rcf.data.synthetic import synthetic_digest, write_synthetic
from rcf.data.timbres import clip_sound, own_timbres
from rcf.sound import SAMPLE_RATE

TINY = SyntheticConfig(height=32, width=48, train_clips=3, val_clips=2, frames=4, sound="category", looks="same")
MANY = TINY.model_copy(update={"train_clips": 60, "frames": 5})
SHAPES = CATEGORIES[:1] * len(CATEGORIES)
GOLDEN = (1, "2f17ab8060ef7874974952d173253520")
"""(SYNTHETIC_VERSION, the first half of the sha256 of the samples of TINY)."""


def sounds_of(config: SyntheticConfig) -> list[tuple[Clip, torch.Tensor]]:
    """Training clips with their log-mel spectrograms."""
    heard: list[tuple[Clip, torch.Tensor]] = []
    for clip in render_split(config, "train"):
        assert clip.sound is not None
        heard.append((clip, log_mel(torch.from_numpy(clip.sound / 32768))))
    return heard


def accuracy(heard: list[tuple[Clip, torch.Tensor]]) -> float:
    """Of guessing the category from the nearest mean spectrum of the other clips."""
    spectra = torch.stack([mel.amax(0) for _, mel in heard])
    labels = torch.tensor([clip.categories[0] for clip, _ in heard])
    right = 0
    for number in range(len(heard)):
        others = torch.arange(len(heard)) != number
        means = torch.stack([spectra[others & (labels == label)].mean(0) for label in range(len(CATEGORIES))])
        right += int((means - spectra[number]).square().sum(1).argmin() == labels[number])
    return right / len(heard)


@pytest.fixture(scope="module")
def heard() -> list[tuple[Clip, torch.Tensor]]:
    return sounds_of(MANY)


def test_samples_are_those_of_this_version() -> None:
    """After a wanted change raise SYNTHETIC_VERSION and pin the new digest; never one without the other."""
    digest = hashlib.sha256()
    for clip, _ in sounds_of(TINY):
        assert clip.sound is not None
        digest.update(clip.sound.tobytes())
    assert (SYNTHETIC_VERSION, digest.hexdigest()[:32]) == GOLDEN


def test_the_sound_tells_the_category(heard: list[tuple[Clip, torch.Tensor]]) -> None:
    assert accuracy(heard) > 0.9


def test_a_random_sound_does_not_tell_the_category() -> None:
    assert accuracy(sounds_of(MANY.model_copy(update={"sound": "random"}))) < 0.45


def test_random_sounds_are_as_varied_as_those_of_the_categories() -> None:
    """The four timbres are the same four: each random clip lies near the mean spectrum of some category."""
    random = sounds_of(MANY.model_copy(update={"sound": "random"}))
    own = sounds_of(MANY)
    labels = torch.tensor([clip.categories[0] for clip, _ in own])
    spectra = torch.stack([mel.amax(0) for _, mel in own])
    means = torch.stack([spectra[labels == label].mean(0) for label in range(len(CATEGORIES))])
    nearest = Counter(int((means - mel.amax(0)).square().sum(1).argmin()) for _, mel in random)
    assert min(nearest[label] for label in range(len(CATEGORIES))) >= 5


@pytest.mark.parametrize("category", range(len(CATEGORIES)))
def test_loudness_follows_what_is_in_view(category: int) -> None:
    """Hidden, half in view, whole: the energy around each frame grows, and hidden only the noise floor is left."""
    masks = np.zeros((1, 9, 4, 4), dtype=bool)
    masks[0, 3:6, :2] = True
    masks[0, 6:] = True
    samples = clip_sound(np.random.default_rng(0), own_timbres, [category], masks, 5.0) / 32768
    hidden, half, whole = (samples[a * 3200 : b * 3200].std() for a, b in ((0, 2), (3, 5), (6, 8)))
    assert hidden < 0.005
    assert 4 * hidden < half < 0.8 * whole


def test_a_sound_is_as_long_as_its_video(heard: list[tuple[Clip, torch.Tensor]]) -> None:
    assert {len(clip.sound) for clip, _ in heard if clip.sound is not None} == {5 * SAMPLE_RATE // 5}


def test_no_two_sounds_are_alike(heard: list[tuple[Clip, torch.Tensor]]) -> None:
    assert len({clip.sound.tobytes() for clip, _ in heard if clip.sound is not None}) == len(heard)


def test_no_pixel_depends_on_the_category_where_all_look_the_same() -> None:
    stage = Stage(32, 48, 4, ("stripes", "dots"), SHAPES)
    one, two = (sample_scene(np.random.default_rng(3), stage, [label, label]) for label in (0, 2))
    assert all(np.array_equal(render_frame(one, t), render_frame(two, t)) for t in range(4))
    assert np.array_equal(render_masks(one)[0], render_masks(two)[0])


def test_objects_of_a_clip_are_of_one_category_where_all_look_the_same(heard: list[tuple[Clip, torch.Tensor]]) -> None:
    assert all(len(set(clip.categories)) == 1 for clip, _ in heard)
    assert {len(clip.categories) for clip, _ in heard} == {1, 2, 3, 4}
    assert {clip.categories[0] for clip, _ in heard} == set(range(len(CATEGORIES)))


def test_the_sound_changes_no_pixel() -> None:
    silent = render_split(TINY.model_copy(update={"sound": "none"}), "train")
    for with_sound, without in zip(render_split(TINY, "train"), silent, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(with_sound.frames, without.frames, strict=True))
        assert without.sound is None


def test_a_written_set_is_heard_as_it_was_made(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "set", TINY)
    path, frames = find_split(tmp_path / "set", "train")
    annotations = load_annotations(path, frames)
    folder = find_audio(tmp_path / "set", "train")
    assert audio_problems(annotations, folder) == []
    sounds = open_sounds(AudioConfig(features="small", mel_frames=16), annotations.videos, folder)
    for index, (_, mel) in enumerate(sounds_of(TINY)):
        assert torch.equal(sounds.patch(index, 3), mel[44:60])


def test_a_set_without_sound_has_none_on_disk(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "set", TINY.model_copy(update={"sound": "none"}))
    assert find_audio(tmp_path / "set", "train") is None
    videos = json.loads((tmp_path / "set/train/instances.json").read_text())["videos"]
    assert not any("audio_file" in video or "fps" in video for video in videos)


@pytest.mark.parametrize("field", ["sound", "looks"])
def test_sound_and_looks_are_part_of_the_identity(field: str) -> None:
    other = TINY.model_copy(update={field: {"sound": "random", "looks": "category"}[field]})
    assert synthetic_digest(other) != synthetic_digest(TINY)


def test_sets_from_before_there_was_sound_keep_their_identity() -> None:
    expected = "840c6ac491f25f0a"
    assert synthetic_digest(SyntheticConfig())[:16] == expected
