"""What rcflab uses of Ray 2.60."""

from collections.abc import Mapping

def init(
    address: str | None = ...,
    *,
    num_cpus: int | None = ...,
    num_gpus: int | None = ...,
    object_store_memory: int | None = ...,
    include_dashboard: bool | None = ...,
    configure_logging: bool = ...,
    logging_level: int | str = ...,
    log_to_driver: bool | None = ...,
    runtime_env: Mapping[str, object] | None = ...,
) -> object: ...
def shutdown() -> None: ...
def cluster_resources() -> dict[str, float]: ...
