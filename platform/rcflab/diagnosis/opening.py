"""From what a command line names to networks and the videos that all of them are shown.

[NAME=]FOLDER | run of MLflow --rcf.load--> Named network      data of the first, or --data ROOT --> VideoDataset
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rcf.checkpoint import without_weights
from rcf.config import RcfConfig, YoutubeVisConfig
from rcf.data.opening import open_validation
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError, Problem
from rcf.model import build_network
from rcf.trained import TrainedNetwork, load


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
    names = [source.name for source in sources]
    problems = [
        Problem("--checkpoint", name, "the name of two networks", "names apart", "Write NAME=FOLDER")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    found: list[Named] = []
    for source in sources:
        try:
            trained = load(source.folder, device)
        except InputError as error:
            problems += error.problems
        else:
            found.append(Named(source.name, trained, str(trained.folder)))
    if problems:
        raise InputError(problems)
    return [*found, _untrained(found[0].trained, device)] if untrained else found


def open_videos(networks: Sequence[Named], root: Path | None, split: str) -> VideoDataset:
    """The validation videos of the first network, or those below `root`, at the size that the first one evaluates at.

    Raises InputError where they cannot be opened, or a network knows other categories or listens where others do not.
    """
    config = networks[0].trained.config
    if root is not None:
        config = config.model_copy(update={"data": YoutubeVisConfig(root=str(root), val_split=split)})
    dataset = open_validation(config)
    names = category_names(dataset)
    problems = [
        Problem(each.source, "categories", f"{', '.join(each.trained.categories[:6])} ...", f"those of the data set: {', '.join(names[:6])} ...")
        for each in networks
        if each.trained.categories != names
    ]
    problems += [
        Problem(each.source, "model.audio", each.trained.config.model.audio.features, config.model.audio.features,
                "Diagnose networks with and without sound apart")
        for each in networks
        if each.trained.config.model.audio != config.model.audio
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    return dataset


def category_names(dataset: VideoDataset) -> tuple[str, ...]:
    """By class index."""
    return tuple(each.name for each in sorted(dataset.annotations.categories, key=lambda category: category.id))


def _untrained(trained: TrainedNetwork, device: str) -> Named:
    config: RcfConfig = trained.config
    network = build_network(without_weights(config.model), len(trained.categories), seed=0)
    made = replace(trained, network=network.to(device).eval())
    return Named("untrained", made, "the network of the first one before training, all weights random (seed 0)")
