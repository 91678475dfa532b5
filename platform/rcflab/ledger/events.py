"""What can be written in a ledger: six kinds of event, each with its timestamp fixed at birth.

    attempt started --> metrics ... checkpoint ... evaluation ... best ... --> finished | failed | interrupted | pruned

One JSON object a line, with a checksum; see writer.py for the promise and reader.py for how they fold into a state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rcflab.records import Json

Failure = Literal["error", "non_finite", "out_of_memory", "worker_lost", "node_lost", "preempted"]
"""The classes of failure, which decide whether a training is tried again."""


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A process began (or resumed) the training of this key."""

    ts_ms: int
    attempt: int
    """The fencing token of the lease: grows by one with each owner."""
    step: int
    """Step from which training goes on."""
    provenance: Mapping[str, Json]
    """rcflab.records.Provenance as a dictionary."""
    pid: int
    kind: Literal["attempt"] = "attempt"


@dataclass(frozen=True, slots=True)
class Metrics:
    """Training metrics at one step (all finite)."""

    ts_ms: int
    step: int
    values: Mapping[str, float]
    kind: Literal["metrics"] = "metrics"


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A checkpoint was committed."""

    ts_ms: int
    step: int
    path: str
    """Relative to the storage root."""
    sha256: str
    """Of the checkpoint's manifest."""
    kind: Literal["checkpoint"] = "checkpoint"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation under one evaluation configuration."""

    ts_ms: int
    step: int
    eval_key: str
    final: bool
    """True for the evaluation of the finished training: the one that tables use."""
    values: Mapping[str, float]
    videos_digest: str
    records: str
    """npz path relative to the storage root."""
    artifacts: tuple[str, ...]
    """File paths relative to the storage root."""
    code_digest: str
    kind: Literal["evaluation"] = "evaluation"


@dataclass(frozen=True, slots=True)
class BestKept:
    """The checkpoint of the best evaluation so far was put aside."""

    ts_ms: int
    step: int
    path: str
    """Relative to the storage root; that of the last checkpoint where the last evaluation is the best."""
    sha256: str
    """Of the checkpoint's manifest."""
    eval_key: str
    """The evaluation that decides."""
    metric: str
    value: float
    kind: Literal["best"] = "best"


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Training came to an end: `pruned` is that of a trial which a search does not follow to its last step."""

    ts_ms: int
    step: int
    state: Literal["finished", "failed", "interrupted", "pruned"]
    reason: str = ""
    """For people: exception class and message, first line."""
    failure: Failure | Literal[""] = ""
    """Also of an interrupted attempt, where it lost its process."""
    kind: Literal["state"] = "state"


Event = AttemptStarted | Metrics | CheckpointSaved | Evaluated | BestKept | StateChanged
