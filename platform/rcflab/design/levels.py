"""Levels as people write and read them: what may be one, how arm names show it, which two are the same.

[1, 4, full, 4]  --level_faults-->  the second 4            0.5 --label_of--> `0.5`      1.0 ~ 1, null ~ "null"
"""

from collections.abc import Iterator

from rcflab.design.factor import Design
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.suggest import nearest
from rcflab.yaml_file import is_list, is_mapping


def label_of(level: Json) -> str:
    """A level as arm names have it: `true`, `null`, `0.5`, `48+64` for a list, `none` for an empty one."""
    if level is None or isinstance(level, bool):
        return {None: "null", True: "true", False: "false"}[level]
    if is_list(level):
        return "+".join(label_of(item) for item in level) or "none"
    return str(level)


def level_faults(path: str, levels: Json) -> Iterator[Fault]:
    """What is wrong with the levels of the factor `path`, as far as that is seen without its field."""
    loc = ("factors", path)
    if not is_list(levels):
        yield Fault(loc, shown(levels), "a list of at least two levels")
        return
    if len(levels) < 2:
        got = "an empty list" if not levels else f"one level only, {shown(levels[0])}"
        hint = "" if not levels else f"Or set {path} itself: what does not change is no factor"
        yield Fault(loc, got, "a list of at least two levels", hint)
    seen: dict[str, int] = {}
    for index, level in enumerate(levels):
        wrong = _level_fault(level)
        if wrong:
            hint = "Write the combinations as `arms`"
            yield Fault((*loc, index), shown(level), wrong, hint)
            continue
        twin = seen.setdefault(likeness(level), index)
        if twin != index:
            got = f"{shown(level)}, the same level as {shown(levels[twin])}"
            yield Fault((*loc, index), got, "levels that differ, each once")


def _level_fault(level: Json) -> str:
    """What is wanted instead of a level that can stand in no arm name, or nothing."""
    items = level if is_list(level) else [level]
    if any(is_mapping(item) or is_list(item) for item in items):
        return "a number, a text, true, false, null or a list of these"
    label = label_of(level)
    if not label.isprintable() or not 1 <= len(label) <= 60 or set(label) & set(" ,="):
        return "a level of 1 to 60 printable characters without space, comma and '=': arms are called by it"
    return ""


def likeness(level: Json) -> str:
    """Equal for levels that are one value, or that would read alike in a name: 1 and 1.0, null and 'null'."""
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return label_of(level)


def shown(value: Json) -> str:
    """A value as faults quote it."""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def unknown_factor(design: Design, loc: tuple[str | int, ...], name: str) -> Fault:
    """The fault of a name that is no factor's, with the nearest one."""
    known = [*design.names.values(), *design.names]
    wanted = f"one of the factors {', '.join(design.names.values())}{nearest(name, known)}"
    return Fault(loc, f"the unknown factor {name!r}", wanted)
