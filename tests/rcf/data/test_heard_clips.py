"""Sound on its way into batches: each frame's own patch, none for a network that does not listen, images silent."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rcf.config import AugmentConfig, RcfConfig, SyntheticConfig, YoutubeVisConfig
from rcf.data.clip_plan import ClipPlan
from rcf.data.mixture import Mixture
from rcf.data.opening import data_problems, open_training, open_validation
from rcf.data.sampling import sample_clips
from rcf.data.sounds import open_sounds
from rcf.data.synthetic import synthetic_digest, write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError
from rcf.sound import SILENCE

DATA = SyntheticConfig(height=32, width=48, train_clips=3, val_clips=2, frames=4, sound="category", looks="same")
PLAN = ClipPlan(clips=3, targets=2, references=1, augment=AugmentConfig(flip=True))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_synthetic(folder / synthetic_digest(DATA), DATA)
    return folder


def config(root: Path, **audio: object) -> RcfConfig:
    """A trial on the written set that listens with patches of 16 hops."""
    model: dict[str, Any] = {"audio": {"features": "small", "mel_frames": 16, **audio}}
    return RcfConfig.model_validate({"model": model, "data": DATA.model_copy(update={"root": str(root)})})


def as_videos(root: Path, **audio: object) -> RcfConfig:
    """The same set, read as somebody's own."""
    data = YoutubeVisConfig(root=str(root / synthetic_digest(DATA)))
    return config(root, **audio).model_copy(update={"data": data})


def test_each_frame_of_a_clip_comes_with_its_own_patch(root: Path) -> None:
    source = open_training(config(root))
    batch = sample_clips(source, PLAN, seed=0, step=0)
    assert batch.audio is not None
    assert batch.audio.shape == (3, 3, 16, 64)
    known = {source.audio(video, t).numpy().tobytes(): (video, t) for video in range(3) for t in range(1, 4)}
    for clip, targets in zip(batch.audio, batch.targets, strict=True):
        video, t = known[clip[-1].numpy().tobytes()]
        assert torch.equal(clip[-2], source.audio(video, t - 1))
        assert targets[-1].tracks.tolist() == source.targets(video, t).tracks.tolist()


def test_a_network_that_does_not_listen_has_batches_without_sound(root: Path) -> None:
    source = open_training(config(root, features="none"))
    assert sample_clips(source, PLAN, seed=0, step=0).audio is None


def test_sound_changes_neither_frames_nor_targets(root: Path) -> None:
    heard, silent = (
        sample_clips(open_training(config(root, features=features)), PLAN, seed=0, step=0)
        for features in ("small", "none")
    )
    assert torch.equal(heard.frames, silent.frames)


def test_validation_is_heard_from_its_own_sounds(root: Path) -> None:
    train, val = open_training(config(root)), open_validation(config(root))
    assert val.listens
    assert not torch.equal(train.audio(0, 3), val.audio(0, 3))


def test_images_beside_videos_are_silent(root: Path) -> None:
    listening = as_videos(root)
    videos, images = open_training(listening), open_training(as_videos(root, features="none"))
    assert isinstance(videos, VideoDataset)
    assert isinstance(images, VideoDataset)
    still = VideoDataset(
        images.annotations, images.frames_root, 32, 48, still=True,
        sounds=open_sounds(listening.model.audio, images.videos, None),
    )  # fmt: skip
    mixed = Mixture(videos, still, 0.5)
    assert mixed.listens
    assert torch.equal(mixed.audio(1, 3), videos.audio(1, 3))
    assert (mixed.audio(4, 3) == SILENCE).all()


def test_a_missing_sound_is_a_problem_of_the_data_only_for_a_network_that_listens(root: Path, tmp_path: Path) -> None:
    write_synthetic(tmp_path / synthetic_digest(DATA), DATA)
    (tmp_path / synthetic_digest(DATA) / "val" / "Audio" / "val-0001.flac").unlink()
    (only,) = data_problems(as_videos(tmp_path))
    assert "sound of video 2: got 'val-0001.flac': no such file" in str(only)
    assert data_problems(as_videos(tmp_path, features="none")) == []
    assert data_problems(as_videos(root)) == []


def test_a_damaged_sound_leaves_its_clip_out_where_that_is_asked_for(root: Path, tmp_path: Path) -> None:
    write_synthetic(tmp_path / synthetic_digest(DATA), DATA)
    path = tmp_path / synthetic_digest(DATA) / "train" / "Audio" / "train-0001.flac"
    path.write_bytes(path.read_bytes()[:2000])
    source = open_training(as_videos(tmp_path))
    with pytest.raises(InputError, match=r"train-0001\.flac: sound of video 2: got a damaged file"):
        sample_clips(source, PLAN, seed=0, step=0)
    assert sample_clips(source, replace(PLAN, on_corrupt="skip"), seed=0, step=0).skipped == 1
