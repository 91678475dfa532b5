"""What `search:` of an experiment may say.

search:
  sampler: tpe
  trials: 24
  objective: {val/ap: max}
  pruner: asha
  space: {training.lr: {log_uniform: [1.0e-4, 1.0e-2]}, model.reference.frames: {choice: [0, 1, 2]}}
  when:  {model.reference.tokens: {model.reference.frames: [1, 2]}}

The space itself is read by rcflab.search.space. Loads no Optuna.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from rcf.config import Config

SamplerName = Literal["tpe", "random", "gp", "cma-es", "nsga2", "grid"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)
Direction = Literal["max", "min"]
OPTUNA: Mapping[Direction, Literal["maximize", "minimize"]] = {"max": "maximize", "min": "minimize"}
"""What Optuna calls a direction."""
FIRST_SEED = 1000
"""Seeds of trials begin here, above all seeds of experiments: a table never holds a training that was selected on."""


class AshaPruner(Config):
    """Successive halving: at steps first, first * reduction, ... only the best 1 of `reduction` trials go on."""

    kind: Literal["asha"] = "asha"
    first: Annotated[int, Field(ge=1)] | None = None
    """Step of the first decision; the first evaluation on the way when null."""
    reduction: Annotated[int, Field(ge=2)] = 3


class MedianPruner(Config):
    """Stops a trial that is worse than the median of the complete trials at the same step."""

    kind: Literal["median"] = "median"
    first: Annotated[int, Field(ge=1)] | None = None
    """Step of the first decision; the first evaluation on the way when null."""
    complete: Annotated[int, Field(ge=1)] = 4
    """Trials that must be complete before any is stopped."""


class WilcoxonPruner(Config):
    """Stops a trial that is worse than the best complete one at the same step, video by video (signed ranks)."""

    kind: Literal["wilcoxon"] = "wilcoxon"
    first: Annotated[int, Field(ge=1)] | None = None
    """Step of the first decision; the first evaluation on the way when null."""
    p: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Of the one-sided test, at each decision: several decisions stop more trials by chance than one."""


def _named(value: Any) -> Any:
    """`asha` stands for {kind: asha}."""
    return {"kind": value} if isinstance(value, str) else value


Pruner = Annotated[AshaPruner | MedianPruner | WilcoxonPruner, Field(discriminator="kind"), BeforeValidator(_named)]


class SearchConfig(Config):
    """A search over fields of the configuration, before the arms are trained."""

    sampler: SamplerName = "tpe"
    """`tpe`: tree-structured Parzen estimator. `gp`: Gaussian process. `cma-es`: numeric fields. `nsga2`: several
    objectives. `grid`: every combination of `choice` and `int`."""
    trials: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Of each study: complete, pruned, failed and imported ones together. May be left out for `grid`. Raised, the
    search goes on where it ended."""
    objective: Annotated[dict[str, Direction], Field(min_length=1)]
    """Metric of the final evaluation -> `max` or `min`. One has a winner, several have a Pareto front."""
    pruner: Pruner | None = None
    """Stops trials on the way, after an evaluation (training.evaluate_every); `asha` or {kind: asha, first: 100}."""
    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    """Trainings of each trial, at seeds 1000, 1001, ...: the sampler sees their mean. A pruner looks at the first."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the sampler."""
    per_arm: bool = False
    """Search for each arm with `trials` trials of its own; otherwise for the baseline, and all arms get its values."""
    space: dict[str, dict[str, list[Any]]]
    """Dotted path -> {log_uniform: [low, high]}, {uniform: [low, high]}, {int: [low, high]} or {choice: [...]}."""
    when: dict[str, dict[str, list[Any]]] | None = None
    """A field that is searched only where another one has given values, as in designs. Elsewhere it stays as the
    experiment has it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        several = len(self.objective) > 1
        if self.trials is None and self.sampler != "grid":
            raise ValueError(f"`trials`, the number of trials, with sampler {self.sampler}")
        if several and self.sampler == "cma-es":
            raise ValueError("one objective with sampler cma-es; nsga2, tpe, gp, random and grid take several")
        if several and self.pruner is not None:
            raise ValueError("one objective with a pruner, or no pruner: nothing says which of several goes first")
        if several and self.per_arm:
            raise ValueError("one objective with per_arm, since a front gives no winner for an arm")
        return self
