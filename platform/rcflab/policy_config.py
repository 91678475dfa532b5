"""What a run may spend, what it does about failures, and whom it tells: never part of a key.

on_trial_error   when to stop the others        retries   how often one failure is tried again, by its class
budget           what the experiment may cost   notify    who hears of the end
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rcf.config import Config
from rcflab.records import Json
from rcflab.yaml_file import is_mapping

Event = Literal["finished", "failed", "budget", "interrupted"]
EVENTS: tuple[Event, ...] = get_args(Event)


class ErrorLimit(Config):
    """After how many failed trainings a run stops; None: it goes on with the others."""

    stop_after: Annotated[int, Field(ge=1)] | None = None


def _error_limit(value: Json) -> Json:
    """`continue` and `stop` are short for what they mean."""
    if value == "continue":
        return {}
    if value == "stop":
        return {"stop_after": 1}
    if isinstance(value, ErrorLimit) or (is_mapping(value) and set(value) == {"stop_after"}):
        return value
    raise ValueError("continue, stop, or {stop_after: N}")


OnTrialError = Annotated[ErrorLimit, BeforeValidator(_error_limit)]


class RetriesConfig(Config):
    """How often a training is tried again within one run, by the class of its failure.

    Counted since its last new checkpoint: who gets on is not given up. Each try starts in a fresh process from that
    checkpoint, and every one is in the ledger with its reason. What is given up is tried again by the next
    `rcflab run`.
    """

    error: Annotated[int, Field(ge=0)] = 0
    """An exception of the training: a defect, which would only come again."""
    non_finite: Annotated[int, Field(ge=0)] = 0
    """A loss that is not finite: the same steps give the same loss, bit for bit on a CPU."""
    out_of_memory: Annotated[int, Field(ge=0)] = 1
    """Once, in a fresh process: memory may have been short because of a neighbour."""
    worker_lost: Annotated[int, Field(ge=0)] = 3
    """A process that died or hung without a word."""
    node_lost: Annotated[int, Field(ge=0)] = 3
    """A machine that died; the next try is on another one."""
    preempted: Annotated[int, Field(ge=0)] = 10
    """A machine that was taken away, as its owner had announced."""


class BudgetConfig(Config):
    """What an experiment may cost; None is no limit. A run warns at 80 % and stops with checkpoints when it is spent.

    Trials and hours of CPUs and GPUs are counted from the ledger, so over all runs of the experiment's name, also of
    attempts that failed; cells that another experiment trained are free. `wall_hours` is of one run alone.
    """

    trials: Annotated[int, Field(ge=1)] | None = None
    """Trainings that are begun, those of a search included; their retries are not counted."""
    wall_hours: Annotated[float, Field(gt=0)] | None = None
    cpu_hours: Annotated[float, Field(gt=0)] | None = None
    gpu_hours: Annotated[float, Field(gt=0)] | None = None


def _some(found: tuple[Event, ...]) -> tuple[Event, ...]:
    if not found:
        raise ValueError(f"at least one of {', '.join(EVENTS)}")
    return found


VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
"""Stands for a variable of the environment, and has its name."""


class HookConfig(Config):
    """Who is told, and of what: a JSON object goes to the web address, or to the standard input of the command."""

    webhook: Annotated[str | None, Field(repr=False)] = None
    """http(s)://..., or ${env:NAME} for an address that should not stand in a file."""
    command: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    """Program and arguments, without a shell; it gets the JSON on its standard input."""
    on: Annotated[tuple[Event, ...], Field(strict=False), AfterValidator(_some)] = EVENTS

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, value: Json) -> Json:
        """Checked before the fields, and without the address in any message: it may be a secret."""
        found: Mapping[str, Json] = value if is_mapping(value) else {}
        if len({"webhook", "command"} & {name for name, each in found.items() if each is not None}) != 1:
            raise ValueError("either `webhook: ADDRESS` or `command: [PROGRAM, ...]`")
        return value

    @model_validator(mode="after")
    def _address_can_be_used(self) -> Self:
        address = self.webhook
        if address is not None and not (VARIABLE.search(address) or address.startswith(("http://", "https://"))):
            raise ValueError("an address that begins with http:// or https://, or ${env:NAME}")
        return self
