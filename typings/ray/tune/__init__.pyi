"""What rcflab uses of Ray Tune 2.60."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.search import Searcher

class Trainable:
    def setup(self, config: dict[str, Any]) -> None: ...
    def step(self) -> dict[str, Any]: ...
    def reset_config(self, new_config: dict[str, Any]) -> bool: ...
    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any] | None: ...
    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None: ...
    def cleanup(self) -> None: ...

class Stopper:
    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool: ...
    def stop_all(self) -> bool: ...

class Callback:
    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: object
    ) -> None: ...
    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None: ...
    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None: ...

class FailureConfig:
    def __init__(self, max_failures: int = ...) -> None: ...

class CheckpointConfig:
    def __init__(self, checkpoint_frequency: int = ..., checkpoint_at_end: bool | None = ...) -> None: ...

class CLIReporter:
    def __init__(self) -> None: ...

class RunConfig:
    def __init__(
        self,
        *,
        name: str | None = ...,
        storage_path: str | None = ...,
        failure_config: FailureConfig | None = ...,
        checkpoint_config: CheckpointConfig | None = ...,
        callbacks: Sequence[Callback] | None = ...,
        stop: Stopper | None = ...,
        verbose: int = ...,
        progress_reporter: CLIReporter | None = ...,
    ) -> None: ...

class TuneConfig:
    def __init__(
        self,
        *,
        search_alg: Searcher | None = ...,
        num_samples: int = ...,
        reuse_actors: bool = ...,
        max_concurrent_trials: int | None = ...,
        trial_name_creator: Callable[[Trial], str] | None = ...,
        trial_dirname_creator: Callable[[Trial], str] | None = ...,
    ) -> None: ...

class Result:
    error: Exception | None
    config: dict[str, Any] | None

class ResultGrid:
    def __iter__(self) -> Iterator[Result]: ...

class Tuner:
    def __init__(
        self,
        trainable: object,
        *,
        param_space: Mapping[str, object] | None = ...,
        tune_config: TuneConfig | None = ...,
        run_config: RunConfig | None = ...,
    ) -> None: ...
    def fit(self) -> ResultGrid: ...

def grid_search(values: Sequence[object]) -> dict[str, Any]: ...
def with_resources(trainable: object, resources: Mapping[str, float]) -> object: ...
