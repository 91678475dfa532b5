"""Weights on disk: who may read them."""

from pathlib import Path

import pytest
import torch

from rcf.tensors import load_tensors, save_tensors


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o644), (0o775, 0o664), (0o700, 0o600)])
def test_weights_are_as_open_as_the_folder_that_they_lie_in(tmp_path: Path, folder_mode: int, file_mode: int) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    folder.chmod(folder_mode)
    save_tensors({"weight": torch.ones(2)}, folder / "weights.safetensors")
    assert (folder / "weights.safetensors").stat().st_mode & 0o777 == file_mode
    assert load_tensors(folder / "weights.safetensors")["weight"].tolist() == [1, 1]
