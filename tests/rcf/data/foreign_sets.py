"""Writers of foreign data sets from a YouTube-VIS set, and a random such set: what the converters are tested on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from rcf.data.annotations import Annotations
from rcf.data.runs import mask_of_runs, parse_counts
from rcf.evaluation.rle import encode

CATEGORIES = [{"id": 4, "name": "cat"}, {"id": 9, "name": "dog"}]


def mask_of(rle: Any) -> np.ndarray:
    return mask_of_runs(parse_counts(rle["counts"]), *rle["size"])


def random_set(root: Path, seed: int, *, overlap: bool = False, frames: int | None = None) -> dict[str, Any]:
    """A document whose frames (and, for `sound`, sounds) lie below root/train; masks overlap only if asked for."""
    rng = np.random.default_rng(seed)
    document: dict[str, Any] = {"videos": [], "categories": CATEGORIES, "annotations": []}
    for number in range(1, int(rng.integers(1, 4)) + 1):
        height, width = (int(side) for side in rng.integers(3, 12, size=2))
        length = frames or int(rng.integers(1, 5))
        names = [f"v{number}/{t:03d}.jpg" for t in range(length)]
        document["videos"].append({"id": number, "width": width, "height": height, "length": length,
                                   "file_names": names})  # fmt: skip
        for name in names:
            write_frame(root / "train/JPEGImages" / name, height, width)
        objects = int(rng.integers(0, 4))
        indices = rng.integers(0, objects + 2, size=(length, height, width))
        for index in range(1, objects + 1):
            masks = (indices <= index) & (indices > 0) if overlap else indices == index
            masks[rng.random(length) < 0.3] = False
            if masks.any():
                category = CATEGORIES[int(rng.integers(2))]["id"]
                document["annotations"].append(track(len(document["annotations"]) + 1, number, category, masks))
    (root / "train/instances.json").write_text(json.dumps(document))
    return document


def track(number: int, video: int, category: object, masks: np.ndarray) -> dict[str, Any]:
    entries = [encode(mask[None])[0] if mask.any() else None for mask in masks]
    return {"id": number, "video_id": video, "category_id": category, "iscrowd": 0, "segmentations": entries}


def write_frame(path: Path, height: int, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (9, 9, 9)).save(path)


def as_png_masks(source: Path, document: dict[str, Any], out: Path) -> dict[str, dict[str, str]]:
    """An index for each object, in the order of the file; returns the categories."""
    names = {category["id"]: category["name"] for category in document["categories"]}
    found: dict[str, dict[str, str]] = {}
    for video in document["videos"]:
        tracks = [each for each in document["annotations"] if each["video_id"] == video["id"]]
        name = video["file_names"][0].split("/")[0]
        found[name] = {str(index): names[each["category_id"]] for index, each in enumerate(tracks, start=1)}
        for t, file in enumerate(video["file_names"]):
            write_indices(out / "Annotations" / f"{file[:-4]}.png", _indices(video, tracks, t))
            target = out / "JPEGImages" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(source / "train/JPEGImages" / file)
    return found


def _indices(video: dict[str, Any], tracks: list[dict[str, Any]], t: int) -> np.ndarray:
    indices = np.zeros((video["height"], video["width"]), dtype=np.uint8)
    for index, each in enumerate(tracks, start=1):
        if each["segmentations"][t] is not None:
            indices[mask_of(each["segmentations"][t])] = index
    return indices


def write_indices(path: Path, indices: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices)
    image.putpalette([value for index in range(256) for value in (index, 255 - index, index // 2)])
    image.save(path)


def as_coco_video(document: dict[str, Any], seed: int) -> dict[str, Any]:
    """Images in random order, so that only frame_id tells it; an annotation for each frame of an object."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video in document["videos"]:
        for t, name in enumerate(video["file_names"]):
            images.append({"id": len(images) + 100, "video_id": video["id"], "frame_id": t, "file_name": name,
                           "height": video["height"], "width": video["width"]})  # fmt: skip
    by_frame = {(image["video_id"], image["frame_id"]): image["id"] for image in images}
    for each in document["annotations"]:
        for t, mask in enumerate(each["segmentations"]):
            if mask is not None:
                annotations.append({"id": len(annotations) + 1, "image_id": by_frame[each["video_id"], t],
                                    "video_id": each["video_id"], "instance_id": 1000 - each["id"], "iscrowd": 0,
                                    "category_id": each["category_id"], "segmentation": mask})  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(images)).tolist()
    videos = [{"id": video["id"], "name": video["file_names"][0].split("/")[0]} for video in document["videos"]]
    return {"videos": videos, "images": [images[place] for place in order], "annotations": annotations,
            "categories": document["categories"]}  # fmt: skip


def as_coco_images(document: dict[str, Any]) -> dict[str, Any]:
    """Of a set of one-frame videos."""
    images = [{"id": video["id"], "file_name": video["file_names"][0], "height": video["height"],
               "width": video["width"]} for video in document["videos"]]  # fmt: skip
    objects = [{"id": each["id"], "image_id": each["video_id"], "category_id": each["category_id"], "iscrowd": 0,
                "segmentation": each["segmentations"][0]} for each in document["annotations"]]  # fmt: skip
    return {"images": images, "annotations": objects, "categories": document["categories"]}


def write_sound(path: Path, seconds: float = 0.5) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(16000 * seconds), dtype=np.int16), 16000, subtype="PCM_16")


def told(annotations: Annotations) -> list[tuple[object, ...]]:
    """What a set says, without its ids: of each video frames, size and objects with category and masks, in order."""
    names = {category.id: category.name for category in annotations.categories}
    return [
        (
            video.file_names, video.height, video.width,
            [(names[each.category_id], [None if m is None else m["counts"] for m in each.segmentations])
             for each in annotations.tracks if each.video_id == video.id],
        )
        for video in annotations.videos
    ]  # fmt: skip
