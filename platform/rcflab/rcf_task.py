"""The task "rcf": how the platform trains, evaluates and checks the network. The only module that joins the two.

Cell.config --> RcfConfig --> Trainer + VideoDataset --> (advance, save, restore, evaluate)
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcf import checkpoint
from rcf.checkpoint import without_weights
from rcf.config import FrameSizeConfig, ModelConfig, RcfConfig, SyntheticConfig
from rcf.config.data import DataSource
from rcf.data.annotations import Annotations
from rcf.data.opening import category_problems, data_problems, data_root, open_training, open_validation
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError, Problem
from rcf.evaluation.evaluator import Evaluation, Evaluator, track_metric, track_metrics, videos_digest
from rcf.evaluation.resampled import resampled_stats
from rcf.evaluation.results import write_results
from rcf.evaluation.statistics import STAT_NAMES, stats_from_records
from rcf.fine_tuning import start_from, start_problems
from rcf.model import build_network
from rcf.model.audio import audio_weights_problem
from rcf.model.backbone import backbone_problems
from rcf.model.network import RCF
from rcf.pictures import overlay_strip, save_png
from rcf.train.ranks import SINGLE, Ranks
from rcf.train.step import Trainer
from rcflab.records import Json
from rcflab.task import EvalResult, Records, Schedule, TaskSpec

logger = logging.getLogger(__name__)


class RcfTraining:
    """One training of the network; see rcflab.task.Training."""

    def __init__(self, config: RcfConfig, seed: int, ranks: Ranks = SINGLE) -> None:
        self._config, self._ranks = config, ranks
        dataset = open_training(config)
        self._annotations = dataset.annotations
        self._categories = _names(dataset.annotations)
        network = _network(config, self._categories, seed)
        self._trainer = Trainer(network, dataset, config, seed, ranks)
        self._scored_on: dict[tuple[DataSource, FrameSizeConfig], VideoDataset] = {}

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

    def evaluate(self, config: Mapping[str, Json], artifacts: Path) -> EvalResult:
        """One pass over the validation videos; writes results.json and overlays below `artifacts`."""
        parsed = _parse(config)
        dataset = self._validation(parsed)
        found = Evaluator(dataset, parsed.evaluation, self._ranks).run(self._trainer.evaluated)
        results = artifacts / "results.json"
        write_results(results, found.predictions)
        pictures = _draw(dataset, found, artifacts / "overlays")
        return EvalResult(found.metrics, found.tracks.records, videos_digest(dataset), (results, *pictures))

    def assist(self, config: Mapping[str, Json]) -> None:
        """This rank's validation videos."""
        parsed = _parse(config)
        Evaluator(self._validation(parsed), parsed.evaluation, self._ranks).assist(self._trainer.evaluated)

    def _validation(self, config: RcfConfig) -> VideoDataset:
        """What `config` is scored on, at the size that it says; kept, since decoded frames are."""
        wanted = config.data, config.evaluation.input or config.input
        if wanted not in self._scored_on:
            dataset = open_validation(config)
            if problems := category_problems(self._annotations, dataset.annotations):
                raise InputError(problems)
            self._scored_on[wanted] = dataset
        return self._scored_on[wanted]


def _network(config: RcfConfig, categories: tuple[str, ...], seed: int) -> RCF:
    """A fresh network, or one with the weights of another training."""
    start = config.training.start_from
    if not start:
        return build_network(config.model, len(categories), seed)
    network = build_network(without_weights(config.model), len(categories), seed)
    report = start_from(network, Path(start), categories, config.model)
    logger.info("event=started_from checkpoint=%s kept=%d fresh=%s dropped=%s", report.checkpoint, len(report.kept),
                ",".join(report.fresh), ",".join(report.dropped))  # fmt: skip
    return network


def _names(annotations: Annotations) -> tuple[str, ...]:
    """In the order of class indices, which is that of the ids (VideoDataset.category_ids)."""
    return tuple(each.name for each in sorted(annotations.categories, key=lambda category: category.id))


def _draw(dataset: VideoDataset, found: Evaluation, folder: Path) -> list[Path]:
    paths: list[Path] = []
    for result in found.drawn:
        video = dataset.videos[result.video]
        frames = [dataset.original(result.video, number).permute(1, 2, 0).numpy() for number in range(video.length)]
        path = folder / f"video-{video.id}.png"
        save_png(overlay_strip(frames, result.frames, _names(dataset.annotations)), path)
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
    start = parsed.training.start_from
    problems = start_problems(Path(start), parsed.model) if start else _weights_problems(parsed.model)
    if isinstance(parsed.data, SyntheticConfig):
        return problems
    return [*problems, *data_problems(parsed)]


def _weights_problems(model: ModelConfig) -> list[Problem]:
    sound = audio_weights_problem(model.audio)
    return [*backbone_problems(model.backbone), *([] if sound is None else [sound])]


def _prepare(config: Mapping[str, Json]) -> None:
    parsed = _parse(config)
    if isinstance(parsed.data, SyntheticConfig):
        folder = data_root(parsed.data)
        logger.info("event=synthetic_data folder=%s", folder)
        write_synthetic(folder, parsed.data)


def _metrics(records: Records, video_weights: NDArray[np.float64] | None) -> Mapping[str, float]:
    return track_metrics(stats_from_records(records, video_weights))


def _resampled(
    records: Records, video_weights: NDArray[np.float64], wanted: Collection[str]
) -> Mapping[str, NDArray[np.float64]]:
    keys = {track_metric(name): name for name in STAT_NAMES if track_metric(name) in wanted}
    found = resampled_stats(records, video_weights, tuple(keys.values()))
    return {key: found[name] for key, name in keys.items()}


TASK = TaskSpec(
    name="rcf",
    schedule=_schedule,
    start=_start,
    check=_check,
    prepare=_prepare,
    resume_files=(checkpoint.OPTIMIZER,),
    best="val/ap",
    metrics=_metrics,
    resampled=_resampled,
)
