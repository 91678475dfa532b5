"""Synthetic still images in COCO format, of other categories than the synthetic videos: something to pretrain on.

SyntheticConfig --as many images as the videos have frames--> scene of one frame --render--> image, masks
    --whole_folder--> out/{train2017, val2017}, out/annotations/instances_{train,val}2017.json: COCO's own layout
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rcf.config import SyntheticConfig
from rcf.data.clips import SPLITS, Split, clip_count
from rcf.data.render import render_frame, render_masks, to_bytes
from rcf.data.runs import format_counts, runs_of_mask
from rcf.data.scenes import Actor, Scene
from rcf.data.shapes import STILL_CATEGORIES, Flags, Pose
from rcf.data.synthetic import JPEG_QUALITY, Progress
from rcf.data.textures import FAMILIES, sample_texture
from rcf.data.whole_folder import make_folder, write_json
from rcf.seeding import stream

IMAGES_VERSION = 1
"""Raise it whenever the same settings give other pixels or masks."""
_MOST = 4
"""Objects of an image; at least one."""


def images_digest(config: SyntheticConfig) -> str:
    """Identity of the content; needs no files."""
    content = {**_settings(config), "version": IMAGES_VERSION}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_images(out: Path, config: SyntheticConfig, progress: Progress | None = None) -> None:
    """Make `out`, which `data: {kind: coco, root: OUT}` reads; does nothing when the very same set is there already.

    Raises rcf.errors.InputError when `out` holds anything else.
    """
    make_folder(out, images_digest(config), _settings(config), lambda folder: _fill(folder, config, progress))


def _settings(config: SyntheticConfig) -> dict[str, object]:
    counts = {f"{split}_images": clip_count(config, split) * config.frames for split in SPLITS}
    return {"kind": "still", "height": config.height, "width": config.width, "seed": config.seed, **counts}


def _fill(folder: Path, config: SyntheticConfig, progress: Progress | None) -> None:
    counts = {split: clip_count(config, split) * config.frames for split in SPLITS}
    (folder / "annotations").mkdir()
    done = itertools.count(1)
    for split in SPLITS:
        images: list[dict[str, object]] = []
        objects: list[dict[str, object]] = []
        (folder / f"{split}2017").mkdir()
        for number, (image, categories, masks) in enumerate(_images(config, split, counts[split]), start=1):
            name = f"{number:012d}.jpg"
            Image.fromarray(image).save(folder / f"{split}2017" / name, quality=JPEG_QUALITY, subsampling=0)
            images.append({"id": number, "width": config.width, "height": config.height, "file_name": name})
            for category, mask in zip(categories, masks, strict=True):
                objects.append(_object(len(objects) + 1, number, category + 1, mask))
            if progress is not None:
                progress(next(done), sum(counts.values()))
        document = {
            "info": {"description": "synthetic still images", "generator": IMAGES_VERSION, "config": _settings(config)},
            "images": images,
            "categories": [{"id": number, "name": name} for number, name in enumerate(STILL_CATEGORIES, start=1)],
            "annotations": objects,
        }
        write_json(folder / "annotations" / f"instances_{split}2017.json", document)


def _images(config: SyntheticConfig, split: Split, count: int) -> Iterator[tuple[NDArray[np.uint8], list[int], Flags]]:
    """Pixels (height, width, 3), category indices and masks (objects, height, width) of each image."""
    for number in range(count):
        scene, categories, masks = _staged(config, split, number)
        yield to_bytes(render_frame(scene, 0)), categories, masks


def _staged(config: SyntheticConfig, split: Split, number: int) -> tuple[Scene, list[int], Flags]:
    """The first random scene in which more than half of every object can be seen."""
    for attempt in itertools.count():
        rng = stream(config.seed, f"synthetic/images/{split}", number, attempt)
        categories: list[int] = rng.integers(len(STILL_CATEGORIES), size=int(rng.integers(1, _MOST + 1))).tolist()
        scene = _scene(rng, config, split, categories)
        visible, whole = render_masks(scene)
        areas = visible.sum(axis=(1, 2, 3))
        if (areas > 0.5 * whole.sum(axis=(1, 2, 3))).all():
            return scene, categories, visible[:, 0]
    raise AssertionError("itertools.count ended")


def _scene(rng: np.random.Generator, config: SyntheticConfig, split: Split, categories: list[int]) -> Scene:
    side, families = min(config.height, config.width), FAMILIES[split]
    background = sample_texture(rng, families, (2.0, 5.0), (0.1, 0.3), [])
    means = [background.mean]
    actors: list[Actor] = []
    for category in categories:
        texture = sample_texture(rng, families, (0.7, 1.2), (0.25, 0.55), means)
        means.append(texture.mean)
        radius, margin = rng.uniform(0.12, 0.24) * side, 0.1 * side
        x, y = rng.uniform(margin, config.width - margin), rng.uniform(margin, config.height - margin)
        pose = Pose(float(x), float(y), float(radius), float(rng.uniform(0, 2 * np.pi)))
        actors.append(Actor(STILL_CATEGORIES[category], STILL_CATEGORIES[category], texture, (pose,)))
    return Scene(config.height, config.width, 1, background, (0.0, 0.0), tuple(actors))


def _object(number: int, image: int, category: int, mask: Flags) -> dict[str, object]:
    runs = runs_of_mask(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "iscrowd": 0,
        "area": int(runs[1::2].sum()),
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "segmentation": {"size": list(mask.shape), "counts": format_counts(runs)},
    }
