"""What factors and arms are called.

model.encoder.layers, model.decoder.layers, model.queries  --short_names-->  encoder.layers, decoder.layers, queries
levels of an arm  --name_arms-->  baseline, `queries=20`, `encoder.layers=6 queries=20`
"""

from collections.abc import Sequence

from rcflab.design.expand import combinations
from rcflab.design.factor import Combination, Design

BASELINE = "baseline"
"""What the reference is called where the file gives it no name."""
_CROSSED = ("factorial", "fractional")


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Path -> the shortest end of it, cut at dots, that no other of the `paths` ends in."""
    found: dict[str, str] = {}
    for path in paths:
        parts = path.split(".")
        ends = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
        others = [other for other in paths if other != path]
        found[path] = next((end for end in ends if not any(_ends_in(other, end) for other in others)), path)
    return found


def _ends_in(path: str, end: str) -> bool:
    return path == end or path.endswith(f".{end}")


def name_arms(design: Design, baseline: str = BASELINE) -> dict[str, Combination]:
    """Arm name -> levels, the reference first.

    Names say `factor=level`: of all factors in crossed designs, of what differs from the reference in the others. The
    reference is called `baseline`, unless that names another arm, which always has a `=` in its name.
    """
    found = combinations(design)
    start = found[0]
    arms: dict[str, Combination] = {full_name(design, start) if "=" in baseline else baseline: start}
    for combination in found[1:]:
        changed = {path: level for path, level in combination.items() if start.get(path) != level}
        arms[full_name(design, combination if design.kind in _CROSSED else changed)] = combination
    return arms


def full_name(design: Design, shown: Combination) -> str:
    """`frames=1 queries=20`: the levels of `shown` in the order of the factors."""
    parts = [f"{factor.name}={factor.labels[shown[factor.path]]}" for factor in design.factors if factor.path in shown]
    return " ".join(parts)


def longest_name(design: Design) -> int:
    """The most characters that an arm's name can have, without making one."""
    parts = [len(factor.name) + 1 + max(map(len, factor.labels)) for factor in design.factors]
    return sum(parts) + len(parts) - 1 if design.kind in _CROSSED else max(parts)
