"""Planted effects through steps 5 to 8: match records of every cell on disk, the answer read from the rendered table.

    score[arm, seed, video] = 50 + effect + N(0, seed_sd) + N(0, video_sd) --records.npz--> collect, compare, tabulate
                                                                             render json --> interval, verdict

The toy's score is a mean over videos, so the planted effect is the true difference. Bands are three standard
deviations of as many tables wide: RCF_PLANTED_TABLES=1000 makes them narrow, in some minutes. Expected values come
from 6,000 to 100,000 Gaussian draws made apart from this code, for 300 videos; those for 60 differ by less than 0.005.
"""

import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rcflab.ledger.fold import KeyState
from rcflab.records import Json
from rcflab.report.files import render
from rcflab.session import LedgerView, Session, open_experiment
from rcflab.tables import build_table

Floats = NDArray[np.float64]
TABLES = int(os.environ.get("RCF_PLANTED_TABLES", "60"))
SEED_SD = 0.5
ARMS = 5


def three_deviations(share: float) -> float:
    """Of a share of as many tables."""
    return 3 * math.sqrt(share * (1 - share) / TABLES)


class Simulator:
    """One experiment whose cells get new match records for each table."""

    def __init__(self, folder: Path, arms: int, videos: int, seeds: int, state: Callable[..., KeyState]) -> None:
        written = "".join(f"  arm-{number}: {{training.lr: 0.{number}}}\n" for number in range(2, 2 + arms))
        path = folder / "planted.yaml"
        path.write_text(
            f"name: planted\ntask: toy\nbaseline: base\nseeds: {seeds}\ndata: {{videos: {videos}}}\n"
            f"storage: {{root: {folder}}}\ntable: {{resamples: 400}}\narms:\n  base: {{}}\n{written}"
        )
        self.session: Session = open_experiment(path)
        self.videos, self._state = videos, state
        self.arms = list(dict.fromkeys(cell.arm for cell in self.session.plan.cells))

    def table(self, rng: np.random.Generator, effects: Sequence[float], video_sd: float) -> Json:
        """What the JSON says of each arm. `effects`: of the baseline, then of the arms."""
        shutil.rmtree(self.session.storage / "cache", ignore_errors=True)
        of_videos = rng.normal(0, video_sd, (len(self.arms), self.videos))
        keys: dict[str, KeyState] = {}
        for cell in self.session.plan.cells:
            place = self.arms.index(cell.arm)
            scores = 50 + effects[place] + rng.normal(0, SEED_SD) + of_videos[place]
            distance = -np.log(np.clip(scores, 1e-3, 100.0) / 100)
            records = self.session.storage / "cells" / "x" / "eval" / cell.eval_key / "records.npz"
            records.parent.mkdir(parents=True, exist_ok=True)
            np.savez(records, distance=distance, threshold=np.array(1.0))
            value = float(100 * np.exp(-distance).mean())
            found = {cell.eval_key: {"toy/score": value}}
            keys[cell.train_key] = self._state(found, code=self.session.provenance.code_digest)
        table = build_table(self.session, LedgerView(keys, {}))
        return json.loads(render(table, "json"))["comparisons"]["arms"]


@pytest.fixture
def simulator(tmp_path: Path, ledger_state: Callable[..., KeyState]) -> Callable[[int, int, int], Simulator]:
    """(arms, videos, seeds) -> Simulator."""
    return lambda arms, videos, seeds: Simulator(tmp_path, arms, videos, seeds, ledger_state)


@pytest.mark.parametrize(
    ("videos", "seeds", "expected"), [(60, 3, 0.972), (60, 5, 0.959), (300, 3, 0.972), (300, 5, 0.959)]
)
def test_the_interval_of_a_table_holds_what_was_planted(
    simulator: Callable[..., Simulator], videos: int, seeds: int, expected: float
) -> None:
    """Videos vary a difference as much as one seed does. With 3 seeds the interval is wider than it has to be."""
    made, rng = simulator(1, videos, seeds), np.random.default_rng([7, videos, seeds])
    found = [made.table(rng, [0.0, 1.0], SEED_SD * math.sqrt(videos))[0]["interval"] for _ in range(TABLES)]
    coverage = np.mean([low <= 1.0 <= high for low, high in found])
    assert coverage == pytest.approx(expected, abs=three_deviations(expected) + 0.005)


@pytest.mark.parametrize(("videos", "seeds"), [(60, 3), (300, 5)])
def test_it_holds_it_where_videos_do_not_matter(simulator: Callable[..., Simulator], videos: int, seeds: int) -> None:
    """Expected 0.950."""
    made, rng = simulator(1, videos, seeds), np.random.default_rng([8, videos, seeds])
    found = [made.table(rng, [0.0, 1.0], 0.0)[0]["interval"] for _ in range(TABLES)]
    assert np.mean([low <= 1.0 <= high for low, high in found]) == pytest.approx(0.95, abs=three_deviations(0.95))


def five_arms(made: Simulator, effect: float) -> list[Json]:
    """Tables of five arms against one baseline, the first with an effect; videos vary half as much as a seed."""
    rng = np.random.default_rng(33)
    effects = [0.0, effect, *[0.0] * (ARMS - 1)]
    video_sd = 0.5 * SEED_SD * math.sqrt(made.videos)
    return [made.table(rng, effects, video_sd) for _ in range(TABLES)]


def test_equal_arms_are_rarely_called_different_in_a_table(simulator: Callable[..., Simulator]) -> None:
    """Any false word among five arms: expected 0.023 under Holm, 0.137 without."""
    tables = five_arms(simulator(ARMS, 60, 5), 0.0)
    said = [any(each["verdict"].startswith(("better", "worse")) for each in arms) for arms in tables]
    assert np.mean(said) <= 0.023 + three_deviations(0.023)
    unadjusted = np.mean([min(each["p"] for each in arms) < 0.05 for arms in tables])
    assert unadjusted == pytest.approx(0.137, abs=three_deviations(0.137))


def test_an_arm_three_spreads_better_is_called_so_in_a_table(simulator: Callable[..., Simulator]) -> None:
    """A gap of three times the spread of one seed's difference: expected 0.79 under Holm over five arms."""
    tables = five_arms(simulator(ARMS, 60, 5), 3 * SEED_SD * math.sqrt(2))
    found = np.mean([arms[0]["verdict"].startswith("better") for arms in tables])
    assert found == pytest.approx(0.79, abs=three_deviations(0.79))
