"""What an experiment file may say: an envelope around the configuration of one task.

    name, baseline, arms x seeds, resources, storage, tracking, table      the envelope, equal for every task
    task: rcf -> RcfExperiment = envelope + RcfConfig                      the network
    task: toy -> ToyExperiment = envelope + ToyConfig                      two parameters, for tests

The only module of the platform's core that looks at `rcf.config`.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rcf.config import SYNTHETIC_VERSION, Config, RcfConfig
from rcflab.design.factor import DesignKind
from rcflab.metrics import METRICS
from rcflab.paper import paper_tables
from rcflab.policy_config import BudgetConfig, ErrorLimit, HookConfig, OnTrialError, RetriesConfig
from rcflab.search.config import SearchConfig
from rcflab.storage.address import fault_of_url
from rcflab.suggest import nearest
from rcflab.toy_config import BATCH, ToyConfig

__all__ = [
    "EXPERIMENTS",
    "MOST_CELLS",
    "SECTIONS",
    "SYNTHETIC_VERSION",
    "TASK_CONFIGS",
    "Config",
    "Envelope",
    "ExperimentSpec",
    "RcfExperiment",
    "ResourcesConfig",
    "StorageConfig",
    "TTestConfig",
    "TableConfig",
    "ToyExperiment",
    "TrackingConfig",
    "batch_of",
    "table_metrics",
]


def _fixed(workers: Any) -> Any:
    """Elastic groups are refused with the reason, since Ray Train has them and people ask for them."""
    if isinstance(workers, (list, tuple, dict)):
        raise ValueError(
            "one whole number: a group that grows and shrinks while it trains adds in another order after each change, "
            "so a cell would depend on which machines came and went. Set resources.grows to wait for machines instead"
        )
    return workers


class ResourcesConfig(Config):
    """Where and how wide the cells run; never part of a key."""

    executor: Literal["auto", "inline", "train"] = "auto"
    """`inline` in the Tune actor, `train` in a Ray Train run inside it; `auto`: `train` for a GPU or many workers."""
    workers: Annotated[int, Field(ge=1), BeforeValidator(_fixed)] = 1
    """Processes that train one cell together, each on its share of a step's clips. It must divide them. Each lies on
    one node; those of a cell lie on one node where it has room for them, and else on several."""
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of each worker."""
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    collective_timeout_s: Annotated[int, Field(ge=1)] = 600
    """Seconds that a worker waits for the others before the group counts as hanging and is started anew. Longer than
    the longest thing that one of them does alone: writing a checkpoint, scoring an evaluation."""
    max_concurrent: Annotated[int, Field(ge=1)] | None = None
    """Cells at a time; as many as fit on the nodes that are there when null, and never more unless `grows`."""
    grows: bool = False
    """The cluster of RAY_ADDRESS has an autoscaler: `max_concurrent` cells are asked for, whatever is there, and it
    brings nodes for them. Ray does not tell what a cluster could grow to, so nothing is refused beforehand."""
    order: Literal["arms", "seeds"] = "arms"
    """Which cells start first: `arms` as in the table, all seeds of an arm after one another; `seeds` all arms at seed
    0, then all at seed 1, so that arms can be compared early. Jobs of a Ray cluster have no priorities among each
    other: who wants to leave room for others sets `max_concurrent`."""
    reuse: bool = True
    """Run many cells in one actor; false starts a fresh process for each."""
    retire_after: Annotated[int, Field(ge=1)] = 50
    """Cells after which a reused actor is replaced."""

    @model_validator(mode="after")
    def _growth_has_an_end(self) -> Self:
        if self.grows and self.max_concurrent is None:
            raise ValueError("max_concurrent beside grows: how many cells the grown cluster should hold at a time")
        return self


def _usable_address(root: str) -> str:
    fault = fault_of_url(root)
    if fault is not None:
        raise ValueError(fault)
    return root


class StorageConfig(Config):
    """Where everything that a run writes is kept."""

    root: Annotated[str, Field(min_length=1), AfterValidator(_usable_address)] = "runs"
    """A folder that all nodes see, or the address of a store of objects, say s3://bucket/runs."""


def _without_password(uri: str) -> str:
    """A password in an address ends up in logs and lists of processes."""
    try:
        parts = urlsplit(uri)
        secret = parts.password is not None or (parts.scheme in ("http", "https") and parts.username is not None)
    except ValueError:
        secret = True
    if secret:
        raise ValueError(
            "an address without name and password: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "~/.mlflow/credentials, have them for a server (~/.pgpass for PostgreSQL itself)"
        )
    return uri


