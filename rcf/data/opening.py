"""From a configuration to the data that it names.

    synthetic, ytvis  --layout.find_split--> annotations + frames folder --> VideoDataset
    ytvis + images    --category_maps--> images under the videos' categories --> Mixture
    coco              --coco.load_images--> images as videos of one frame --> VideoDataset

A network that listens hears the sounds beside the videos (layout.find_audio); images are silent.

Training frames are kept at a size from which every scale and crop can be made, validation frames at the network's.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from rcf.config import CocoConfig, ImagesConfig, RcfConfig, SyntheticConfig, YoutubeVisConfig
from rcf.data.annotations import Annotations, load_annotations
from rcf.data.category_maps import match_categories, with_categories_of
from rcf.data.coco import load_images, with_objects
from rcf.data.layout import find_audio, find_split
from rcf.data.mixture import Mixture
from rcf.data.problems import refuse
from rcf.data.sizes import base_size, network_size
from rcf.data.sounds import audio_problems, open_sounds
from rcf.data.synthetic import synthetic_digest
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError, Problem
from rcf.evaluation.checks import numbering_problems
from rcf.evaluation.chosen_frames import frames_problems

SplitName = Literal["train", "val"]
SPLITS: tuple[SplitName, ...] = ("train", "val")
_MEGABYTE = 2**20


def data_root(data: SyntheticConfig | YoutubeVisConfig | CocoConfig) -> Path:
    """The folder of the data set; a synthetic set has one of its own for each content."""
    root = Path(data.root)
    return root / synthetic_digest(data) if isinstance(data, SyntheticConfig) else root


def open_training(config: RcfConfig) -> VideoDataset | Mixture:
    """What a trial trains on. Raises rcf.errors.InputError with all problems of the first broken file."""
    images = config.data.images if isinstance(config.data, YoutubeVisConfig) else None
    still = isinstance(config.data, CocoConfig)
    budget = config.training.cache_mb * _MEGABYTE
    share = 0.0 if images is None else images.share
    annotations, frames = _load(config, "train")
    if still:
        annotations = _learnable(annotations)
    videos = _dataset(config, annotations, frames, int(budget * (1 - share)), still=still)
    if images is None:
        return videos
    stills, folder = _load_joint(images, annotations)
    return Mixture(videos, _dataset(config, stills, folder, int(budget * share), still=True), share)


def open_validation(config: RcfConfig) -> VideoDataset:
    """What a trial is scored on. Raises rcf.errors.InputError."""
    return _shown(config, *_load(config, "val"))


def open_for_prediction(config: RcfConfig) -> VideoDataset:
    """The same videos, labelled or not, as the public validation split is. Raises rcf.errors.InputError."""
    if isinstance(config.data, CocoConfig):
        return open_validation(config)
    path, frames = find_split(data_root(config.data), _folder_name(config.data, "val"))
    return _shown(config, load_annotations(path, frames, require_tracks=False), frames)


def _shown(config: RcfConfig, annotations: Annotations, frames: Path) -> VideoDataset:
    """Videos at the size at which the network sees them."""
    box = config.evaluation.input or config.input
    size_of = partial(network_size, box=box)
    budget = config.training.cache_mb * _MEGABYTE
    sounds = open_sounds(config.model.audio, annotations.videos, _audio_folder(config, "val"))
    return VideoDataset(annotations, frames, box.height, box.width, budget, size_of=size_of, sounds=sounds)


def data_problems(config: RcfConfig) -> list[Problem]:
    """Everything that is wrong with the files of both splits; nothing is decoded."""
    problems: list[Problem] = []
    train = _or_none(lambda: _load(config, "train")[0], problems)
    val = _or_none(lambda: _load(config, "val")[0], problems)
    if train is not None and val is not None:
        problems += category_problems(train, val)
    if val is not None:
        problems += frames_problems(val, config.evaluation.frames)
        problems += numbering_problems(val)
    for split, found in zip(SPLITS, (train, val), strict=True):
        if found is not None and config.model.audio.features != "none" and not isinstance(config.data, CocoConfig):
            problems += audio_problems(found, _audio_folder(config, split))
    images = config.data.images if isinstance(config.data, YoutubeVisConfig) else None
    if train is not None and images is not None:
        _or_none(lambda: _load_joint(images, train)[0], problems)
    if train is not None and isinstance(config.data, CocoConfig):
        _or_none(lambda: _learnable(train), problems)
    return problems


def category_problems(train: Annotations, val: Annotations) -> list[Problem]:
    """Predicted classes are indices into the training categories: another list would be scored in silence."""
    known, given = ({category.id: category.name for category in each.categories} for each in (train, val))
    if known == given:
        return []
    unlike = sorted(known.items() ^ given.items())
    return [
        Problem(
            str(val.path),
            "/categories",
            f"other categories than {train.path}: {unlike[:6]}",
            "the same in both",
            rule="categories-differ",
        )
    ]


def _or_none(load: Callable[[], Annotations], problems: list[Problem]) -> Annotations | None:
    try:
        return load()
    except InputError as error:
        problems += error.problems
        return None


def _load(config: RcfConfig, split: SplitName) -> tuple[Annotations, Path]:
    """A split and the folder of its frames."""
    data, root = config.data, data_root(config.data)
    if isinstance(data, CocoConfig):
        path, folder = (
            (data.train_annotations, data.train_images) if split == "train" else (data.val_annotations, data.val_images)
        )
        return load_images(root / path, root / folder), root / folder
    path, frames = find_split(root, _folder_name(data, split))
    return load_annotations(path, frames), frames


def _folder_name(data: SyntheticConfig | YoutubeVisConfig, split: SplitName) -> str:
    if isinstance(data, SyntheticConfig):
        return split
    return data.train_split if split == "train" else data.val_split


def _audio_folder(config: RcfConfig, split: SplitName) -> Path | None:
    """The folder of a split's sounds; None where there is none."""
    data = config.data
    return None if isinstance(data, CocoConfig) else find_audio(data_root(data), _folder_name(data, split))


def _load_joint(images: ImagesConfig, videos: Annotations) -> tuple[Annotations, Path]:
    """The images of a joint training under the categories of `videos`."""
    folder = Path(images.root) / images.images
    found = load_images(Path(images.root) / images.annotations, folder)
    return _learnable(with_categories_of(found, videos, match_categories(images.category_map, found, videos))), folder


def _learnable(images: Annotations) -> Annotations:
    found = with_objects(images)
    if not found.videos:
        refuse(images.path, "/annotations", "no image with an object", "at least one to learn from")
    return found


def _dataset(config: RcfConfig, annotations: Annotations, frames: Path, budget: int, *, still: bool) -> VideoDataset:
    box = config.input
    size_of = partial(base_size, box=box, augment=config.training.augment, still=still)
    # The images beside the videos of a joint training come with `still`, and so do those of COCO alone.
    folder = None if still else _audio_folder(config, "train")
    sounds = open_sounds(config.model.audio, annotations.videos, folder)
    return VideoDataset(annotations, frames, box.height, box.width, budget, size_of=size_of, still=still, sounds=sounds)
