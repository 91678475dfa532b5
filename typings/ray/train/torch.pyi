"""What rcflab uses of Ray Train's torch backend."""

from collections.abc import Callable, Mapping
from typing import Any

from ray.train import Result, RunConfig, ScalingConfig

class TorchConfig:
    def __init__(self, backend: str | None = ..., timeout_s: int = ...) -> None: ...

class TorchTrainer:
    def __init__(
        self,
        train_loop_per_worker: Callable[[dict[str, Any]], object],
        *,
        train_loop_config: Mapping[str, object] | None = ...,
        torch_config: TorchConfig | None = ...,
        scaling_config: ScalingConfig | None = ...,
        run_config: RunConfig | None = ...,
    ) -> None: ...
    def fit(self) -> Result: ...
