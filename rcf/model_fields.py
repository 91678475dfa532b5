"""Where the model sections of two configurations differ, and which of the differences change the network's tensors.

theirs (as a checkpoint has it), ours --differences--> path, value there, value here
                                      --that_matter--> those without which the tensors would fit better
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from rcf.config import ModelConfig

_HARMLESS = ("backbone.weights", "backbone.frozen_stages", "backbone.gradient_checkpointing", "encoder.dropout",
             "decoder.dropout", "audio.weights", "audio.causal", "audio.mel_frames")  # fmt: skip
"""Fields of the model that change neither a tensor nor what a trained one means."""
_ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of the model."""

    path: str
    """Below `model`."""
    theirs: object
    ours: object

    def __str__(self) -> str:
        return f"model.{self.path}: {self.theirs} there, {self.ours} here"


def differences(theirs: Mapping[str, Any], ours: ModelConfig) -> list[Difference]:
    """Fields of other value, by their path; `theirs` may be of another version and have other fields."""
    made, given = dict(_leaves(theirs)), dict(_leaves(ours.model_dump(mode="json")))
    return [
        Difference(path, made.get(path, _ABSENT), given.get(path, _ABSENT))
        for path in sorted(made.keys() | given.keys())
        if path not in _HARMLESS and made.get(path, _ABSENT) != given.get(path, _ABSENT)
    ]


def that_matter(
    found: Sequence[Difference], ours: ModelConfig, misfits: Callable[[ModelConfig], int]
) -> list[Difference]:
    """Those that, set as they are there and nothing else, leave fewer tensors that do not fit; all where none does."""
    before = misfits(ours)
    matter = [each for each in found if (other := _as_there(each, ours)) is None or misfits(other) < before]
    return matter or list(found)


def _as_there(difference: Difference, ours: ModelConfig) -> ModelConfig | None:
    """`ours` with this field as it is there; None where the other fields forbid it."""
    fields = ours.model_dump(mode="json")
    *sections, name = difference.path.split(".")
    section = fields
    for each in sections:
        section = section.setdefault(each, {})
    if difference.theirs == _ABSENT:
        section.pop(name)
    else:
        section[name] = difference.theirs
    try:
        return ModelConfig.model_validate(fields)
    except ValidationError:
        return None


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _leaves(cast("dict[str, Any]", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
