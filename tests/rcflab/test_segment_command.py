"""`rcflab segment`: a video becomes an overlay, stops and goes on, and says where the time went."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import rcf
from rcf import checkpoint
from rcf.config import (
    AttentionConfig,
    BackboneConfig,
    EvaluationConfig,
    FrameSizeConfig,
    MaskConfig,
    ModelConfig,
    RcfConfig,
    TrainingConfig,
)
from rcf.model import build_network
from rcf.phase_clock import PhaseClock, offline_latency_s, online_latency_s
from rcf.tensors import save_tensors, state_of
from rcflab.cli import app
from rcflab.segmenting.told import Pace

FRAMES = 9
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small network with random weights."""
    attention = AttentionConfig(layers=1, heads=2, feedforward=16, dropout=0.0)
    model = ModelConfig(
        backbone=BackboneConfig(name="test_efficientnet"), width=16, encoder=attention, decoder=attention, queries=4,
        mask=MaskConfig(fpn_width=16, filter_width=8),
    )  # fmt: skip
    config = RcfConfig(
        model=model,
        input=FrameSizeConfig(height=32, width=64),
        evaluation=EvaluationConfig(class_threshold=0.2),
        training=TrainingConfig(steps=1),
    )
    folder = tmp_path_factory.mktemp("checkpoint")
    save_tensors(state_of(build_network(model, 3, seed=0)), folder / "weights.safetensors")
    state = checkpoint.SavedState(
        step=1, seed=0, categories=("cat", "dog", "owl"), config=config.model_dump(mode="json")
    )
    (folder / "state.json").write_text(json.dumps(state.model_dump(mode="json")))
    return folder


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A folder of nine images."""
    folder, values = tmp_path / "in", np.random.default_rng(0)
    folder.mkdir()
    for number in range(FRAMES):
        Image.fromarray(values.integers(0, 256, (36, 60, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def segment(trained: Path, frames: Path) -> Run:
    """Options -> what the command came to."""

    def run(*options: object, source: object = frames, stdin: bytes = b"") -> Result:
        arguments = ["segment", str(source), "-c", str(trained), *map(str, options)]
        return CliRunner().invoke(app, arguments, input=stdin)

    return run


def test_all_kinds_of_output_come_of_one_run(segment: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = [out / "a.mp4", out / "a.jsonl", out / "a.png", f"frames:{out / 'frames'}", f"masks:{out / 'masks'}"]
    result = segment(*(part for name in names for part in ("-o", name)))
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["a.jsonl", "a.mp4", "a.png", "frames", "masks"]
    assert len(list((out / "masks").iterdir())) == FRAMES
    assert "mode slots" in result.stdout and "backbone" in result.stdout and "latency by the paper" in result.stdout


@pytest.mark.parametrize("options", [(), ("--top", "3")])
def test_a_stream_that_was_stopped_goes_on_with_the_same_masks(
    segment: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    whole, parts, state = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl", tmp_path / "state"
    assert segment("-o", whole, *options).exit_code == 0
    assert segment("-o", parts, "--state", state, "--frames", 4, *options).exit_code == 0
    assert len(parts.read_text().splitlines()) == 4
    assert segment("-o", parts, "--state", state, *options).exit_code == 0
    assert parts.read_bytes() == whole.read_bytes()
    assert any(json.loads(line)["objects"] for line in whole.read_text().splitlines())


def test_the_mode_is_named_in_the_output(segment: Run, tmp_path: Path) -> None:
    result = segment("-o", tmp_path / "a.jsonl", "--top", 3)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert {line["mode"] for line in lines} == {"top-3"}
    assert {len(line["objects"]) for line in lines} == {3}
    assert "mode top-3" in result.stdout


def test_a_state_of_another_mode_or_source_is_refused(segment: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    segment("-o", tmp_path / "a.jsonl", "--state", state, "--frames", 2)
    result = segment("-o", tmp_path / "b.jsonl", "--state", state, "--top", 3)
    assert result.exit_code == 2
    assert "mode: got 'slots', expected 'top-3', as asked for" in result.stderr
    assert not (tmp_path / "b.jsonl").exists()


def test_a_signal_ends_it_after_a_whole_frame_and_it_goes_on(
    segment: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, state, whole = tmp_path / "a.jsonl", tmp_path / "state", tmp_path / "whole.jsonl"
    update = Pace.__call__

    def strike(pace: Pace, done: int) -> None:
        update(pace, done)
        if done == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(Pace, "__call__", strike)
        result = segment("-o", out, "--state", state)
    assert result.exit_code == 75, result.output
    assert "stopped before frame 3. The same command goes on from there" in result.stderr
    assert segment("-o", out, "--state", state).exit_code == 0
    assert segment("-o", whole).exit_code == 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_source_with_a_fault_keeps_what_was_whole(segment: Run, frames: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(frames / "5.png")
    result = segment("-o", tmp_path / "a.jsonl")
    assert result.exit_code == 2
    assert "frame 5: got 20x20, expected 60x36 as the frames before it" in result.stderr
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 5


def test_raw_frames_come_from_standard_input(segment: Run, tmp_path: Path) -> None:
    content = np.random.default_rng(0).integers(0, 256, (3, 36, 60, 3), dtype=np.uint8).tobytes()
    result = segment("-o", tmp_path / "a.jsonl", "--raw", "60x36", source="-", stdin=content)
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "a.gif"), "expected a name that ends with .mp4"),
        (("-o", "a.jsonl", "--raw", "60"), "--raw: got '60', expected WIDTHxHEIGHT"),
    ],
)
def test_bad_options_are_told_before_anything_starts(segment: Run, options: tuple[str, ...], told: str) -> None:
    result = segment(*options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_times_go_into_a_file(segment: Run, tmp_path: Path) -> None:
    segment("-o", tmp_path / "a.jsonl", "--timing", tmp_path / "times.json")
    found = json.loads((tmp_path / "times.json").read_text())
    phases = found["phases"]
    assert list(phases) == ["decode", "preprocess", "backbone", "fusion", "decoder", "identity", "encode"]
    assert all(phase["ms"] > 0 for phase in phases.values())
    assert sum(phase["share"] for phase in phases.values()) == pytest.approx(1, abs=1e-3)
    assert (found["frames"], found["warm_up_frames"], found["counted_frames"]) == (9, 3, 6)
    online = found["latency"]["paper"]["online_s"]
    assert online == pytest.approx(1 / 6 + found["network_ms"] / 1000, abs=1e-3)


def test_the_formula_of_the_paper_gives_the_numbers_of_its_table() -> None:
    # Swin-L with 5.3 frames a second; IFC with clips of 36 frames at 89.4.
    assert online_latency_s(1 / 6, 1 / 5.3) == pytest.approx(0.36, abs=0.005)
    assert offline_latency_s(1 / 6, 1 / 89.4, 36) == pytest.approx(6.40, abs=0.005)


def test_frames_that_warm_up_are_not_counted() -> None:
    times = iter(range(1000))
    clock = PhaseClock(warm_up=1, clock=lambda: float(next(times)))
    for _ in range(3):
        for phase in ("decode", "preprocess", "backbone", "encode"):
            clock.enter(phase)
    clock.enter("decode")
    report = clock.report()
    assert report.frames == 2
    assert report.milliseconds["backbone"] == 1000
    assert report.frame_ms == 4000 and report.network_ms == 2000


def test_the_pace_says_when_it_will_be_done() -> None:
    said: list[str] = []
    now = iter([0.0, 1.0, 6.0, 7.0, 12.0])
    pace = Pace(100, 20, None, said.append, lambda: next(now))
    for done in (1, 12, 14, 24):
        pace(done)
    assert said == [
        "segmenting: 12 of 80 frames, 2.0 frames/s, ETA 34 s",
        "segmenting: 24 of 80 frames, 2.0 frames/s, ETA 28 s",
    ]


def test_a_network_is_left_without_hooks(trained: Path) -> None:
    network = rcf.load(trained).network
    with PhaseClock().watching(network):
        assert network.backbone._forward_hooks
    assert not network.backbone._forward_hooks and not network.decoder._forward_pre_hooks


def test_export_refuses_another_ending(trained: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(trained), "--out", str(tmp_path / "a.txt")])
    assert result.exit_code == 2
    assert "expected .onnx or .pt2" in result.stderr
