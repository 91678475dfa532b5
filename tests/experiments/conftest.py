"""Every arm of every experiment in the repository, and small data sets in place of those that the bases name.

experiments/*.yaml x bases --load--> arms --distinct--> `arm` (as written), `small_arm` (same knobs, small sizes)
"""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from rcf.config import SyntheticConfig
from rcflab.identity import digest
from rcflab.load import LoadedExperiment, load_experiment

FOLDER = Path(__file__).resolve().parents[2] / "experiments"
EXPERIMENTS = sorted(FOLDER.glob("*.yaml"))
VARIABLES = ("RCF_YTVIS2019", "RCF_YTVIS2021", "RCF_AVIS", "RCF_COCO", "RCF_DATA", "RCF_START")


def _load(path: Path, base: str | None = None, options: tuple[str, ...] = ()) -> LoadedExperiment:
    """The experiment, with every data folder that a base may name set to one that is not there."""
    with patch.dict(os.environ, dict.fromkeys(VARIABLES, "/not/there")):
        return load_experiment(path, options, base)


def small(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same knobs at small sizes: widths, depths, frames and batch; a small backbone and audio network."""
    found = copy.deepcopy(dict(config))
    model, training = found["model"], found["training"]
    model["backbone"] |= {"name": "resnet10t", "weights": "none"}
    model["width"] = 16
    for part in ("encoder", "decoder"):
        model[part] |= {"layers": 1, "heads": 2, "feedforward": 32}
    model["mask"] |= {"fpn_width": 16, "filter_width": 8}
    if model["audio"]["features"] != "none":
        model["audio"] |= {"features": "small", "weights": "none", "mel_frames": 16, "lstm_width": 8}
    found["input"] |= {"height": 64, "width": 96}
    training |= {"steps": 2, "clips_per_step": 2, "accumulate": 1, "loader_threads": 0, "start_from": ""}
    training["augment"]["short_sides"] = [48, 64] if training["augment"]["short_sides"] else []
    training["loss"]["mask_points"] = 64 if training["loss"]["mask_points"] else 0
    return found


def distinct(name: str) -> dict[str, dict[str, Any]]:
    """`experiment:arm` -> configuration, of all experiments on their own bases, each configuration once."""
    found: dict[str, dict[str, Any]] = {}
    for path in EXPERIMENTS:
        for arm, config in _load(path).configs.items():
            kept = small(config) if name == "small_arm" else {part: config[part] for part in ("model", "input")}
            value = {part: settings for part, settings in kept.items() if part != "data"}
            found.setdefault(digest(value), {f"{path.stem}:{arm}": value})
    return {label: value for each in found.values() for label, value in each.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument of these names runs on each experiment, each pair with a base, or each distinct arm."""
    if "experiment" in metafunc.fixturenames:
        metafunc.parametrize("experiment", EXPERIMENTS, ids=[path.stem for path in EXPERIMENTS])
    for name in ("arm", "small_arm"):
        if name in metafunc.fixturenames:
            arms = distinct(name)
            metafunc.parametrize(name, list(arms.values()), ids=list(arms))


@pytest.fixture(scope="session")
def load() -> Callable[..., LoadedExperiment]:
    """(file, base, options) -> the experiment, with data folders that are not there."""
    return _load


@pytest.fixture(scope="session")
def experiments() -> Path:
    """The folder of the experiments."""
    return FOLDER


@pytest.fixture(scope="session")
def shrink() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A configuration at small sizes."""
    return small


def python_of_readme() -> str:
    """The program of experiments/README.md that holds videos out."""
    return (FOLDER / "README.md").read_text().split("```python\n")[1].split("```")[0]


_REAL_NAMES = ("person", "cat", "dog", "horse", "cow", "elephant", "bear", "zebra")


def _rename(annotations: Path) -> None:
    """Give the categories names that COCO and YouTube-VIS both have."""
    content = json.loads(annotations.read_text())
    for category, name in zip(content["categories"], _REAL_NAMES, strict=False):
        category["name"] = name
    annotations.write_text(json.dumps(content))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty short clips with sound in YouTube-VIS format, below train and val."""
    from rcf.data.synthetic import write_synthetic

    root = tmp_path_factory.mktemp("clips") / "set"
    write_synthetic(root, SyntheticConfig(train_clips=17, val_clips=3, frames=4, sound="category"))
    for split in ("train", "val"):
        _rename(root / split / "instances.json")
    return root


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few still images in COCO's own layout."""
    from rcf.data.synthetic_images import write_images

    root = tmp_path_factory.mktemp("images") / "coco"
    write_images(root, SyntheticConfig(train_clips=3, val_clips=1, frames=2))
    _rename(root / "annotations" / "instances_train2017.json")
    return root


@pytest.fixture(scope="session")
def start(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint."""
    from rcf import checkpoint
    from rcf.config import RcfConfig, YoutubeVisConfig
    from rcf.data.opening import open_training
    from rcf.model import build_network
    from rcf.train.step import Trainer

    plain = next(iter(_load(FOLDER / "quickstart.yaml").configs.values()))
    config = RcfConfig.model_validate(small(plain) | {"data": YoutubeVisConfig(root=str(clips)).model_dump()})
    dataset = open_training(config)
    folder = tmp_path_factory.mktemp("start")
    network = build_network(config.model, len(dataset.category_ids), 0)
    checkpoint.save(Trainer(network, dataset, config, 0), _REAL_NAMES[: len(dataset.category_ids)], folder)
    return folder


@pytest.fixture(scope="session")
def sets(clips: Path, images: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Small sets behind the variables of all bases; in the environment while tests run."""
    split = tmp_path_factory.mktemp("sets") / "split.py"
    split.write_text(python_of_readme())
    train = clips / "train"
    subprocess.run([sys.executable, str(split), str(train / "instances.json"), str(train)], check=True)
    roots = {
        "RCF_YTVIS2019": str(train),
        "RCF_YTVIS2021": str(train),
        "RCF_AVIS": str(clips),
        "RCF_COCO": str(images),
        "RCF_DATA": str(clips),
        "RCF_START": str(start),
    }
    with patch.dict(os.environ, roots):
        yield roots
