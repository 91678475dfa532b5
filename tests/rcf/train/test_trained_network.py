"""`rcf.load`: what was saved, ready for use, in the three lines that its docstring promises."""

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import rcf
from rcf import checkpoint
from rcf.errors import CheckpointError, InputError
from rcf.tensors import state_of
from rcf.train.step import Trainer

NAMES = ("disc", "cross", "ring", "bar")


def _saved(trainer: Trainer, cell: Path) -> Path:
    """A checkpoint in the folder of a cell, after one step."""
    trainer.advance()
    folder = cell / "checkpoints" / "step-00000001"
    folder.mkdir(parents=True)
    count = trainer.network.head.classes.out_features - 1
    checkpoint.save(trainer, NAMES[:count], folder)
    return folder


def _weights(network: torch.nn.Module) -> list[torch.Tensor]:
    return list(state_of(network).values())


def test_the_example_of_the_docstring_segments_frames(
    trainer: Callable[..., Trainer], video: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _saved(trainer(), tmp_path / "cell")
    assert rcf.__doc__
    code = "\n".join(line[4:] for line in rcf.__doc__.splitlines() if line.startswith("    "))
    assert len([line for line in code.splitlines() if line]) == 4  # the import, and three lines
    script = tmp_path / "example.py"
    script.write_text(re.sub(r'rcf\.load\(".*"\)', "rcf.load(cell)", code))
    runpy.run_path(str(script), {"cell": tmp_path / "cell", "frames": video})
    assert len(capsys.readouterr().out.splitlines()) == len(video)


def test_cell_checkpoint_and_file_of_weights_give_the_same_network(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    training = trainer()
    folder = _saved(training, tmp_path / "cell")
    for path in (tmp_path / "cell", folder, folder / "weights.safetensors", str(folder)):
        loaded = rcf.load(path)
        assert loaded.folder == folder
        assert not loaded.network.training
        assert all(map(torch.equal, _weights(loaded.network), _weights(training.network)))


def test_a_folder_gives_the_running_average_and_a_file_what_is_in_it(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    training = trainer(ema=0.5)
    training.advance()
    folder = _saved(training, tmp_path / "cell")
    averaged, plain = rcf.load(folder), rcf.load(folder / "weights.safetensors")
    assert all(map(torch.equal, _weights(averaged.network), _weights(training.evaluated)))
    assert all(map(torch.equal, _weights(plain.network), _weights(training.network)))
    assert not all(map(torch.equal, _weights(plain.network), _weights(averaged.network)))


def test_each_video_starts_anew_and_names_fit_the_objects(
    trainer: Callable[..., Trainer], video: torch.Tensor, tmp_path: Path
) -> None:
    training = trainer()
    training.config = training.config.model_copy(
        update={"evaluation": training.config.evaluation.model_copy(update={"class_threshold": 0.0})}
    )
    loaded = rcf.load(_saved(training, tmp_path / "cell"))
    first, second = (list(loaded.segment(iter(video))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.masks, other.masks)
        assert one.identities.tolist() == other.identities.tolist()
        assert one.masks.shape == (5, *video.shape[-2:])  # all slots fire
        best = one.class_probabilities[:, :-1].argmax(-1)
        assert loaded.names(one) == tuple(loaded.categories[index] for index in best.tolist())


def test_a_place_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing: got no such folder, expected a folder with state\.json"):
        rcf.load(tmp_path / "nothing")
    with pytest.raises(InputError, match="got no checkpoint in it"):
        rcf.load(tmp_path)


def test_a_file_of_another_kind_is_refused(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    folder = _saved(trainer(), tmp_path / "cell")
    with pytest.raises(InputError, match=r"state\.json: got a file of another kind"):
        rcf.load(folder / "state.json")


def test_a_damaged_checkpoint_is_named(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    folder = _saved(trainer(), tmp_path / "cell")
    (folder / "weights.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(CheckpointError, match="weights"):
        rcf.load(folder)


def test_importing_the_library_loads_no_torch_and_other_names_are_unknown(repository: Path) -> None:
    code = "import sys, rcf; assert 'torch' not in sys.modules; rcf.lode"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)
    assert "module 'rcf' has no attribute 'lode'" in done.stderr
