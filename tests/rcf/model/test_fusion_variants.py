"""What every way of fusing references obeys: RCF with all its options, and the baselines of the fusion study."""

import copy
from collections.abc import Callable, Iterator
from itertools import product

import pytest
import torch

from rcf.config import EvaluationConfig, FrameSizeConfig, LossConfig, ModelConfig
from rcf.loss.criterion import SetLoss
from rcf.model.attention import Decoder, Encoder
from rcf.model.network import RCF
from rcf.streaming import OnlineSegmenter, segment_video
from rcf.structures import FrameTargets

FRAMES = 2
COMPRESSED = [
    {"compression": compression, "merge": merge, "pixel_weight": weight}
    for compression, merge, weight in product(("pool", "dwconv"), ("channel", "token"), ("predicted", "static", "none"))
]
JOINS = [{"join": "decoder", "encoder_pass": apart} for apart in ("separate", "shared")]
REFERENCES = [
    *COMPRESSED,
    {"tokens": 1},
    {"tokens": 16, "merge": "token"},
    {"tokens": "full"},
    {"frames": 0},
    *({**kind, **join} for kind in ({}, {"merge": "token"}, {"tokens": "full"}, {"frames": 0}) for join in JOINS),
]
OTHERS = [{"token_stride": 16}, {"position": "learned"}, {"token_types": True}, {"slot_softmax": True}]

Build = Callable[[ModelConfig], RCF]


def _name(kind: dict[str, object]) -> str:
    return "-".join(f"{value}" if isinstance(value, str) else f"{key}-{value}" for key, value in kind.items()) or "rcf"


@pytest.fixture(params=REFERENCES, ids=_name)
def reference_kind(request: pytest.FixtureRequest, tiny_model: Callable[..., ModelConfig]) -> ModelConfig:
    """Each kind of references, with each join that it has."""
    return tiny_model(**{"frames": FRAMES, **request.param})


@pytest.fixture(params=[*REFERENCES, *OTHERS], ids=_name)
def variant(request: pytest.FixtureRequest, tiny_model: Callable[..., ModelConfig]) -> ModelConfig:
    """Each kind of references, and each other option of the tokens and masks."""
    if request.param not in OTHERS:
        return tiny_model(**{"frames": FRAMES, **request.param})
    base = tiny_model(FRAMES)
    if "slot_softmax" in request.param:
        return base.model_copy(update={"mask": base.mask.model_copy(update=request.param)})
    return base.model_copy(update=request.param)


@pytest.fixture
def network(variant: ModelConfig, network_of: Build) -> RCF:
    return network_of(variant)


@pytest.fixture
def video(video: torch.Tensor) -> torch.Tensor:
    """Enough frames for every window, and one that no window of a changed frame reaches."""
    return video[:5]


