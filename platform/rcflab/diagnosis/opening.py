"""From what a command line names to networks and the videos that all of them are shown.

[NAME=]FOLDER | run of MLflow --rcf.load--> Named network      data of the first, or --data ROOT --> VideoDataset
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from rcf.checkpoint import without_weights
from rcf.config import FrameSizeConfig, RcfConfig, YoutubeVisConfig
from rcf.data.opening import open_validation
from rcf.data.ytvis import VideoDataset
from rcf.errors import CheckpointError, InputError, Problem
from rcf.model import build_network
from rcf.trained import TrainedNetwork, load

UNTRAINED = "untrained"


@dataclass(frozen=True, slots=True)
class Source:
    """A network that is asked for."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Named:
    """A network by the name that the page gives it."""

    name: str
    trained: TrainedNetwork
    source: str


def parse_source(text: str) -> Source:
    """`NAME=FOLDER`, or a folder whose own name serves; that of a cell where it is one of its checkpoints."""
    name, separator, folder = text.partition("=")
    if separator and name and not Path(text).exists():
        return Source(name, Path(folder))
    path = Path(text)
    named = path.resolve()
    while named.name.startswith("step-") or named.name == "checkpoints":
        named = named.parent
    return Source(named.name, path)


def open_networks(sources: Sequence[Source], device: str, *, untrained: bool) -> list[Named]:
    """All of them, with `untrained` also the first as it would be without any training.

    Raises InputError for names that are not apart, and with the problems of all that cannot be loaded.
    """
    names = [source.name for source in sources] + [UNTRAINED] * untrained
    problems = [
        Problem("--checkpoint", name, "the name of two networks", "names apart", "Write NAME=FOLDER, NAME=RUN_ID")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if (fault := _device_fault(device)) is not None:
        problems.append(fault)
    found: list[Named] = []
    for source in () if problems else tuple(sources):
        try:
            trained = load(source.folder, device)
        except InputError as error:
            problems += error.problems
        except CheckpointError as error:
            problems.append(Problem(str(source.folder), "", str(error), "a whole checkpoint"))
        else:
            found.append(Named(source.name, trained, str(trained.folder)))
    if problems:
        raise InputError(problems)
    return [*found, _untrained(found[0].trained, device)] if untrained else found


def _device_fault(device: str) -> Problem | None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        return Problem("--device", "", device, "a device of this machine", str(error).splitlines()[0])
    return None


def open_videos(
    networks: Sequence[Named],
    root: Path | None,
    split: str = "",
    opened: Callable[[RcfConfig], VideoDataset] = open_validation,
) -> VideoDataset:
    """The validation videos of the first network, or those below `root`, at the size that the first one evaluates at.

    Raises InputError where they cannot be opened, or a network knows other categories or listens where others do not.
    """
    config = networks[0].trained.config
    if root is not None:
        given = split or (config.data.val_split if isinstance(config.data, YoutubeVisConfig) else "val")
        config = config.model_copy(update={"data": YoutubeVisConfig(root=str(root), val_split=given)})
    elif split:
        raise InputError([Problem("--split", "", split, "a folder of --data", "Name the data set: --data ROOT")])
    dataset = opened(config)
    names = dataset.annotations.category_names
    problems: list[Problem] = []
    for each in networks:
        known, sound = each.trained.categories, each.trained.config.model.audio
        if known != names:
            given, wanted = (", ".join(some[:6]) for some in (known, names))
            problems.append(Problem(each.source, "categories", given, f"those of the data set: {wanted}"))
        if _size(each.trained.config) != _size(config):
            wanted = f"{_size(config)}, as the first network"
            advice = "Diagnose networks of other sizes apart"
            problems.append(Problem(each.source, "evaluation.input", str(_size(each.trained.config)), wanted, advice))
        if sound != config.model.audio:
            wanted = f"{config.model.audio.features}, as the first network"
            advice = "Diagnose networks with and without sound apart"
            problems.append(Problem(each.source, "model.audio", sound.features, wanted, advice))
    if problems:
        raise InputError(problems)
    return dataset


def _size(config: RcfConfig) -> FrameSizeConfig:
    return config.evaluation.input or config.input


def _untrained(trained: TrainedNetwork, device: str) -> Named:
    config: RcfConfig = trained.config
    network = build_network(without_weights(config.model), len(trained.categories), seed=0)
    made = replace(trained, network=network.to(device).eval())
    return Named(UNTRAINED, made, "the network of the first one before training, all weights random (seed 0)")
