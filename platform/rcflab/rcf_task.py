"""The task "rcf": how the platform trains, evaluates and checks the network. The only module that joins the two.

Cell.config --> RcfConfig --> Trainer + VideoDataset --> (advance, save, restore, evaluate)
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rcf import checkpoint
from rcf.checkpoint import without_weights
from rcf.config import FrameSizeConfig, ModelConfig, RcfConfig, SyntheticConfig
from rcf.config.data import DataSource
from rcf.data.opening import category_problems, data_problems, data_root, open_training, open_validation
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError, Problem
from rcf.evaluation.evaluator import Evaluation, Evaluator
from rcf.evaluation.latency import frame_latency_ms
from rcf.evaluation.results import write_results
from rcf.fine_tuning import start_from, start_problems
from rcf.model import build_network
from rcf.model.audio import audio_weights_problem
from rcf.model.backbone import backbone_problems
from rcf.model.network import RCF
from rcf.pictures import overlay_strip, save_png
from rcf.train.ranks import SINGLE, Ranks
from rcf.train.step import Trainer
from rcf.trained import load
from rcflab.order_files import write_objects, write_order_figures, write_pairs
from rcflab.records import Json
from rcflab.task import EvalResult, Schedule, TaskSpec

logger = logging.getLogger(__name__)


class RcfTraining:
    """One training of the network; see rcflab.task.Training."""

    def __init__(self, config: RcfConfig, seed: int, ranks: Ranks = SINGLE) -> None:
        self._config, self._ranks = config, ranks
        dataset = open_training(config)
        self._annotations = dataset.annotations
        self._categories = dataset.annotations.category_names
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

    def evaluate(self, configs: Sequence[Mapping[str, Json]], folders: Sequence[Path]) -> list[EvalResult]:
        """One pass over the validation videos for each size of their frames; writes results.json and overlays."""
        results: dict[int, EvalResult] = {}
        for places, dataset, evaluator in self._passes(configs):
            for place, found in zip(places, evaluator.run(self._trainer.evaluated), strict=True):
                found.metrics.update(self._cost(_parse(configs[place]), dataset))
                results[place] = _written(dataset, found, folders[place])
        return [results[place] for place in range(len(configs))]

    def _cost(self, config: RcfConfig, dataset: VideoDataset) -> Mapping[str, float]:
        """What a frame costs in the streaming path, where that is asked for."""
        way, size = config.evaluation, config.evaluation.input or config.input
        if not way.latency_frames:
            return {}
        network = self._trainer.evaluated
        return {"cost/latency_ms": frame_latency_ms(network, dataset, size, way, way.latency_frames)}

    def assist(self, configs: Sequence[Mapping[str, Json]]) -> None:
        """This rank's validation videos."""
        for _, _, evaluator in self._passes(configs):
            evaluator.assist(self._trainer.evaluated)

    def _passes(self, configs: Sequence[Mapping[str, Json]]) -> Iterator[tuple[list[int], VideoDataset, Evaluator]]:
        """Those of `configs` that see the same frames share a pass: their places, the videos, and what reads them."""
        parsed = [_parse(config) for config in configs]
        passes: dict[int, list[int]] = {}
        datasets = [self._validation(config) for config in parsed]
        for place, dataset in enumerate(datasets):
            passes.setdefault(id(dataset), []).append(place)
        for places in passes.values():
            dataset = datasets[places[0]]
            yield places, dataset, Evaluator(dataset, [parsed[place].evaluation for place in places], self._ranks)

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
    for difference in report.changed:
        logger.warning("event=started_from_another_model %s", difference)
    return network


def _written(dataset: VideoDataset, found: Evaluation, folder: Path) -> EvalResult:
    """What is told of an evaluation, its files written."""
    results, pairs, objects = (folder / name for name in ("results.json", "pairs.parquet", "objects.parquet"))
    videos, categories = [video.id for video in dataset.videos], dataset.annotations.category_names
    write_results(results, found.predictions)
    write_pairs(pairs, found.order, videos)
    write_objects(objects, found.order, videos, categories)
    pictures = _draw(dataset, found, folder / "overlays")
    pictures += write_order_figures(folder / "order", found.order, categories)
    return EvalResult(found.metrics, found.tracks.records, found.videos_digest, (results, pairs, objects, *pictures))


def _draw(dataset: VideoDataset, found: Evaluation, folder: Path) -> list[Path]:
    paths: list[Path] = []
    for result in found.drawn:
        video = dataset.videos[result.video]
        frames = dataset.originals(result.video)
        path = folder / f"video-{video.id}.png"
        save_png(overlay_strip(frames, result.frames, dataset.annotations.category_names), path)
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


TASK = TaskSpec(
    name="rcf",
    schedule=_schedule,
    start=_start,
    check=_check,
    prepare=_prepare,
    resume_files=(checkpoint.OPTIMIZER,),
    best="val/ap",
    load=load,
)