@pytest.fixture
def lengths(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Numbers of tokens that each call of an encoder or of the decoder is given."""
    seen: dict[str, list[int]] = {"encoder": [], "decoder": []}
    for name, kind in (("encoder", Encoder), ("decoder", Decoder)):

        def spy(self, tokens, *rest, original=kind.forward, calls=seen[name]):
            calls.append(tokens.shape[1])
            return original(self, tokens, *rest)

        monkeypatch.setattr(kind, "forward", spy)
    return seen


def _targets(labels: list[list[int]]) -> Iterator[FrameTargets]:
    for kinds in labels:
        masks = torch.zeros(len(kinds), 64, 96, dtype=torch.bool)
        for number, mask in enumerate(masks):
            mask[8 * number : 8 * number + 20, 10:50] = True
        yield FrameTargets(torch.tensor(kinds, dtype=torch.int64), masks, torch.arange(len(kinds)))


def test_the_number_of_tokens_is_the_papers(
    reference_kind: ModelConfig, network_of: Build, lengths: dict[str, list[int]], video: torch.Tensor
) -> None:
    """64 x 96 pixels are 2 x 3 target tokens. Method B: references never meet the target in an encoder."""
    target, knobs = 2 * 3, reference_kind.reference
    of_one = target if knobs.tokens == "full" else knobs.tokens
    groups = knobs.frames if knobs.tokens == "full" or knobs.merge == "token" else min(knobs.frames, 1)
    network_of(reference_kind)(video[: knobs.frames + 1][None])
    assert lengths["decoder"] == [target + groups * of_one]
    if knobs.join == "encoder":
        assert lengths["encoder"] == [target + groups * of_one]
    else:
        assert lengths["encoder"] == [target, of_one][: 1 + bool(groups)]


def test_what_a_frame_leaves_behind_depends_on_that_frame_alone(
    reference_kind: ModelConfig, network_of: Build, video: torch.Tensor
) -> None:
    network = network_of(reference_kind)
    changed = video[:3].clone()
    changed[1:] = 255 - changed[1:]
    one, two = network.describe(video[:3]).kept, network.describe(changed).kept
    torch.testing.assert_close(one[0], two[0], atol=1e-6, rtol=1e-5)
    assert one.numel() == 0 or not torch.allclose(one[1], two[1], atol=1e-3)


def test_a_stream_keeps_the_same_few_numbers_however_long_it_gets(
    reference_kind: ModelConfig, network_of: Build, video: torch.Tensor
) -> None:
    """Of each of R frames C K K numbers, or with all tokens D H W; and no view that holds more than that in memory."""
    knobs = reference_kind.reference
    of_one = 16 * 2 * 3 if knobs.tokens == "full" else 64 * knobs.tokens
    segmenter = OnlineSegmenter(network_of(reference_kind), FrameSizeConfig(), EvaluationConfig())
    for frame in video:
        segmenter.push(frame)
    kept = [tensor for pair in segmenter._state.past for tensor in pair]
    assert sum(tensor.untyped_storage().nbytes() for tensor in kept) == 4 * of_one * knobs.frames


def test_a_clip_is_segmented_like_its_targets_one_by_one(network: RCF, video: torch.Tensor) -> None:
    frames = network.references.frames
    together = network(video[: frames + 3][None])
    for target in range(3):
        alone = network(video[target : target + frames + 1][None])
        torch.testing.assert_close(together.classes[:, target], alone.classes[:, 0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.masks[:, target], alone.masks[:, 0], atol=1e-4, rtol=1e-4)


def test_the_start_of_a_stream_is_a_training_clip_that_repeats_the_oldest_frame(
    network: RCF, video: torch.Tensor
) -> None:
    streamed = segment_video(network, video[:2])
    for number in range(2):
        window = [max(number - back, 0) for back in range(network.references.frames, -1, -1)]
        trained = network(video[window][None])
        torch.testing.assert_close(streamed.masks[0, number], trained.masks[-1, 0], atol=1e-4, rtol=1e-4)


def test_pushed_frames_get_the_answers_of_the_batched_path(network: RCF, video: torch.Tensor) -> None:
    batched = segment_video(network, video, chunk=3)
    segmenter = OnlineSegmenter(network, FrameSizeConfig(), EvaluationConfig())
    with torch.inference_mode():
        pushed = [segmenter.step(frame[None]) for frame in video]
    classes = torch.stack([answer.classes[-1, 0] for answer in pushed])
    torch.testing.assert_close(classes, batched.classes[0], atol=1e-4, rtol=1e-4)
    masks = torch.stack([answer.masks[-1, 0] for answer in pushed])
    torch.testing.assert_close(masks, batched.masks[0], atol=1e-4, rtol=1e-4)


def test_a_frame_changes_the_answers_of_the_next_r_frames_and_of_no_others(network: RCF, video: torch.Tensor) -> None:
    changed = video.clone()
    changed[1] = 255 - changed[1]
    one, two = segment_video(network, video), segment_video(network, changed)
    differs = (one.classes - two.classes).abs().amax((0, 2, 3)) > 1e-5
    frames = network.references.frames
    assert differs.tolist() == [1 <= number <= 1 + frames for number in range(len(video))]


@pytest.mark.parametrize("labels", [[[0], [1, 2]], [[], []]], ids=["instances", "empty"])
def test_gradients_reach_every_parameter(
    variant: ModelConfig, network_of: Build, video: torch.Tensor, labels: list[list[int]]
) -> None:
    """Also in a step without a single instance: a parameter without gradient stops a training over many processes."""
    network = copy.deepcopy(network_of(variant)).train()
    answer = network(video[: network.references.frames + 2][None])
    SetLoss(LossConfig(bce_weight=1.0, focal_weight=1.0))(answer, list(_targets(labels))).total.backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())
    if labels[0]:
        idle = [name for name, weight in network.named_parameters() if not weight.grad.any()]
        # Queries start with the same contents, zero, so their first look at one another can't tell them apart.
        first = ("decoder.layers.0.self_attention", "decoder.layers.0.after_self")
        assert [name for name in idle if not name.startswith(first)] == []


def test_reduced_precision_gives_nearly_the_same_answer(network: RCF, video: torch.Tensor) -> None:
    clip = video[: network.references.frames + 1][None]
    exact = network(clip).classes.softmax(-1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        reduced = network(clip).classes.float().softmax(-1)
    assert (exact - reduced).abs().max() < 0.05
