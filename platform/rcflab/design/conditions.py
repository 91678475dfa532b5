"""`when`: a factor that exists only where another one has given levels.

    when: {tokens: {frames: [1, 2]}}     frames 0 has no tokens: 1 arm there, and one for each tokens at 1 and at 2

A clause names one factor above it; a chain of clauses is a tree, so arms are counted without being listed.
"""

from dataclasses import replace

from rcflab.design.factor import Condition, Design, Factor
from rcflab.design.levels import likeness, shown, unknown_factor
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.yaml_file import is_list, is_mapping


def read_conditions(factors: list[Factor], written: Json) -> tuple[list[Factor], list[Fault]]:
    """The factors with the conditions under which they exist, and what is wrong with `when`."""
    if written is None:
        return factors, []
    if not is_mapping(written) or not written:
        wanted = "{factor: {other factor: [levels under which it exists]}}"
        return factors, [Fault(("when",), shown(written), wanted)]
    every = Design("factorial", tuple(factors))
    conditions: dict[str, Condition] = {}
    faults: list[Fault] = []
    for name, clause in written.items():
        path = every.path_of(name)
        if path is None:
            faults.append(unknown_factor(every, ("when", name), name))
            continue
        if path in conditions:
            faults.append(Fault(("when", name), f"a second clause for {path!r}", "one clause a factor"))
            continue
        condition, more = _condition(every, path, ("when", name), clause)
        faults += more
        if condition is not None:
            conditions[path] = condition
    return [replace(factor, condition=conditions.get(factor.path)) for factor in factors], faults


def _condition(every: Design, path: str, loc: tuple[str, str], clause: Json) -> tuple[Condition | None, list[Fault]]:
    if not is_mapping(clause) or len(clause) != 1:
        return None, [Fault(loc, shown(clause), "one other factor with its levels, as {other factor: [levels]}")]
    ((name, levels),) = clause.items()
    parent = every.path_of(name)
    if parent is None:
        return None, [unknown_factor(every, (*loc, name), name)]
    paths = [factor.path for factor in every.factors]
    if paths.index(parent) >= paths.index(path):
        hint = f"Write {parent} above {path} under `factors`" if parent != path else ""
        return None, [Fault((*loc, name), f"the factor {name!r}", "a factor that stands above it", hint)]
    factor = every.factors[paths.index(parent)]
    if not is_list(levels) or not levels:
        return None, [Fault((*loc, name), shown(levels), f"a list of levels of {factor.name}")]
    known = {likeness(level): index for index, level in enumerate(factor.levels)}
    wanted = f"a level of {factor.name}: {', '.join(factor.labels)}"
    faults = [
        Fault((*loc, name, index), shown(level), wanted)
        for index, level in enumerate(levels)
        if likeness(level) not in known
    ]
    if faults:
        return None, faults
    return Condition(parent, frozenset(known[likeness(level)] for level in levels)), []
