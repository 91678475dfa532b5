"""Generators of a fraction: which factor is the product of which others.

generators: {tokens: frames*queries}      tokens is high where an even number of frames, queries is low
            {tokens: -frames*queries}     the other half
"""

import re
from collections.abc import Mapping

from rcflab.design.factor import Design, Generator
from rcflab.design.fraction import masks
from rcflab.design.levels import unknown_factor
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.yaml_file import is_mapping

_PRODUCT = re.compile(r"\s*(-?)\s*([^*\s]+(?:\s*\*\s*[^*\s]+)+)\s*")
_WANTED = "a product of at least two other factors, like a*b or -a*b"


def read_generators(design: Design, written: Json) -> tuple[tuple[Generator, ...], list[Fault]]:
    """The generators of `design` as written under `generators`, and what is wrong with them."""
    if design.kind != "fractional":
        if written is None:
            return (), []
        got = f"`generators` in a {design.kind} design"
        return (), [Fault(("generators",), got, "design: fractional", "Or remove the generators")]
    if not is_mapping(written) or not written:
        got = "nothing" if written is None else repr(written)
        hint = "A fraction without generators is a factorial design"
        return (), [Fault(("generators",), got, "{factor: product of other factors}, like {c: a*b}", hint)]
    generated = {design.path_of(name) for name in written}
    found: dict[str, Generator] = {}
    faults: list[Fault] = []
    for name, text in written.items():
        generator = _generator(design, name, text, generated)
        if isinstance(generator, Fault):
            faults.append(generator)
        elif generator.path in found:
            faults.append(Fault(("generators", name), f"a second generator of {generator.path!r}", "one a factor"))
        else:
            found[generator.path] = generator
    generators = tuple(found.values())
    return generators, faults or _equal_columns(Design(design.kind, design.factors, generators), written)


def _generator(design: Design, name: str, text: Json, generated: set[str | None]) -> Generator | Fault:
    loc = ("generators", name)
    path = design.path_of(name)
    if path is None:
        return unknown_factor(design, loc, name)
    match = _PRODUCT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return Fault(loc, repr(text), _WANTED)
    parents: list[str] = []
    for word in re.split(r"\s*\*\s*", match[2]):
        parent = design.path_of(word)
        if parent is None:
            return unknown_factor(design, loc, word)
        if parent in generated:
            return Fault(loc, f"{word!r}, which has a generator itself", "factors without a generator")
        parents.append(parent)
    if len(set(parents)) != len(parents):
        return Fault(loc, f"{text!r}, which names a factor twice", _WANTED)
    return Generator(path, -1 if match[1] else 1, tuple(parents))


def _equal_columns(design: Design, written: Mapping[str, Json]) -> list[Fault]:
    """Two factors that change together in every arm: no contrast could tell them apart."""
    first: dict[int, str] = {}
    faults: list[Fault] = []
    keys = {design.path_of(name): name for name in written}
    for path, (bits, _) in masks(design).items():
        twin = first.setdefault(bits, path)
        if twin != path:
            key = keys[path if path in keys else twin]
            got = f"a product that {design.names[twin]} and {design.names[path]} share"
            wanted = "a product of its own, or the two change together in every arm"
            faults.append(Fault(("generators", key), got, wanted))
    return faults
