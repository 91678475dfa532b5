"""A training starts from the weights of another: all but what its categories ask for anew."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rcf import checkpoint
from rcf.config import CocoConfig, ModelConfig, RcfConfig, SyntheticConfig, TrainingConfig
from rcf.data.opening import data_root, open_training
from rcf.data.shapes import STILL_CATEGORIES
from rcf.data.synthetic import write_synthetic
from rcf.data.synthetic_images import write_images
from rcf.errors import CheckpointError, InputError
from rcf.fine_tuning import start_from, start_problems
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.tensors import load_tensors, save_tensors, state_of
from rcf.train.step import Trainer

Tiny = Callable[..., ModelConfig]
HEAD = ("head.classes.weight", "head.classes.bias")


@pytest.fixture
def pretrained(tmp_path: Path, tiny_model: Tiny) -> Path:
    """The checkpoint of two steps on synthetic images, in the folder of a cell."""
    stills = SyntheticConfig(train_clips=2, val_clips=1, frames=2)
    write_images(tmp_path / "coco", stills)
    training = TrainingConfig(steps=2, clips_per_step=2, lr=1e-3)
    config = RcfConfig(model=tiny_model(), data=CocoConfig(root=str(tmp_path / "coco")), training=training)
    trainer = Trainer(build_network(config.model, len(STILL_CATEGORIES), 0), open_training(config), config, 0)
    for _ in range(2):
        trainer.advance()
    folder = tmp_path / "cell" / "checkpoints" / "step-00000002"
    folder.mkdir(parents=True)
    checkpoint.save(trainer, STILL_CATEGORIES, folder)
    return tmp_path / "cell"


def _weights(network: RCF) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state_of(network).items()}


def _saved(folder: Path) -> dict[str, torch.Tensor]:
    network, _, _ = checkpoint.load_network(folder / "checkpoints" / "step-00000002")
    return _weights(network)


def test_everything_is_loaded_but_the_class_head_of_other_categories(pretrained: Path, tiny_model: Tiny) -> None:
    network = build_network(tiny_model(), 3, seed=7)
    fresh, saved = _weights(network), _saved(pretrained)
    start_from(network, pretrained, ("disc", "cross", "ring"), tiny_model())
    for name, value in _weights(network).items():
        expected = fresh[name][:-1] if name in HEAD else saved[name]
        assert torch.equal(value[:-1] if name in HEAD else value, expected), name


def test_the_row_of_no_object_is_loaded_too(pretrained: Path, tiny_model: Tiny) -> None:
    network, saved = build_network(tiny_model(), 3, seed=7), _saved(pretrained)
    start_from(network, pretrained, ("disc", "cross", "ring"), tiny_model())
    assert all(torch.equal(state_of(network)[name][-1], saved[name][-1]) for name in HEAD)


def test_rows_of_equal_names_are_loaded_wherever_they_stand(pretrained: Path, tiny_model: Tiny) -> None:
    network = build_network(tiny_model(), 3, seed=7)
    fresh, saved = _weights(network), _saved(pretrained)
    report = start_from(network, pretrained, ("disc", "star", "square"), tiny_model())
    for name in HEAD:
        here, there = state_of(network)[name], saved[name]
        assert torch.equal(here[0], fresh[name][0])
        assert torch.equal(here[1], there[STILL_CATEGORIES.index("star")])
        assert torch.equal(here[2], there[STILL_CATEGORIES.index("square")])
    assert (report.kept, report.fresh, report.dropped) == (("star", "square"), ("disc",), ("bar", "crescent"))


def test_equal_categories_load_the_whole_network(pretrained: Path, tiny_model: Tiny) -> None:
    network = build_network(tiny_model(), len(STILL_CATEGORIES), seed=7)
    start_from(network, pretrained, STILL_CATEGORIES, tiny_model())
    saved = _saved(pretrained)
    assert all(torch.equal(value, saved[name]) for name, value in state_of(network).items())


def test_a_training_goes_on_from_there(pretrained: Path, tiny_model: Tiny, tmp_path: Path) -> None:
    data = SyntheticConfig(train_clips=3, val_clips=1, frames=3, root=str(tmp_path))
    write_synthetic(data_root(data), data)
    config = RcfConfig(model=tiny_model(), data=data, training=TrainingConfig(steps=1, clips_per_step=2))
    source = open_training(config)
    network = build_network(config.model, 4, 0)
    start_from(network, pretrained, ("disc", "triangle", "cross", "ring"), config.model)
    assert Trainer(network, source, config, 0).advance()["train/loss"] > 0


def test_the_running_average_is_what_a_training_starts_from(pretrained: Path, tiny_model: Tiny) -> None:
    folder = pretrained / "checkpoints" / "step-00000002"
    (folder / "weights.safetensors").rename(folder / "average.safetensors")
    other = build_network(tiny_model(), len(STILL_CATEGORIES), seed=9)
    save_tensors(state_of(other), folder / "weights.safetensors")
    network = build_network(tiny_model(), len(STILL_CATEGORIES), seed=7)
    start_from(network, pretrained, STILL_CATEGORIES, tiny_model())
    saved = load_tensors(folder / "average.safetensors")
    assert all(torch.equal(value, saved[name]) for name, value in state_of(network).items())


@pytest.mark.parametrize("below", ["", "checkpoints", "checkpoints/step-00000002"])
def test_a_cell_its_checkpoints_and_one_of_them_are_all_found(pretrained: Path, below: str, tiny_model: Tiny) -> None:
    report = start_from(build_network(tiny_model(), 3, 0), pretrained / below, ("a", "b", "c"), tiny_model())
    assert report.checkpoint == pretrained / "checkpoints" / "step-00000002"


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path, tiny_model: Tiny) -> None:
    network = build_network(tiny_model(), 3, 0)
    with pytest.raises(InputError, match=r"training\.start_from: got no such folder"):
        start_from(network, tmp_path / "nowhere", ("a", "b", "c"), tiny_model())
    with pytest.raises(InputError, match="got no checkpoint in it"):
        start_from(network, tmp_path, ("a", "b", "c"), tiny_model())


def test_another_architecture_is_refused_with_its_tensors_and_the_fields_to_set(
    pretrained: Path, tiny_model: Tiny
) -> None:
    model = tiny_model(frames=2, tokens=16)
    with pytest.raises(CheckpointError) as caught:
        start_from(build_network(model, 3, 0), pretrained, ("a", "b", "c"), model)
    message = str(caught.value)
    assert "references." in message
    assert "model.reference.frames: 1 there, 2 here" in message
    assert "tokens: 4 there" not in message, "pooling has no weights, so any number of tokens would fit"


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_equal_tensors_that_other_heads_would_share_are_refused(pretrained: Path, tiny_model: Tiny, part: str) -> None:
    model = tiny_model()
    heads = getattr(model, part).heads
    other = model.model_copy(update={part: getattr(model, part).model_copy(update={"heads": 2 * heads})})
    with pytest.raises(CheckpointError, match=rf"model\.{part}\.heads: {heads} there, {2 * heads} here"):
        start_from(build_network(other, 3, 0), pretrained, ("a", "b", "c"), other)


def test_a_field_that_leaves_the_tensors_as_they_are_is_reported(pretrained: Path, tiny_model: Tiny) -> None:
    model = tiny_model(tokens=16)
    report = start_from(build_network(model, 3, 0), pretrained, ("a", "b", "c"), model)
    assert [str(each) for each in report.changed] == ["model.reference.tokens: 4 there, 16 here"]
    assert start_from(build_network(tiny_model(), 3, 0), pretrained, ("a",) * 3, tiny_model()).changed == ()


def test_a_refused_network_is_left_as_it_was(pretrained: Path, tiny_model: Tiny) -> None:
    model = tiny_model(frames=2)
    network = build_network(model, 3, 0)
    before = _weights(network)
    with pytest.raises(CheckpointError):
        start_from(network, pretrained, ("a", "b", "c"), model)
    assert all(torch.equal(value, before[name]) for name, value in state_of(network).items())


def test_a_damaged_checkpoint_is_refused(pretrained: Path, tiny_model: Tiny) -> None:
    path = pretrained / "checkpoints" / "step-00000002" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        start_from(build_network(tiny_model(), 3, 0), pretrained, ("a", "b", "c"), tiny_model())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[]", "the file is damaged"),
        ("{", "the file is damaged"),
        ('{"format": 1, "step": 2, "seed": 0, "categories": 3, "config": {"model": {}}}', "categories is damaged"),
        ('{"format": 1, "step": 2, "seed": 0, "categories": ["a"], "config": {}}', "expected one called model"),
        ('{"format": 2, "step": 2, "seed": 0, "categories": ["a"], "config": {"model": {}}}', "format is damaged"),
        ('{"format": 1}', "step is damaged"),
    ],
)
def test_a_damaged_state_is_refused_by_the_place_of_the_damage(
    pretrained: Path, tiny_model: Tiny, text: str, named: str
) -> None:
    (pretrained / "checkpoints" / "step-00000002" / "state.json").write_text(text)
    (problem,) = start_problems(pretrained, tiny_model())
    assert named in problem.got


def test_what_would_be_refused_is_known_without_a_network(pretrained: Path, tiny_model: Tiny, tmp_path: Path) -> None:
    assert start_problems(pretrained, tiny_model()) == []
    assert [problem.place for problem in start_problems(tmp_path, tiny_model())] == ["training.start_from"]
    (problem,) = start_problems(pretrained, tiny_model(frames=2))
    assert "model.reference.frames: 1 there, 2 here" in problem.got
