"""Where frames, masks and sound come from, and the size at which the network sees them.

DataSource = SyntheticConfig | YoutubeVisConfig (with ImagesConfig) | CocoConfig
"""

from typing import Annotated, Literal

from pydantic import Field

from rcf.config.base import Config

SYNTHETIC_VERSION: int = 1
"""Version of the synthetic generator (rcf/data/synthetic.py): raise it whenever the same settings give other pixels or
masks. It is part of the data fingerprint and stands here so that keys can be computed without loading the generator."""

OnCorrupt = Literal["fail", "skip"]


class SyntheticConfig(Config):
    """Moving textured shapes, written to disk as a real YouTube-VIS data set (see rcf/data/synthetic.py)."""

    kind: Literal["synthetic"] = "synthetic"
    height: Annotated[int, Field(ge=32, le=8192)] = 64
    width: Annotated[int, Field(ge=32, le=8192)] = 96
    train_clips: Annotated[int, Field(ge=1)] = 200
    val_clips: Annotated[int, Field(ge=1)] = 32
    frames: Annotated[int, Field(ge=2)] = 8
    """Frames of a clip."""
    fps: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Frames a second: how much sound belongs to a frame. At 5 it is 20 hops of the spectrogram."""
    sound: Literal["none", "category", "random"] = "none"
    """A sound track for each clip: a timbre for each category, a random one, or no track."""
    looks: Literal["category", "same"] = "category"
    """Whether an object's shape tells its category; with `same`, only its sound can, and all objects of a clip
    are of one category."""
    seed: Annotated[int, Field(ge=0)] = 0
    root: str = ""
    """Folder that holds written sets, one folder a digest; filled at load with `<storage.root>/data`."""


class ImagesConfig(Config):
    """Still images in COCO format, which become clips by a moving window."""

    root: str
    annotations: str
    """Annotation file, relative to `root`."""
    images: str
    """Folder of the images, relative to `root`."""
    category_map: str = "name"
    """How categories become those of the videos: `name` (equal but for case, spaces and underscores),
    `coco_ytvis2019`, `coco_ytvis2021`, `coco_ovis`, or `file:PATH`, a JSON object from name to name. Objects of other
    categories are left out. Mind that equal names may be unlike things: COCO's mouse belongs to a computer."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the training clips that are images."""


class YoutubeVisConfig(Config):
    """Videos in YouTube-VIS format (2019, 2021, 2022, OVIS, AVIS, AVISeg), for training joined by still images."""

    kind: Literal["ytvis"] = "ytvis"
    root: str
    train_split: str = "train"
    val_split: str = "val"
    on_corrupt: OnCorrupt = "fail"
    """A training frame, image or sound track that cannot be decoded: end, or leave its clip out and count it."""
    images: ImagesConfig | None = None


class CocoConfig(Config):
    """Still images in COCO format alone, for pretraining; each validation image is a video of one frame."""

    kind: Literal["coco"] = "coco"
    root: str
    train_annotations: str = "annotations/instances_train2017.json"
    train_images: str = "train2017"
    val_annotations: str = "annotations/instances_val2017.json"
    val_images: str = "val2017"
    on_corrupt: OnCorrupt = "fail"


DataSource = Annotated[SyntheticConfig | YoutubeVisConfig | CocoConfig, Field(discriminator="kind")]


class FrameSizeConfig(Config):
    """The size at which the network sees a frame, in pixels; masks are scored at the video's own size."""

    height: Annotated[int, Field(ge=32)] = 64
    width: Annotated[int, Field(ge=32)] = 96
    keep_ratio: bool = False
    """Scale each video to the largest size that fits into height x width, turned by 90 degrees for upright videos,
    instead of stretching it to that size. Batches are drawn so that their videos are of like shape; what is left is
    padded right and below with the mean of ImageNet."""
