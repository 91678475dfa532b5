"""Configuration of the toy task: two parameters that walk to a target under seeded noise, no torch.

It has one field of each kind that the platform must handle: training fields, an evaluation field, a data field, a field
without effect under another's value (like tokens with 0 reference frames), and faults on demand.
"""

from typing import Annotated

from pydantic import Field

from rcf.config import Config

BATCH = 4
"""Points of a step."""


class ToyModel(Config):
    """Start and goal of the walk."""

    slope: float = 1.0
    offset: float = 0.0
    memory: Annotated[int, Field(ge=0)] = 0
    """Steps of momentum; 0 switches `decay` off."""
    decay: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Without effect when memory is 0."""


class ToyTraining(Config):
    """Schedule and faults."""

    steps: Annotated[int, Field(ge=1)] = 20
    lr: Annotated[float, Field(gt=0)] = 0.1
    noise: Annotated[float, Field(ge=0)] = 0.1
    step_ms: Annotated[float, Field(ge=0)] = 0.0
    """Sleep in each step, in milliseconds: gives fault tests something to interrupt."""
    raise_at: Annotated[int, Field(ge=0)] = 0
    """Step at which the training raises, in the last of its workers; 0 is never."""
    nan_at: Annotated[int, Field(ge=0)] = 0
    """Step at which the loss is not finite; 0 is never."""
    starve_at: Annotated[int, Field(ge=0)] = 0
    """Step at which memory runs out; 0 is never."""
    kill_at: Annotated[int, Field(ge=0)] = 0
    """Step at which the process kills itself; 0 is never."""
    log_every: Annotated[int, Field(ge=1)] = 1
    checkpoint_every: Annotated[int, Field(ge=0)] = 5
    evaluate_every: Annotated[int, Field(ge=0)] = 0


class ToyEvaluation(Config):
    """How the walk is scored."""

    threshold: Annotated[float, Field(gt=0)] = 1.0


class ToyData(Config):
    """Points on a line, made from a seed."""

    videos: Annotated[int, Field(ge=1)] = 8
    seed: Annotated[int, Field(ge=0)] = 0


class ToyConfig(Config):
    """One trial of the toy task, without its seed."""

    model: ToyModel = ToyModel()
    data: ToyData = ToyData()
    training: ToyTraining = ToyTraining()
    evaluation: ToyEvaluation = ToyEvaluation()
