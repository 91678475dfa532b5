"""The layer of an experiment with a design, as if its arms had been written.

factors, design --read--> Design --count: few enough?--> arms: {name: {dotted path: level}} with the levels' origins
"""

from dataclasses import replace

from rcflab.design.expand import count_arms
from rcflab.design.factor import Design
from rcflab.design.names import BASELINE, name_arms
from rcflab.design.read import FIELDS, read_design
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.schema import ExperimentSpec
from rcflab.yaml_file import Layer, Loc, Origin


def too_many(design: Design, seeds: int, most: int) -> list[Fault]:
    """A design with more cells (arms x seeds) than `most`: counted, not listed."""
    arms = count_arms(design)
    if arms * seeds <= most:
        return []
    alone = count_arms(replace(design, kind="one_at_a_time"))
    got = f"{_number(arms)} arms x {seeds} seeds = {_number(arms * seeds)} cells in a {design.kind} design"
    moves = "Take fewer factors, levels or seeds"
    if arms > alone:
        moves += f", design: one_at_a_time ({alone} arms), or fractional with two levels a factor"
    return [Fault(("factors",), got, f"at most {most} cells (most_cells)", f"{moves}; or raise most_cells")]


def design_of(spec: ExperimentSpec) -> Design | None:
    """The design of a checked experiment; None where its arms were written."""
    fields = spec.model_dump(include=set(FIELDS))
    design, faults = read_design(fields)
    assert not faults, "the fields of a checked experiment were read before"
    return design


def _number(count: int) -> str:
    return str(count) if count < 10**15 else f"about 10^{len(str(count)) - 1}"


def with_arms(layer: Layer, design: Design) -> Layer:
    """`layer` with the arms that its design stands for, each with all factors that exist in it."""
    paths = {factor.path: factor for factor in design.factors}
    arms: dict[str, Json] = {}
    origins: dict[Loc, Origin] = dict(layer.origins)
    around = layer.origin(("factors",))
    for name, levels in name_arms(design, str(layer.data.get("baseline", BASELINE))).items():
        arms[name] = {path: paths[path].levels[index] for path, index in levels.items()}
        origins[("arms", name)] = around
        origins |= {("arms", name, path): layer.origin(("factors", path, index)) for path, index in levels.items()}
    return Layer({**layer.data, "arms": arms}, origins)
