"""A trained network's step as a file that runs without this library.

TrainedNetwork --StreamStep, torch.export--> FILE.pt2
                                         --> FILE.onnx --> run beside the network on a few frames --> renamed when equal

Both say in their header what a program must know: names of inputs and outputs, sizes, categories, thresholds.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rcf.errors import InputError, Problem
from rcf.export.step import StepAnswer, StepSizes, StepState, StreamStep
from rcf.tensors import from_numpy
from rcf.trained import TrainedNetwork
from rcf.video.sink import temporary

if TYPE_CHECKING:
    from torch.export import ExportedProgram

SUFFIXES = (".onnx", ".pt2")
INPUTS = ("frame", "sound", *StepState._fields)
OUTPUTS = (*StepAnswer._fields, *(f"next_{name}" for name in StepState._fields))
CHECKED_FRAMES = 4
_CLOSE = 1e-3
"""Of a probability: how far runtimes may differ by rounding."""


def stream_step(model: TrainedNetwork, height: int | None = None, width: int | None = None) -> StreamStep:
    """The step of `model` for frames of network size, by default that of its configuration."""
    box = model.input_size
    hops = model.config.model.audio.mel_frames if model.listens else 0
    sizes = StepSizes(height or box.height, width or box.width, hops)
    return StreamStep(model.network, model.config.evaluation, sizes).eval()


def write_step(model: TrainedNetwork, step: StreamStep, path: Path) -> None:
    """Write `step` as its suffix says. Raises rcf.errors.InputError for another suffix or where a package is missing,
    OSError where it cannot be written, RuntimeError where ONNX Runtime says something else than the network."""
    if path.suffix not in SUFFIXES:
        raise InputError([Problem("--out", str(path), f"the ending {path.suffix!r}", " or ".join(SUFFIXES))])
    if path.suffix == ".onnx":
        _need_onnx()
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):
        program = torch.export.export(step, step.example())
    neighbour = temporary(path)
    try:
        if path.suffix == ".pt2":
            told = {"rcf.json": json.dumps(description(model, step))}
            torch.export.save(program, neighbour, extra_files=told)
        else:
            _write_onnx(program, description(model, step), neighbour)
            _compare(step, neighbour)
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)


def description(model: TrainedNetwork, step: StreamStep) -> dict[str, object]:
    """What a program must know to run the step."""
    way, sizes = model.config.evaluation, step.sizes
    return {
        "format": "rcf-step/1",
        "inputs": list(INPUTS),
        "outputs": list(OUTPUTS),
        "state": {name: list(value.shape) for name, value in step.start()._asdict().items()},
        "start": "zeros",
        "frame": {"height": sizes.height, "width": sizes.width, "channels": "RGB, uint8"},
        "sound": {"hops": sizes.hops, "bins": 64} if sizes.hops else None,
        "mode": "slots",
        "categories": list(model.categories),
        "class_threshold": way.class_threshold,
        "mask_threshold": way.mask_threshold,
        "identity": way.identity,
        "override_iou": way.override_iou,
    }


class OnnxStream:
    """A stream by ONNX Runtime: what a program without torch would do, with its state as arrays."""

    def __init__(self, path: Path) -> None:
        """Raises rcf.errors.InputError where the packages are missing."""
        _need_onnx()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        told = cast("dict[str, str]", self._session.get_modelmeta().custom_metadata_map)
        self.description: dict[str, Any] = json.loads(told["rcf"])
        self._wanted = {each.name for each in self._session.get_inputs()}
        self.state = self._start()

    def push(self, frame: NDArray[np.uint8], sound: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """The fields of StepAnswer for `frame` 1 3 H W and the log-mel patch `sound` 1 A E."""
        given = {"frame": frame, "sound": sound, **self.state}
        found = self._session.run(list(OUTPUTS), {name: given[name] for name in self._wanted})
        named = dict(zip(OUTPUTS, found, strict=True))
        self.state = {name: named[f"next_{name}"] for name in StepState._fields}
        return {name: named[name] for name in StepAnswer._fields}

    def _start(self) -> dict[str, NDArray[Any]]:
        kinds = {"frames": np.int64, "own": np.int64, "last": np.int64, "issued": np.int64, "last_masks": np.bool_}
        shapes: dict[str, list[int]] = self.description["state"]
        return {name: np.zeros(shapes[name], kinds.get(name, np.float32)) for name in StepState._fields}


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import onnxruntime  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import onnxscript  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        hint = "pip install 'rcflab[export]', or write a .pt2"
        raise InputError(
            [Problem("ONNX", "", f"no package ({error})", "onnx, onnxruntime, onnxscript", hint)]
        ) from error


def _write_onnx(program: "ExportedProgram", told: dict[str, object], path: Path) -> None:
    # It tells each constant that it does not fold; nothing of that is for the reader of a command.
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    names: Any = {"input_names": list(INPUTS), "output_names": list(OUTPUTS)}
    with warnings.catch_warnings(action="ignore"):
        made = cast(Any, torch.onnx).export(program, dynamo=True, verbose=False, **names)
    made.model.metadata_props["rcf"] = json.dumps(told)
    made.save(str(path))


def _compare(step: StreamStep, path: Path) -> None:
    """Run both on random frames. Raises RuntimeError."""
    stream, doubtful = OnnxStream(path), False
    for number, (frame, sound, answer) in enumerate(eager_answers(step, CHECKED_FRAMES)):
        found = stream.push(frame.numpy(), sound.numpy())
        gap = float((from_numpy(found["probabilities"]) - answer.probabilities).abs().max())
        # A slot on the very threshold may fire here and not there, and from then on identities are counted otherwise.
        best = answer.probabilities[:, :-1].amax(-1)
        doubtful = doubtful or bool(((best - step.class_threshold).abs() < _CLOSE).any())
        same = doubtful or bool((from_numpy(found["identities"]) == answer.identities).all())
        if not (gap < _CLOSE and same):
            raise RuntimeError(f"frame {number}: ONNX Runtime differs from the network by {gap:.3g}")


def eager_answers(step: StreamStep, count: int) -> Iterator[tuple[Tensor, Tensor, StepAnswer]]:
    """Random frames and sounds that follow on each other, and what the step says of each."""
    generator = torch.Generator().manual_seed(0)
    state, (frame, sound, *_) = step.start(), step.example()
    picture = torch.randint(0, 256, frame.shape, generator=generator).float()
    for _ in range(count):
        # Each frame resembles the last one, so that masks overlap and the rule of identity has something to do.
        picture = 0.8 * picture + 0.2 * torch.randint(0, 256, frame.shape, generator=generator)
        here, heard = picture.to(torch.uint8), torch.randn(sound.shape, generator=generator) - 2
        with torch.inference_mode():
            found = step(here, heard, *state)
        state = StepState(*found[len(StepAnswer._fields) :])
        yield here, heard, StepAnswer(*found[: len(StepAnswer._fields)])
