"""Audio tokens: what both ears must obey, weights from a file, and a network that does not listen."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from rcf.config import AudioConfig
from rcf.errors import InputError
from rcf.model.audio import AudioTokens, NoAudio, SmallEar, Vgg, audio_part, audio_weights_problem
from rcf.sound import SILENCE
from rcf.tensors import seeded, state_of

WIDTH = 16


def part(features: str = "small", mel_frames: int = 32, **more: object) -> AudioTokens:
    config = AudioConfig.model_validate({"features": features, "mel_frames": mel_frames, "lstm_width": 8, **more})
    with seeded(0):
        made = audio_part(config, WIDTH)
    assert isinstance(made, AudioTokens)
    return made.eval()


def patches(count: int, hops: int = 32, seed: int = 0) -> Tensor:
    """As loud and as varied as real ones."""
    return torch.randn(count, hops, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 2


@pytest.fixture(scope="module", params=["small", "vgg"])
def listening(request: pytest.FixtureRequest) -> AudioTokens:
    return part(request.param)


class TestBothEars:
    def test_each_frame_has_a_feature_of_its_own(self, listening: AudioTokens) -> None:
        heard = patches(3)
        with torch.inference_mode():
            together = listening.describe(heard)
            alone = torch.cat([listening.describe(each[None]) for each in heard])
        assert torch.allclose(together, alone, atol=1e-4)
        assert (together[0] - together[1]).abs().max() > 0.1

    def test_there_is_one_token_for_each_frame_of_a_window(self, listening: AudioTokens) -> None:
        for references in (0, 1, 5):
            heard = torch.zeros(2, references + 1, listening.ear.outputs)
            tokens = listening.tokens(heard)
            assert tokens.contents.shape == (2, references + 1, WIDTH)
            assert tokens.positions.shape == (1, references + 1, WIDTH)
            assert tokens.ignore is None

    def test_every_token_knows_of_the_whole_window(self, listening: AudioTokens) -> None:
        heard = torch.randn(1, 3, listening.ear.outputs, generator=torch.Generator().manual_seed(0))
        before = listening.tokens(heard).contents
        for changed in range(3):
            other = heard.clone()
            other[:, changed] += 1
            assert (listening.tokens(other).contents - before).abs().amax(-1).min() > 1e-6

    def test_frames_without_a_patch_are_silent(self, listening: AudioTokens) -> None:
        with torch.inference_mode():
            assert torch.equal(
                listening.describe(torch.zeros(2, 0, 0)), listening.describe(torch.full((2, 32, 64), SILENCE))
            )

    def test_features_neither_fade_nor_explode_at_the_start(self, listening: AudioTokens) -> None:
        with torch.inference_mode():
            assert 0.1 < listening.describe(patches(4)).square().mean().sqrt() < 5

    @pytest.mark.parametrize("references", [0, 2])
    def test_every_weight_learns(self, listening: AudioTokens, references: int) -> None:
        """As DistributedDataParallel demands; also of weights whose gradient is zero in a window of one frame."""
        listening.zero_grad()
        heard = listening.describe(patches(references + 1))
        listening.tokens(heard[None]).contents.square().sum().backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in listening.parameters())

    def test_a_patch_of_another_length_is_refused(self, listening: AudioTokens) -> None:
        with pytest.raises(ValueError, match="expected patches of 32 hops and 64 bins, got 48 hops"):
            listening.describe(patches(1, hops=48))

    def test_repeats_to_the_bit(self, listening: AudioTokens) -> None:
        with torch.inference_mode():
            once, again = (listening.tokens(listening.describe(patches(4))[None]).contents for _ in range(2))
        assert torch.equal(once, again)


@pytest.mark.parametrize("mel_frames", [16, 96, 208])
def test_patches_of_any_length_have_features_of_one_width(mel_frames: int) -> None:
    listening = part("small", mel_frames)
    assert listening.describe(patches(2, mel_frames)).shape == (2, 128)


def test_positions_tell_the_frames_of_a_window_apart() -> None:
    places = part().tokens(torch.zeros(1, 4, 128)).positions[0]
    assert (torch.cdist(places, places) + torch.eye(4) > 0.1).all()


def test_vgg_has_the_layout_of_vggish() -> None:
    """72,141,184 weights without the last linear layer of 4096 x 128: those of torchvggish, under its names."""
    with torch.device("meta"):
        ear = Vgg()
    shapes = {name: tuple(value.shape) for name, value in state_of(ear).items()}
    places = (0, 3, 6, 8, 11, 13)
    channels = ((64, 1), (128, 64), (256, 128), (256, 256), (512, 256), (512, 512))
    convolutions = {f"features.{place}.weight": pair for place, pair in zip(places, channels, strict=True)}
    assert {
        name: shape[:2] for name, shape in shapes.items() if "features" in name and "weight" in name
    } == convolutions
    assert shapes["embeddings.0.weight"] == (4096, 12288)
    assert shapes["embeddings.2.weight"] == (4096, 4096)
    assert sum(value.numel() for value in state_of(ear).values()) + 4096 * 128 + 128 == 72_141_184


def test_vgg_sees_the_whole_map_of_vggish_where_the_patch_is_as_long() -> None:
    """At 96 hops the pooling before the linear layers changes nothing, so pretrained weights mean what they meant."""
    ear = part("vgg", 96).ear
    assert isinstance(ear, Vgg)
    maps = ear.features(patches(1, 96)[:, None])
    assert maps.shape == (1, 512, 6, 4)
    assert torch.equal(ear.pool(maps), maps)


def test_weights_come_from_a_file_and_more_in_it_is_left_alone(tmp_path: Path) -> None:
    theirs = {name: torch.randn_like(value) for name, value in state_of(SmallEar()).items()}
    save_file({**theirs, "embeddings.4.weight": torch.zeros(1)}, tmp_path / "ear.safetensors")
    loaded = state_of(part(weights=f"file:{tmp_path}/ear.safetensors").ear)
    assert all(torch.equal(loaded[name], value) for name, value in theirs.items())


def test_weights_of_another_ear_are_refused_with_their_first_name(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "ear.safetensors")
    with pytest.raises(InputError, match=r"ear\.safetensors.*10 of 10 tensors.*first features\.0\.weight"):
        part(weights=f"file:{tmp_path}/ear.safetensors")


def test_a_torn_file_of_weights_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "ear.safetensors").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"ear\.safetensors"):
        part(weights=f"file:{tmp_path}/ear.safetensors")


@pytest.mark.parametrize("weights", ["file:/nowhere/ear.safetensors", "imagenet"])
def test_unknown_weights_are_named_before_anything_is_built(weights: str) -> None:
    problem = audio_weights_problem(AudioConfig(features="vgg", weights=weights))
    assert problem is not None
    assert problem.place == "model.audio.weights"


def test_a_network_that_does_not_listen_needs_no_weights() -> None:
    assert audio_weights_problem(AudioConfig(weights="file:/nowhere")) is None


def test_without_audio_there_are_no_features_and_no_tokens() -> None:
    deaf = audio_part(AudioConfig(), WIDTH)
    assert isinstance(deaf, NoAudio)
    heard = deaf.describe(patches(3))
    assert heard.shape == (3, 0)
    assert deaf.tokens(heard[None]).contents.shape == (1, 0, WIDTH)
    assert list(deaf.parameters()) == []
