"""The fields of a design in an experiment file become a Design, or every fault in them is named at once.

    data --factors: paths, levels--> Factor ...  --when--> conditions  --design, generators--> Design | faults

Whether a path is one of the task's fields, and a level one of its values, is seen where the configurations are made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rcflab.design.asked import effect_faults
from rcflab.design.conditions import read_conditions
from rcflab.design.factor import KINDS, Design, Factor
from rcflab.design.generate import read_generators
from rcflab.design.levels import label_of, level_faults, shown
from rcflab.design.names import longest_name, short_names
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.suggest import nearest
from rcflab.yaml_file import is_list, is_mapping

MAX_FACTORS, MAX_NAME = 100, 200
FIELDS = ("factors", "design", "when", "generators")
"""What makes a file one with a design."""


def is_designed(data: Mapping[str, Json]) -> bool:
    """Whether the file has any field of a design."""
    return any(data.get(field) is not None for field in FIELDS)


def read_design(data: Mapping[str, Json]) -> tuple[Design | None, list[Fault]]:
    """The design in the fields of an experiment, and what is wrong with them; no design where there are faults.

    Linear in the size of the fields: no arm is made.
    """
    if not is_designed(data):
        return None, _without_design(data)
    faults = _field_faults(data)
    written, kind = data.get("factors"), data.get("design")
    if not is_mapping(written):
        return None, faults
    factors, more = _factors(written)
    broken = {str(fault.loc[1]) for fault in more}
    faults += more
    if kind not in KINDS or not 0 < len(factors) <= MAX_FACTORS:
        return None, faults
    factors, more = read_conditions(factors, data.get("when"))
    faults += more
    design = Design(kind, tuple(factors))
    faults += [fault for factor in factors if factor.path not in broken for fault in _unfit(design, factor)]
    generators, more = read_generators(design, data.get("generators"))
    faults += more
    design = replace(design, generators=generators)
    faults += [] if faults else _long_names(design) + effect_faults(design, _asked(data))
    return (None, faults) if faults else (design, [])


def _asked(data: Mapping[str, Json]) -> list[Json]:
    table = data.get("table")
    effects = table.get("effects") if is_mapping(table) else None
    return effects if is_list(effects) else []


def _without_design(data: Mapping[str, Json]) -> list[Fault]:
    if not _asked(data):
        return []
    got = "effects of factors, which an experiment with `arms` has not"
    return [Fault(("table", "effects"), got, "`factors` with design: factorial or fractional")]


def _field_faults(data: Mapping[str, Json]) -> list[Fault]:
    """Fields that are missing or of the wrong kind, and fields that exclude each other."""
    present = next(field for field in FIELDS if data.get(field) is not None)
    written, kind = data.get("factors"), data.get("design")
    if "arms" in data:
        hint = "Remove `arms`, or write each combination as an arm and remove the design"
        return [Fault((present,), f"`{present}` beside `arms`", "one of the two", hint)]
    if written is None:
        wanted = "`factors: {dotted.path: [level, ...]}` with it"
        return [Fault((present,), f"`{present}` without `factors`", wanted)]
    faults: list[Fault] = []
    if not is_mapping(written) or not written:
        wanted = "at least one factor, as {dotted.path: [level, ...]}"
        faults.append(Fault(("factors",), shown(written), wanted))
    elif len(written) > MAX_FACTORS:
        faults.append(Fault(("factors",), f"{len(written)} factors", f"at most {MAX_FACTORS}"))
    if kind is None:
        faults.append(Fault(("factors",), "`factors` without `design`", f"`design:` with one of {', '.join(KINDS)}"))
    elif kind not in KINDS:
        faults.append(Fault(("design",), shown(kind), f"one of {', '.join(KINDS)}{nearest(str(kind), KINDS)}"))
    return faults


def _factors(written: Mapping[str, Json]) -> tuple[list[Factor], list[Fault]]:
    """A factor for each path, with no levels where they are no list."""
    paths = list(written)[: MAX_FACTORS + 1]
    names = short_names(paths)
    faults: list[Fault] = []
    factors: list[Factor] = []
    for path in paths:
        inside = [other for other in paths if other.startswith(f"{path}.")]
        if inside:
            got = f"a factor that holds the factor {inside[0]!r}"
            faults.append(Fault(("factors", path), got, "factors that set no field twice"))
        faults += level_faults(path, written[path])
        levels = tuple(written[path]) if is_list(written[path]) else ()
        factors.append(Factor(path, names[path], levels, tuple(label_of(level) for level in levels)))
    return factors, faults


def _unfit(design: Design, factor: Factor) -> Iterator[Fault]:
    """What makes a factor one that the kind of the design cannot take."""
    kind, loc = design.kind, ("factors", factor.path)
    if kind in ("leave_one_out", "fractional") and len(factor.levels) != 2:
        order = "off, then on" if kind == "leave_one_out" else "low, then high"
        got = f"{len(factor.levels)} levels in a {kind} design"
        yield Fault(loc, got, f"two levels: {order}", "Take design: one_at_a_time or factorial for more")
    if factor.condition is None or kind == "factorial":
        return
    if kind == "fractional":
        wanted = "factors that always exist"
        yield Fault(("when", factor.name), "`when` in a fractional design", wanted, "Take design: factorial")
        return
    above = next(other for other in design.factors if other.path == factor.condition.parent)
    start = len(above.levels) - 1 if kind == "leave_one_out" else 0
    if start not in factor.condition.levels:
        got = f"a factor that does not exist at {above.name}={above.labels[start]}, the level of the baseline"
        wanted = f"a factor of the baseline, since {kind} changes one factor of it"
        hint = f"Write another level of {above.name} {'last' if start else 'first'}, or take design: factorial"
        yield Fault(loc, got, wanted, hint)


def _long_names(design: Design) -> list[Fault]:
    length = longest_name(design)
    if length <= MAX_NAME:
        return []
    got = f"factors whose levels make arm names of up to {length} characters"
    return [Fault(("factors",), got, f"names of at most {MAX_NAME}", "Take fewer factors or shorter levels")]
