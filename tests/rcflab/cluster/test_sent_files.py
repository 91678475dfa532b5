"""All YAML files of an experiment are sent, in their places, and nothing that lies beside them."""

from pathlib import Path

import pytest

from rcflab.cluster import sent_files as module
from rcflab.cluster.sent_files import sent_files
from rcflab.errors import InputError
from rcflab.load import load_experiment

EXPERIMENTS = Path(__file__).resolve().parents[3] / "experiments"


def written(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("base", [None, "synth"])
def test_what_is_sent_is_the_same_experiment(tmp_path: Path, base: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCF_YTVIS2019", "/data")
    experiment = EXPERIMENTS / "table_5_token_size.yaml"
    sent = sent_files(experiment, base)
    sent.stage(tmp_path)
    there = load_experiment(tmp_path / sent.experiment, base=None if base is None else str(tmp_path / str(sent.base)))
    here = load_experiment(experiment, base=base)
    assert there.spec.name == here.spec.name
    assert there.configs.keys() == here.configs.keys()


def test_files_of_files_are_found_and_neighbours_are_not(tmp_path: Path) -> None:
    written(
        tmp_path,
        mine="arms: {theirs: {from: 'other/one.yaml:best'}}",
        other__one="extends: ../bases/large.yaml\narms: {again: {from: ../mine.yaml}}",
        bases__large="seeds: 3",
        secret="password: x",
    )
    sent = sent_files(tmp_path / "mine.yaml")
    assert sorted(sent.files) == ["bases/large.yaml", "mine.yaml", "other/one.yaml"]
    assert sent.experiment == "mine.yaml"


def test_places_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / name, experiments__a="extends: ../base.yaml", base="seeds: 1")
    one, two = (sent_files(tmp_path / name / "experiments" / "a.yaml") for name in ("one", "two"))
    assert one.digests() == two.digests()
    assert one.experiment == "experiments/a.yaml"


def test_too_much_is_refused_with_the_largest_file_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, a="extends: b.yaml", b="# " + "x" * 3000)
    monkeypatch.setattr(module, "MOST_BYTES", 2000)
    with pytest.raises(InputError, match=r"files to send: b\.yaml 0 MiB, a\.yaml"):
        sent_files(tmp_path / "a.yaml")
