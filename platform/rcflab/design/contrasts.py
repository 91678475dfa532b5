"""The effects that a table is asked for, as weights of its arms.

table: {effects: [frames, frames*queries]} --each level against the first--> ArmContrast: name, weight of each arm
"""

from collections.abc import Sequence
from itertools import product

from rcflab.comparison import ArmContrast
from rcflab.design.arms import design_of
from rcflab.design.asked import effect_of
from rcflab.design.expand import columns
from rcflab.design.factor import Design
from rcflab.design.fraction import aliases
from rcflab.schema import ExperimentSpec
from rcflab.stats.effects import Weights, interaction, main_effect


def asked_contrasts(spec: ExperimentSpec) -> tuple[ArmContrast, ...]:
    """Those of `table.effects` of a checked experiment, in its order; none without."""
    design, asked = design_of(spec), spec.table.effects
    if design is None or not asked:
        return ()
    return tuple(contrast for text in asked for contrast in _of_effect(design, text, tuple(spec.arms)))


def _of_effect(design: Design, text: str, arms: Sequence[str]) -> list[ArmContrast]:
    effect = effect_of(design, text)
    assert effect is not None, "asked effects of a checked experiment can be read"
    levels = columns(design)
    counts = [range(1, max(levels[path]) + 1) for path in effect.paths]
    return [
        _contrast(design, effect.paths, high, _weights(levels, effect.paths, high), arms) for high in product(*counts)
    ]


def _weights(levels: dict[str, tuple[int, ...]], paths: Sequence[str], high: tuple[int, ...]) -> Weights:
    if len(paths) == 1:
        return main_effect(levels, paths[0], high[0])
    return interaction(levels, (paths[0], paths[1]), (high[0], high[1]))


def _aliased(design: Design, paths: Sequence[str]) -> str:
    """What a fraction cannot tell it from: the number is the sum of all."""
    for group in aliases(design):
        rivals = [each.text(design.names) for each in group if each.paths != tuple(paths)]
        if len(rivals) < len(group):
            return f" (with {', '.join(rivals)})"
    return ""


def _contrast(
    design: Design, paths: Sequence[str], high: tuple[int, ...], weights: Weights, arms: Sequence[str]
) -> ArmContrast:
    named = {factor.path: factor for factor in design.factors}
    parts = [
        f"{named[path].name} {named[path].labels[level]} for {named[path].labels[0]}"
        for path, level in zip(paths, high, strict=True)
    ]
    is_interaction = len(parts) > 1
    name = f"interaction: {' x '.join(parts)}" if is_interaction else f"effect: {parts[0]}{_aliased(design, paths)}"
    return ArmContrast(name, dict(zip(arms, weights.tolist(), strict=True)), is_interaction)
