"""A design in words and as JSON, for `rcflab plan`.

factorial design of frames (0, 1) x queries (10, 20): 4 arms, 12 cells
fractional design of a (0, 1) x b (0, 1) x c (0, 1): 4 arms, 12 cells; resolution III, main effects are aliased ...
    cannot be told apart: a = b*c
"""

from rcflab.design.expand import count_arms, reference
from rcflab.design.factor import Design, Factor
from rcflab.design.fraction import alias_lines, resolution
from rcflab.design.names import full_name
from rcflab.records import Json

_ROMAN = {3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX", 10: "X"}
_ALIASED = {
    3: "main effects are aliased with two-way interactions",
    4: "two-way interactions are aliased with each other",
}


def design_lines(design: Design, cells: int) -> list[str]:
    """The design for people; `cells` is the number of cells of the plan, which may be narrowed."""
    between = " x " if design.kind in ("factorial", "fractional") else ", "
    factors = between.join(_factor(factor, design) for factor in design.factors)
    number = resolution(design)
    words = "" if number is None else f"; resolution {_ROMAN.get(number, number)}, {_meaning(number)}"
    first = f"{design.kind} design of {factors}: {count_arms(design)} arms, {cells} cells{words}"
    start = f"  first arm: {full_name(design, reference(design))}"
    return [first, start, *(f"  cannot be told apart: {line}" for line in alias_lines(design))]


def _factor(factor: Factor, design: Design) -> str:
    levels = ", ".join(factor.labels)
    if factor.condition is None:
        return f"{factor.name} ({levels})"
    parent = next(other for other in design.factors if other.path == factor.condition.parent)
    where = ", ".join(parent.labels[index] for index in sorted(factor.condition.levels))
    return f"{factor.name} ({levels}; where {parent.name} is {where})"


def _meaning(number: int) -> str:
    return _ALIASED.get(number, "no main effect or two-way interaction is aliased with another")


def design_json(design: Design | None, cells: int) -> Json:
    """The design for programs; None where the arms were written."""
    if design is None:
        return None
    return {
        "kind": design.kind,
        "factors": {factor.path: list(factor.levels) for factor in design.factors},
        "names": design.names,
        "arms": count_arms(design),
        "cells": cells,
        "resolution": resolution(design),
        "aliases": list(alias_lines(design)),
    }
