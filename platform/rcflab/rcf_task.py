"""The task "rcf": how the platform trains, evaluates and checks the network. The only module that joins the two.

Cell.config --> RcfConfig --> Trainer + VideoDataset --> (advance, save, restore, evaluate)
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcf import checkpoint
from rcf.config import RcfConfig, SyntheticConfig
from rcf.data.annotations import Annotations, load_annotations
from rcf.data.layout import find_split
from rcf.data.synthetic import synthetic_digest, write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError, Problem
from rcf.evaluation.evaluator import Evaluation, Evaluator, track_metrics, videos_digest
from rcf.evaluation.results import write_results
from rcf.evaluation.statistics import stats_from_records
from rcf.model import build_network
from rcf.model.backbone import backbone_problems
from rcf.pictures import overlay_strip, save_png
from rcf.train.ranks import SINGLE, Ranks
from rcf.train.step import Trainer
from rcflab.records import Json
from rcflab.task import EvalResult, Records, Schedule, TaskSpec

logger = logging.getLogger(__name__)


def _data_root(config: RcfConfig) -> Path:
    if isinstance(config.data, SyntheticConfig):
        return Path(config.data.root) / synthetic_digest(config.data)
    return Path(config.data.root)


def _splits(config: RcfConfig) -> tuple[str, str]:
    if isinstance(config.data, SyntheticConfig):
        return "train", "val"
    return config.data.train_split, config.data.val_split


def _open(config: RcfConfig, split: str) -> VideoDataset:
    annotations, frames = find_split(_data_root(config), split)
    return VideoDataset(load_annotations(annotations, frames), frames, config.input.height, config.input.width)


class RcfTraining:
    """One training of the network; see rcflab.task.Training."""

    def __init__(self, config: RcfConfig, seed: int, ranks: Ranks = SINGLE) -> None:
        self._config, self._ranks = config, ranks
        dataset = _open(config, _splits(config)[0])
        self._categories = _names(dataset)
        network = build_network(config.model, len(self._categories), seed)
        self._trainer = Trainer(network, dataset, config, seed, ranks)

    @property
    def step(self) -> int:
        """Finished optimisation steps."""
        return self._trainer.step

    def advance(self) -> Mapping[str, float]:
        """One optimisation step."""
        metrics = dict(self._trainer.advance())
        for name in ("bce", "focal"):
            if not getattr(self._config.training.loss, f"{name}_weight"):
                del metrics[f"train/loss_{name}"]
        return metrics

    def save(self, folder: Path) -> None:
        """Weights, optimiser state and state.json."""
        checkpoint.save(self._trainer, self._categories, folder)

    def restore(self, folder: Path) -> None:
        """Continue from `folder`."""
        checkpoint.restore(self._trainer, folder)

    @cached_property
    def _validation(self) -> VideoDataset:
        dataset = _open(self._config, _splits(self._config)[1])
        if problems := _category_problems(self._trainer.dataset.annotations, dataset.annotations):
            raise InputError(problems)
        return dataset

    def evaluate(self, config: Mapping[str, Json], artifacts: Path) -> EvalResult:
        """One pass over the validation videos; writes results.json and overlays below `artifacts`."""
        found = self._evaluator(config).run(self._trainer.evaluated)
        results = artifacts / "results.json"
        write_results(results, found.predictions)
        pictures = _draw(self._validation, found, artifacts / "overlays")
        return EvalResult(found.metrics, found.tracks.records, videos_digest(self._validation), (results, *pictures))

    def assist(self, config: Mapping[str, Json]) -> None:
        """This rank's validation videos."""
        self._evaluator(config).assist(self._trainer.evaluated)

    def _evaluator(self, config: Mapping[str, Json]) -> Evaluator:
        return Evaluator(self._validation, _parse(config).evaluation, self._ranks)


def _names(dataset: VideoDataset) -> tuple[str, ...]:
    names = {category.id: category.name for category in dataset.annotations.categories}
    return tuple(names[category] for category in dataset.category_ids)


def _draw(dataset: VideoDataset, found: Evaluation, folder: Path) -> list[Path]:
    paths: list[Path] = []
    for result in found.drawn:
        video = dataset.videos[result.video]
        frames = [dataset.original(result.video, number).permute(1, 2, 0).numpy() for number in range(video.length)]
        path = folder / f"video-{video.id}.png"
        save_png(overlay_strip(frames, result.frames, _names(dataset)), path)
        paths.append(path)
    return paths


def _parse(config: Mapping[str, Json]) -> RcfConfig:
    return RcfConfig.model_validate(config)


def _schedule(config: Mapping[str, Json]) -> Schedule:
    training = _parse(config).training
    return Schedule(training.steps, training.log_every, training.checkpoint_every, training.evaluate_every)


def _start(config: Mapping[str, Json], seed: int, ranks: Ranks = SINGLE) -> RcfTraining:
    return RcfTraining(_parse(config), seed, ranks)


def _check(config: Mapping[str, Json]) -> Sequence[Problem]:
    parsed = _parse(config)
    problems = backbone_problems(parsed.model.backbone)
    if isinstance(parsed.data, SyntheticConfig):
        return problems
    found: list[Annotations] = []
    for split in _splits(parsed):
        try:
            path, frames = find_split(_data_root(parsed), split)
            found.append(load_annotations(path, frames))
        except InputError as error:
            problems.extend(error.problems)
    if len(found) == 2:
        problems.extend(_category_problems(*found))
    return problems


def _category_problems(train: Annotations, val: Annotations) -> list[Problem]:
    """Predicted classes are indices into the training categories: another list would be scored in silence."""
    known, given = ({category.id: category.name for category in each.categories} for each in (train, val))
    if known == given:
        return []
    unlike = sorted(known.items() ^ given.items())
    return [
        Problem(str(val.path), "/categories", f"other categories than {train.path}: {unlike[:6]}", "the same in both")
    ]


def _prepare(config: Mapping[str, Json]) -> None:
    parsed = _parse(config)
    if isinstance(parsed.data, SyntheticConfig):
        logger.info("event=synthetic_data folder=%s", _data_root(parsed))
        write_synthetic(_data_root(parsed), parsed.data)


def _metrics(records: Records, video_weights: NDArray[np.float64] | None) -> Mapping[str, float]:
    return track_metrics(stats_from_records(records, video_weights))


TASK = TaskSpec(
    name="rcf",
    schedule=_schedule,
    start=_start,
    check=_check,
    prepare=_prepare,
    resume_files=(checkpoint.OPTIMIZER,),
    best="val/ap",
    metrics=_metrics,
)
