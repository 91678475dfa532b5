"""Colours and patterns of the synthetic set: they say nothing of the category, and validation has patterns of its own.

family (train: stripes, checks, dots, clouds; val: zigzag, cells, ripples, weave)
    + frequency, turn, phase, two colours --> paint(u, v) --> colour of each point
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rcf.data.shapes import Reals

TAU = 2 * np.pi


def _stripes(u: Reals, v: Reals) -> Reals:
    return np.sin(TAU * u) + 0 * v


def _checks(u: Reals, v: Reals) -> Reals:
    return 2.0 * np.sin(TAU * u) * np.sin(TAU * v)


def _dots(u: Reals, v: Reals) -> Reals:
    return np.cos(TAU * u) + np.cos(TAU * v) - 0.6


def _clouds(u: Reals, v: Reals) -> Reals:
    waves = ((0.61, 0.17, 0.3), (-0.29, 0.53, 1.7), (0.83, -0.71, 4.1), (0.13, 1.07, 2.6))
    return sum((np.sin(TAU * (a * u + b * v) + c) for a, b, c in waves), start=0 * u) * 0.7


def _zigzag(u: Reals, v: Reals) -> Reals:
    return np.sin(TAU * (u + np.abs(v - np.floor(v) - 0.5)))


def _cells(u: Reals, v: Reals) -> Reals:
    third = np.sqrt(0.75)
    lattice = np.cos(TAU * u) + np.cos(TAU * (0.5 * u + third * v)) + np.cos(TAU * (0.5 * u - third * v))
    return 0.8 * lattice - 0.3


def _ripples(u: Reals, v: Reals) -> Reals:
    return np.sin(TAU * np.hypot(u - 2.2, v + 1.6))


def _weave(u: Reals, v: Reals) -> Reals:
    over = np.sin(np.pi * u) * np.sin(np.pi * v) > 0
    return np.where(over, np.sin(2 * TAU * u), np.sin(2 * TAU * v))


_PATTERNS: dict[str, Callable[[Reals, Reals], Reals]] = {
    "stripes": _stripes, "checks": _checks, "dots": _dots, "clouds": _clouds,
    "zigzag": _zigzag, "cells": _cells, "ripples": _ripples, "weave": _weave,
}  # fmt: skip

FAMILIES = {"train": ("stripes", "checks", "dots", "clouds"), "val": ("zigzag", "cells", "ripples", "weave")}
"""Pattern families of each split; they share none."""


@dataclass(frozen=True, slots=True)
class Texture:
    """A pattern between two colours."""

    family: str
    frequency: float
    """Periods per unit of the coordinates."""
    turn: float
    phase: tuple[float, float]
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]
    """Red, green, blue in 0..1."""

    def paint(self, u: Reals, v: Reals) -> Reals:
        """Colour of each point: the broadcast shape of `u` and `v`, plus an axis of 3; values in 0..1."""
        cosine, sine = np.cos(self.turn) * self.frequency, np.sin(self.turn) * self.frequency
        across, along = cosine * u + sine * v + self.phase[0], cosine * v - sine * u + self.phase[1]
        share = np.clip(0.5 + 0.8 * _PATTERNS[self.family](across, along), 0.0, 1.0)[..., None]
        return (1 - share) * np.array(self.colours[0]) + share * np.array(self.colours[1])

    @property
    def mean(self) -> Reals:
        """The middle between the two colours."""
        return (np.array(self.colours[0]) + np.array(self.colours[1])) / 2


def sample_texture(
    rng: np.random.Generator,
    families: Sequence[str],
    frequency: tuple[float, float],
    contrast: tuple[float, float],
    apart: Sequence[Reals],
) -> Texture:
    """A random texture whose mean colour is well apart from those in `apart` (or the farthest of 24 tries)."""
    middle = _middle(rng, apart)
    direction = rng.normal(size=3)
    swing = direction / np.linalg.norm(direction) * rng.uniform(*contrast) / 2
    low, high = np.clip(middle - swing, 0, 1), np.clip(middle + swing, 0, 1)
    return Texture(
        family=families[int(rng.integers(len(families)))],
        frequency=float(rng.uniform(*frequency)),
        turn=float(rng.uniform(0, TAU)),
        phase=(float(rng.uniform(0, 8)), float(rng.uniform(0, 8))),
        colours=(_colour(low), _colour(high)),
    )


ENOUGH = 0.5
"""Distance between mean colours (red, green, blue in 0..1) at which things are easily told apart."""


def _middle(rng: np.random.Generator, apart: Sequence[Reals]) -> Reals:
    tries = rng.uniform(0.08, 0.92, size=(24, 3))
    if not apart:
        return tries[0]
    distance = np.min([np.linalg.norm(tries - other, axis=1) for other in apart], axis=0)
    return tries[int(np.argmax(np.minimum(distance, ENOUGH)))]


def _colour(values: Reals) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
