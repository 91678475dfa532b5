"""What rcflab uses of Ray Train V2 2.60."""

from collections.abc import Mapping
from typing import Any

from pyarrow.fs import PyFileSystem

class ScalingConfig:
    def __init__(
        self, *, num_workers: int = ..., use_gpu: bool = ..., resources_per_worker: Mapping[str, float] | None = ...
    ) -> None: ...

class FailureConfig:
    def __init__(self, max_failures: int = ..., *, max_preemption_failures: int = ...) -> None: ...

class RunConfig:
    def __init__(
        self,
        *,
        name: str | None = ...,
        storage_path: str | None = ...,
        storage_filesystem: PyFileSystem | None = ...,
        failure_config: FailureConfig | None = ...,
    ) -> None: ...

class TrainContext:
    def get_world_rank(self) -> int: ...
    def get_world_size(self) -> int: ...

class Result:
    return_value: dict[str, Any] | None

class WorkerGroupError(Exception):
    worker_failures: Mapping[int, Exception]

class PreemptionError(Exception): ...

class PreemptionInfo:
    deadline_ms: int | None

def get_preemption_info() -> PreemptionInfo | None: ...
def get_context() -> TrainContext: ...
