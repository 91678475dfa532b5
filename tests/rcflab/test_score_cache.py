"""Kept scores: the same numbers bit for bit, made again whenever anything is not as it was."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcflab import match_records
from rcflab.collect import ResultSet
from rcflab.match_records import resampled_scores, video_scores
from rcflab.records import Cell, CellResult, RunPlan
from rcflab.score_cache import Kept, ScoreCache, code_of
from rcflab.stats.contrast import Scores
from rcflab.toy_config import ToyConfig

KEY = {"trial": "ab" * 8, "records": "cd" * 32, "metric": "toy/score", "resamples": 3}
TOY = ToyConfig().model_dump(mode="json")


@given(scores=arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_nan=True)))
def test_scores_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, scores: np.ndarray) -> None:
    cache = ScoreCache.below(tmp_path_factory.mktemp("cache"))
    cache.put(KEY, Kept(scores, 7))
    found = cache.get(KEY)
    assert found is not None
    assert (found.scores.tobytes(), found.videos) == (scores.tobytes(), 7)


def _damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    changed = {
        "cut": whole[:-3],
        "empty": b"",
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "no json": b"{]" + whole,
        "a list": b"[]\n" + whole,
        "longer": whole + b"\0" * 8,
    }
    path.write_bytes(changed[how])


@pytest.mark.parametrize("how", ["cut", "empty", "flipped", "no json", "a list", "longer"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, how: str) -> None:
    cache = ScoreCache.below(tmp_path)
    cache.put(KEY, Kept(np.arange(4.0), 7))
    (path,) = cache.folder.iterdir()
    _damage(path, how)
    assert cache.get(KEY) is None


def test_a_file_of_another_key_is_not_believed_under_this_name(tmp_path: Path) -> None:
    cache = ScoreCache.below(tmp_path)
    cache.put(KEY, Kept(np.arange(4.0), 7))
    other = {**KEY, "records": "00" * 32}
    (path,) = cache.folder.iterdir()
    assert cache.get(other) is None
    cache.put(other, Kept(np.zeros(4), 7))
    (foreign,) = set(cache.folder.iterdir()) - {path}
    foreign.write_bytes(path.read_bytes())
    assert cache.get(other) is None


def test_a_storage_that_cannot_be_written_only_costs_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    ScoreCache.below(tmp_path).put(KEY, Kept(np.arange(4.0), 7))
    assert "event=scores_not_kept" in caplog.text


def test_the_code_that_scores_is_told_from_other_code() -> None:
    assert code_of(["rcflab.toy_task"]) == code_of(["rcflab.toy_task"])
    assert code_of(["rcflab.toy_task"]) != code_of(["rcflab.rcf_records"])


@pytest.fixture
def results(tmp_path: Path) -> ResultSet:
    found: list[CellResult] = []
    for seed in range(3):
        distance = np.random.default_rng(seed).uniform(0, 1, 20)
        np.savez(tmp_path / f"{seed}.npz", distance=distance, threshold=np.array(0.5))
        cell = Cell("a", seed, TOY, f"{seed}" * 16, f"{seed}" * 16)
        found.append(CellResult(cell, {"toy/score": 50.0 + seed}, "c0de", "", "", f"{seed}.npz", "5eed"))
    return ResultSet(RunPlan("t", "toy", "a", tuple(each.cell for each in found), ("toy/score",)), tuple(found), ())


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A note for each time that records are opened to be scored."""
    opened: list[str] = []
    readable = match_records._readable  # pyright: ignore[reportPrivateUsage]

    def noted(content: bytes, path: Path, result: CellResult) -> object:
        opened.append(path.name)
        return readable(content, path, result)

    monkeypatch.setattr(match_records, "_readable", noted)
    return opened


def _scores(results: ResultSet, storage: Path, resamples: int = 30) -> Scores:
    found = resampled_scores(results, storage, resamples)
    assert found is not None
    return found.scores["a"]


def test_a_second_table_scores_nothing_and_has_the_same_bits(
    results: ResultSet, tmp_path: Path, scored: list[str]
) -> None:
    cold = _scores(results, tmp_path)
    assert scored == ["0.npz", "1.npz", "2.npz"]
    warm = _scores(results, tmp_path)
    assert len(scored) == 3
    assert warm.values.tobytes() == cold.values.tobytes()


@pytest.mark.parametrize("change", ["records", "resamples", "code"])
def test_what_a_score_depends_on_makes_it_anew(
    results: ResultSet, tmp_path: Path, scored: list[str], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scores(results, tmp_path)
    scored.clear()
    if change == "records":
        np.savez(tmp_path / "1.npz", distance=np.full(20, 0.25), threshold=np.array(0.5))
    if change == "code":
        monkeypatch.setattr(match_records, "code_of", lambda modules: "other code")
    found = _scores(results, tmp_path, 31 if change == "resamples" else 30)
    assert scored == (["1.npz"] if change == "records" else ["0.npz", "1.npz", "2.npz"])
    if change == "records":
        assert found.values[1, 1:] == pytest.approx(100 * np.exp(-0.5))


def test_progress_hears_of_what_had_to_be_scored_only(results: ResultSet, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    resampled_scores(results, tmp_path, 30, progress=lambda done, cells: heard.append((done, cells)))
    assert heard == [(1, 3), (2, 3), (3, 3)]
    resampled_scores(results, tmp_path, 30, progress=lambda done, cells: heard.append((done, cells)))
    assert len(heard) == 3


def test_scores_of_each_video_alone_are_those_of_its_distance(results: ResultSet, tmp_path: Path) -> None:
    found = video_scores(results, tmp_path, "toy/score")
    distance = np.load(tmp_path / "2.npz")["distance"]
    assert found["a"][2] == pytest.approx(100 * np.exp(-distance / 0.5))
