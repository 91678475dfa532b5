"""The step as one function says what a stream says; ONNX Runtime and torch.export say the same, identities included."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rcf.config import AttentionConfig, AudioConfig, EvaluationConfig, FrameSizeConfig, ModelConfig, RcfConfig
from rcf.errors import InputError
from rcf.export.step import StepAnswer, StepState, StreamStep
from rcf.export.write import INPUTS, OnnxStream, eager_answers, stream_step, write_step
from rcf.model import build_network
from rcf.streaming import OnlineSegmenter
from rcf.trained import TrainedNetwork

FRAMES = 20
Model = Callable[..., TrainedNetwork]


@pytest.fixture
def model(tiny_model: Callable[..., ModelConfig]) -> Model:
    """(frames, features, identity) -> a small network with random weights, whose slots fire now and then."""

    def made(frames: int = 2, features: str = "small", identity: str = "slot_iou") -> TrainedNetwork:
        audio = AudioConfig.model_validate({"features": features, "mel_frames": 16, "lstm_width": 8})
        attention = AttentionConfig(layers=1, heads=2, feedforward=16, dropout=0.0)
        parts = {"audio": audio, "encoder": attention, "decoder": attention, "queries": 3}
        config = tiny_model(frames=frames).model_copy(update=parts)
        way = EvaluationConfig.model_validate({"override_iou": 0.3, "identity": identity})
        whole = RcfConfig(model=config, input=FrameSizeConfig(height=64, width=96), evaluation=way)
        network = build_network(config, categories=3, seed=0)
        trained = TrainedNetwork(network, whole, ("cat", "dog", "owl"), Path())
        if identity == "cosine":
            return trained
        # A threshold that about half of the slots pass, now this one, now that one.
        best = [a.probabilities[:, :-1].amax(-1) for _, _, a in eager_answers(stream_step(trained), 6)]
        ordered = torch.stack(best).flatten().sort().values
        middle = float(ordered[len(ordered) // 2 - 1 : len(ordered) // 2 + 1].mean())
        half = way.model_copy(update={"class_threshold": middle})
        return replace(trained, config=whole.model_copy(update={"evaluation": half}))

    return made


@pytest.mark.parametrize("frames", [0, 1, 3])
@pytest.mark.parametrize("features", ["none", "small"])
def test_the_step_is_a_push(model: Model, frames: int, features: str) -> None:
    trained = model(frames, features)
    stream = OnlineSegmenter(trained.network, trained.input_size, trained.config.evaluation)
    fired: set[int] = set()
    silent = 0
    for frame, sound, answer in eager_answers(stream_step(trained), FRAMES):
        pushed = stream.push(frame[0], sound[0] if features == "small" else None)
        rows = answer.fired.nonzero()[:, 0]
        assert rows.tolist() == pushed.slots.tolist()
        assert answer.identities[rows].tolist() == pushed.identities.tolist()
        assert torch.equal(answer.masks[rows], pushed.masks)
        assert not answer.masks[~answer.fired].any()
        fired |= set(pushed.identities.tolist())
        silent += int((~answer.fired).sum())
    assert fired and silent


# Together they have a network with sound, one with more than one reference, one with none, and both rules of identity.
@pytest.mark.parametrize(
    ("frames", "features", "identity"), [(1, "small", "slot_iou"), (2, "none", "slot_iou"), (0, "none", "slot")]
)
def test_onnx_runtime_says_the_same(model: Model, tmp_path: Path, frames: int, features: str, identity: str) -> None:
    trained = model(frames, features, identity)
    step = stream_step(trained)
    write_step(trained, step, tmp_path / "step.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["step.onnx"]
    stream, fired = OnnxStream(tmp_path / "step.onnx"), 0
    assert stream.description["categories"] == ["cat", "dog", "owl"]
    assert stream.description["identity"] == identity
    for frame, sound, answer in eager_answers(step, FRAMES):
        found = stream.push(frame.numpy(), sound.numpy())
        assert found["identities"].tolist() == answer.identities.tolist()
        assert np.abs(found["probabilities"] - answer.probabilities.numpy()).max() < 1e-4
        assert (found["masks"] != answer.masks.numpy()).mean() < 1e-3
        fired += int(answer.fired.sum())
    assert fired


def test_a_program_of_torch_export_says_the_same(model: Model, tmp_path: Path) -> None:
    trained = model()
    step = stream_step(trained)
    write_step(trained, step, tmp_path / "step.pt2")
    told = {"rcf.json": ""}
    program = torch.export.load(tmp_path / "step.pt2", extra_files=told).module()
    assert json.loads(told["rcf.json"])["inputs"] == list(INPUTS)
    state = step.start()
    for frame, sound, answer in eager_answers(step, 3):
        found = program(frame, sound, *state)
        state = StepState(*found[len(StepAnswer._fields) :])
        assert torch.equal(found[1], answer.identities)
        torch.testing.assert_close(found[2], answer.probabilities, atol=1e-5, rtol=1e-4)


def test_the_rule_that_solves_an_assignment_is_refused(model: Model) -> None:
    with pytest.raises(InputError, match=r"evaluation\.identity: got cosine"):
        stream_step(model(identity="cosine"))


def test_another_ending_is_refused(model: Model, tmp_path: Path) -> None:
    trained = model()
    with pytest.raises(InputError, match=r"got the ending '\.tflite', expected \.onnx or \.pt2"):
        write_step(trained, stream_step(trained), tmp_path / "a.tflite")


def test_a_package_that_is_missing_names_its_extra(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = model()
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"ONNX: got no package .*pip install 'rcflab\[export\]'"):
        write_step(trained, stream_step(trained), tmp_path / "a.onnx")


def test_a_step_has_no_state_of_its_own(model: Model) -> None:
    step = stream_step(model())
    assert isinstance(step, StreamStep)
    one, two = (list(eager_answers(step, 3)) for _ in range(2))
    assert all(torch.equal(a.masks, b.masks) for (_, _, a), (_, _, b) in zip(one, two, strict=True))
