"""Effects that a table is asked for, and whether the design can answer.

table: {effects: [frames, frames*queries]}      a main effect, a two-way interaction
"""

from collections.abc import Sequence

from rcflab.design.factor import Design
from rcflab.design.fraction import Effect, aliases
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.suggest import nearest

_CROSSED = ("factorial", "fractional")


def effect_faults(design: Design, asked: Sequence[Json]) -> list[Fault]:
    """What is wrong with the effects that `table.effects` asks for."""
    if not asked:
        return []
    if design.kind not in _CROSSED or any(factor.condition for factor in design.factors):
        kind = "with `when`" if design.kind in _CROSSED else design.kind
        got = f"effects of a design {kind}, in which factors are not crossed"
        return [Fault(("table", "effects"), got, "design: factorial or fractional, without `when`")]
    found = [_fault(design, text, ("table", "effects", index)) for index, text in enumerate(asked)]
    return [fault for fault in found if fault is not None]


def effect_of(design: Design, text: str) -> Effect | None:
    """`a` or `a*b` as an effect, its factors in the order of the design; None for anything else."""
    paths = {design.path_of(word.strip()) for word in text.split("*")}
    if None in paths or len(paths) != text.count("*") + 1 or len(paths) > 2:
        return None
    return Effect(tuple(factor.path for factor in design.factors if factor.path in paths))


def _fault(design: Design, text: Json, loc: tuple[str | int, ...]) -> Fault | None:
    names = design.names
    effect = effect_of(design, text) if isinstance(text, str) else None
    if effect is None:
        last = text.rpartition("*")[2].strip() if isinstance(text, str) else ""
        known = ", ".join(names.values())
        wanted = f"a factor, or two different ones as a*b, of {known}{nearest(last, names.values())}"
        return Fault(loc, repr(text), wanted)
    if len(effect.paths) == 1:
        return None
    for group in aliases(design):
        if any(each.paths == effect.paths for each in group):
            rivals = " = ".join(each.text(names) for each in group)
            got = f"the interaction {text!r}, which this fraction cannot tell apart: {rivals}"
            return Fault(loc, got, "an interaction with a column of its own", "Take other generators or a factorial")
    return None