class TrackingConfig(Config):
    """Which MLflow store hears of the trials."""

    uri: Annotated[str, Field(min_length=1), AfterValidator(_without_password)] = "auto"
    """`auto` is a SQLite file below the storage root, `none` is no tracking, all else is an MLflow tracking URI."""


def _known_metrics(keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for key in keys or ():
        if key not in METRICS:
            raise ValueError(f"known metric keys, which {key!r} is not{nearest(key, METRICS)}")
    if keys is not None and (not keys or len(set(keys)) != len(keys)):
        raise ValueError("at least one metric, each named once")
    return keys


def _known_metric(key: str | None) -> str | None:
    _known_metrics(None if key is None else (key,))
    return key


class TTestConfig(Config):
    """A t-test of each arm against each baseline, beside the tests that give verdicts: it makes nothing bold."""

    unit: Literal["video", "category", "seed"] = "video"
    """What is taken for independent: scores of videos and of categories are the mean over the seeds. `video` is the
    best guess at the paper's table 12."""
    statistic: Annotated[str | None, AfterValidator(_known_metric)] = None
    """The metric of one unit; the primary metric when null."""
    paired: bool = True
    """Unit by unit; false is Welch's test of two separate samples."""


def _known_paper(name: str | None) -> str | None:
    if name is not None and name not in paper_tables():
        raise ValueError(f"one of the paper's tables {', '.join(paper_tables())}{nearest(name, paper_tables())}")
    return name


class TableConfig(Config):
    """What the table shows."""

    metrics: Annotated[tuple[str, ...] | None, Field(strict=False), AfterValidator(_known_metrics)] = None
    """Metric keys, in column order; the task's own choice when null."""
    layout: Literal["arms", "knobs", "both"] = "arms"
    """What a row is called by: its arm, or the fields in which arms differ (`knobs`, ✓ and ✗ for what is on or off, as
    in a paper's table), or `both`."""
    paper: Annotated[str | None, AfterValidator(_known_paper)] = None
    """Name of the paper's table that this experiment repeats (rcflab/paper.yaml): quoted below the rows of our own."""
    primary: Annotated[str | None, AfterValidator(_known_metric)] = None
    """The one metric whose differences are tested; the first of `metrics` that match records can give when null."""
    resamples: Annotated[int, Field(ge=0, le=100_000)] = 2_000
    """Samples of the videos behind the intervals; 0 leaves intervals and tests out."""
    equivalence_margin: Annotated[float | None, Field(gt=0)] = None
    """Differences of the primary metric below this do not matter, in its unit. It allows verdicts of "no difference",
    and it has to be written down before the run."""
    seed_variance: Literal["own", "pooled"] = "own"
    """Whose variance over seeds an interval has: that of its arm and baseline, or one of all arms of the table, with
    more degrees of freedom. `pooled` holds where arms vary alike, and has to be written down before the run."""
    tests: Annotated[tuple[TTestConfig, ...], Field(strict=False)] = ()
    """t-tests to print beside, in table.statistics.md and table.json: `tests: [{unit: video, statistic: val/ap50}]`."""
    effects: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    """Effects of a factorial or fractional design: factors (`queries`) and interactions (`frames*queries`). An
    interaction that the fraction cannot tell from another effect is refused; a main effect says what it comes with."""

    @model_validator(mode="after")
    def _effects_can_be_tested(self) -> Self:
        if self.effects and not self.resamples:
            raise ValueError("resamples above 0, since effects are tested with them; or no effects")
        return self


def _arm_name(name: str) -> str:
    if not name.isprintable() or "," in name or name != name.strip() or not 1 <= len(name) <= 200:
        raise ValueError("an arm name has 1 to 200 printable characters, no comma and no space around it")
    return name


MOST_CELLS = 10_000
ArmName = Annotated[str, AfterValidator(_arm_name)]


class Envelope(Config):
    """All of an experiment but the task's configuration."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Lower case letters, digits and hyphens: it becomes a folder and an MLflow experiment."""
    baseline: ArmName
    """The arm that all others are compared with. With `factors` it may be left out (`baseline`), be another name for
    the baseline of the design, or name one of its other arms, like `frames=1 queries=20`. A list compares all arms with
    each of its arms; differences in the main table are to the first."""
    more_baselines: Annotated[tuple[ArmName, ...], Field(strict=False)] = ()
    """The others of such a list: write `baseline: [a, b]`."""
    arms: Annotated[dict[ArmName, dict[str, Any]], Field(min_length=1)]
    """Arm name -> {dotted path: value}, in table order. With `factors` they are made from these (rcflab/design)."""
    factors: dict[str, list[Any]] | None = None
    """Instead of `arms`: dotted path -> its levels, the baseline's first (low before high, off before on):
    `factors: {model.reference.frames: [0, 1], model.queries: [10, 20]}`. In arm names a factor has the shortest end of
    its path that is its own: `frames=1 queries=20`. Every arm sets all of its factors."""
    design: DesignKind | None = None
    """How levels are combined.
    `one_at_a_time`: first levels (the baseline), then each other level alone; arms are called by what they change.
    `leave_one_out`: two levels each; all last ones (the baseline), then each factor alone at its first.
    `factorial`: all combinations; the baseline has all first levels.
    `fractional`: two levels each; all combinations of the factors without a generator, the first is the baseline."""
    when: dict[str, dict[str, list[Any]]] | None = None
    """Factors that exist only where one other factor, written above them, has given levels:
    `when: {tokens: {frames: [1, 2]}}`. Elsewhere the field is as the experiment has it, and no arm is made for it."""
    generators: dict[str, str] | None = None
    """For `fractional`: factor -> product of other factors, low as -1 and high as +1: `generators: {c: a*b}`, or
    `-a*b` for the other half. `rcflab plan` shows the resolution and what cannot be told apart."""
    most_cells: Annotated[int, Field(ge=1, le=1_000_000)] = MOST_CELLS
    """Arms x seeds beyond which an experiment is taken for a slip of the pen, and refused without being listed."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of seeds; they are 0 .. seeds - 1."""
    search: SearchConfig | None = None
    """Fields whose best values are searched before the arms are trained with them (rcflab/search/config.py)."""
    tuned: str | None = None
    """How the values of this file were found, in a sentence: printed below its tables. A search writes it."""
    seeds_planned: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Number of seeds in the end, where a table is looked at on the way: written down before the first run, it keeps
    more seeds from looking as if they had been added until the test pleased."""
    resources: ResourcesConfig = ResourcesConfig()
    storage: StorageConfig = StorageConfig()
    tracking: TrackingConfig = TrackingConfig()
    table: TableConfig = TableConfig()
    on_trial_error: OnTrialError = ErrorLimit()
    """`continue` with the others, `stop` at once, or `{stop_after: N}` failed trainings; what runs then saves a
    checkpoint."""
    retries: RetriesConfig = RetriesConfig()
    budget: BudgetConfig = BudgetConfig()
    notify: Annotated[tuple[HookConfig, ...], Field(strict=False)] = ()


class RcfExperiment(Envelope, RcfConfig):
    """An ablation of the network."""

    task: Literal["rcf"] = "rcf"


class ToyExperiment(Envelope, ToyConfig):
    """An ablation of the two-parameter toy."""

    task: Literal["toy"] = "toy"


ExperimentSpec = RcfExperiment | ToyExperiment

EXPERIMENTS: dict[str, type[RcfExperiment] | type[ToyExperiment]] = {"rcf": RcfExperiment, "toy": ToyExperiment}
TASK_CONFIGS: dict[str, type[RcfConfig] | type[ToyConfig]] = {"rcf": RcfConfig, "toy": ToyConfig}
SECTIONS: dict[str, tuple[str, ...]] = {name: tuple(config.model_fields) for name, config in TASK_CONFIGS.items()}
"""The sections of each task that arms may change."""
_BATCHES: dict[str, Callable[[Mapping[str, Any]], tuple[int, int]]] = {
    "rcf": lambda config: (config["training"]["clips_per_step"], config["training"]["accumulate"]),
    "toy": lambda config: (BATCH, 1),
}


def batch_of(task: str, config: Mapping[str, Any]) -> tuple[int, int]:
    """Samples of one step of a resolved configuration, and the parts in which each worker computes its share."""
    return _BATCHES[task](config)


_DEFAULT_METRICS = {"rcf": ("val/ap", "val/ap50", "val/ap75", "val/ar1", "val/ar10"), "toy": ("toy/score",)}


def table_metrics(spec: ExperimentSpec) -> tuple[str, ...]:
    """The metric keys of the experiment's table."""
    return spec.table.metrics or _DEFAULT_METRICS[spec.task]
