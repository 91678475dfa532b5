"""Frames and targets of a data set on disk: right size, right pixels, decoded only when asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from rcf.data.cache import ByteCache
from rcf.data.frames import resize_frame
from rcf.data.layout import find_split
from rcf.data.mask_size import resize_masks
from rcf.data.runs import mask_of_runs, parse_counts
from rcf.data.ytvis import VideoDataset
from rcf.errors import InputError


def _open(small_set: Any, height: int = 6, width: int = 8, **options: int) -> VideoDataset:
    return VideoDataset(small_set.load(), small_set.frames, height, width, **options)


def _decoded(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)


def test_a_frame_at_its_own_size_has_the_pixels_of_the_file(small_set: Any) -> None:
    theirs = _decoded(small_set.frames / "a/00001.jpg")
    # Two JPEG decoders may differ by a grey level or two.
    assert (_open(small_set).frame(0, 1).int() - theirs.int()).abs().max() <= 2


def test_a_frame_comes_at_the_size_of_the_network(small_set: Any) -> None:
    frame = _open(small_set, 12, 4).frame(1, 0)
    assert (frame.dtype, tuple(frame.shape)) == (torch.uint8, (3, 12, 4))


def test_a_resized_frame_does_not_depend_on_how_it_lies_in_memory() -> None:
    pixels = torch.randint(0, 256, (31, 47, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = pixels.permute(2, 0, 1)[:, 3:28, 2:40]  # part of a frame, as decoders give it
    apart = together.contiguous()
    expected = functional.interpolate(apart[None], size=(11, 53), mode="bilinear", antialias=True)[0]
    assert torch.equal(resize_frame(together, 11, 53), expected)
    assert torch.equal(resize_frame(apart, 11, 53), expected)


def test_the_original_keeps_the_size_of_the_video(small_set: Any) -> None:
    assert _open(small_set, 12, 4).original(1, 0).shape == (3, 6, 8)


def test_shrinking_averages_all_pixels_instead_of_picking_some(small_set: Any) -> None:
    stripes = np.zeros((6, 8, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(small_set.frames / "a/00000.png")
    small_set.document["videos"][0]["file_names"][0] = "a/00000.png"
    middle = _open(small_set, 6, 2).frame(0, 0)
    assert (middle.float() - 127.5).abs().max() < 20


def test_a_grey_image_becomes_three_channels(small_set: Any) -> None:
    Image.fromarray(np.full((6, 8), 90, dtype=np.uint8)).save(small_set.frames / "a/00000.jpg")
    assert _open(small_set).frame(0, 0).unique().tolist() == [90]


def test_category_indices_follow_the_sorted_ids(small_set: Any) -> None:
    dataset = _open(small_set)
    assert dataset.category_ids == (3, 7)
    assert dataset.targets(0, 1).labels.tolist() == [1, 0]


def test_targets_hold_the_visible_instances_only(small_set: Any) -> None:
    dataset = _open(small_set)
    assert [dataset.targets(0, t).tracks.tolist() for t in range(3)] == [[1], [1, 2], [2]]


def test_target_masks_are_those_of_the_file(small_set: Any) -> None:
    rle = small_set.document["annotations"][0]["segmentations"][1]
    expected = mask_of_runs(parse_counts(rle["counts"]), 6, 8)
    assert np.array_equal(_open(small_set).targets(0, 1).masks[0].numpy(), expected)


def test_target_masks_have_the_size_of_the_network(small_set: Any) -> None:
    whole, resized = (_open(small_set, *size).targets(0, 1) for size in ((6, 8), (12, 5)))
    assert resized.tracks.tolist() == whole.tracks.tolist() == [1, 2]
    assert torch.equal(resized.masks, resize_masks(whole.masks, 12, 5))


def test_targets_that_are_kept_are_drawn_anew(small_set: Any) -> None:
    dataset = _open(small_set)
    first = dataset.targets(0, 1)
    wanted = first.masks.clone()
    first.masks.fill_(True)
    assert torch.equal(dataset.targets(0, 1).masks, wanted)


def test_crowds_are_no_targets(small_set: Any) -> None:
    targets = _open(small_set).targets(1, 0)
    assert (targets.labels.shape, targets.masks.shape) == ((0,), (0, 6, 8))


def test_an_instance_without_a_pixel_at_the_size_of_the_network_is_dropped(small_set: Any) -> None:
    assert _open(small_set, 1, 1).targets(0, 1).tracks.tolist() == []


def test_frames_are_decoded_only_when_asked_for(small_set: Any) -> None:
    (small_set.frames / "a/00002.jpg").write_bytes(b"no image")
    dataset = _open(small_set)
    assert dataset.frame(0, 0).shape == (3, 6, 8)
    with pytest.raises(InputError):
        dataset.frame(0, 2)


def test_a_frame_is_decoded_once(small_set: Any) -> None:
    dataset = _open(small_set)
    first = dataset.frame(0, 0)
    (small_set.frames / "a/00000.jpg").unlink()
    assert dataset.frame(0, 0) is first


def test_a_cut_image_is_an_error_with_its_file(small_set: Any) -> None:
    path = small_set.frames / "a/00001.jpg"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"00001\.jpg.*damaged"):
        _open(small_set).frame(0, 1)


def test_a_file_that_is_no_image_is_an_error_with_its_file(small_set: Any) -> None:
    (small_set.frames / "a/00001.jpg").write_text("<html>")
    with pytest.raises(InputError, match=r"00001\.jpg.*no image"):
        _open(small_set).frame(0, 1)


def test_a_frame_that_vanished_is_an_error_with_its_file(small_set: Any) -> None:
    dataset = _open(small_set)
    (small_set.frames / "a/00001.jpg").unlink()
    with pytest.raises(InputError, match="no such file"):
        dataset.frame(0, 1)


def test_an_image_of_another_size_than_declared_is_an_error(small_set: Any) -> None:
    Image.new("RGB", (9, 6)).save(small_set.frames / "a/00001.jpg")
    with pytest.raises(InputError, match="image of 9x6, expected 8x6"):
        _open(small_set).frame(0, 1)


def test_an_image_of_sixteen_bits_is_an_error(small_set: Any) -> None:
    Image.fromarray(np.zeros((6, 8), dtype=np.uint16)).save(small_set.frames / "a/00001.jpg", format="PNG")
    with pytest.raises(InputError, match="8 bits"):
        _open(small_set).frame(0, 1)


def test_the_cache_stays_within_its_budget(small_set: Any) -> None:
    dataset = _open(small_set, cache_bytes=300)
    frames = [dataset.frame(0, t) for t in (0, 1, 2, 0, 1)]
    assert torch.equal(frames[0], frames[3])
    assert dataset.frame(0, 1) is frames[4]
    assert dataset.frame(0, 0) is not frames[0]


def test_the_least_recently_used_leaves_first() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    cache = ByteCache[str](2, len)
    for key in "abaca":
        cache.get(key, lambda key=key: make(key))
    assert (made, cache.used) == (["a", "b", "c"], 2)


@pytest.mark.parametrize(
    "annotation",
    ["train/instances.json", "train/train.json", "train.json", "instances_train_sub.json", "annotations/train.json"],
)
@pytest.mark.parametrize("frames", ["train/JPEGImages", "JPEGImages"])
def test_all_layouts_in_use_are_found(tmp_path: Path, annotation: str, frames: str) -> None:
    (tmp_path / frames).mkdir(parents=True)
    (tmp_path / annotation).parent.mkdir(exist_ok=True)
    (tmp_path / annotation).touch()
    assert find_split(tmp_path, "train") == (tmp_path / annotation, tmp_path / frames)


def test_val_finds_the_folder_that_youtube_vis_calls_valid(tmp_path: Path) -> None:
    (tmp_path / "valid" / "JPEGImages").mkdir(parents=True)
    (tmp_path / "valid" / "instances.json").touch()
    assert find_split(tmp_path, "val")[0] == tmp_path / "valid" / "instances.json"


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_split(tmp_path / "none", "train")


def test_a_missing_annotation_file_lists_the_names_that_were_tried(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train/instances\.json.*instances_train_sub\.json"):
        find_split(tmp_path, "train")


def test_a_missing_frames_folder_lists_the_names_that_were_tried(tmp_path: Path) -> None:
    (tmp_path / "train.json").touch()
    with pytest.raises(InputError, match=r"no frames folder.*train/JPEGImages"):
        find_split(tmp_path, "train")
