"""What rcflab uses of Ray 2.60."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, ParamSpec, TypedDict, TypeVar

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
    _temp_dir: str | None = ...,
) -> object: ...
def shutdown() -> None: ...

class RuntimeContext:
    gcs_address: str
    def get_job_id(self) -> str: ...
    def get_node_id(self) -> str: ...

def get_runtime_context() -> RuntimeContext: ...

Given = ParamSpec("Given")
Answer = TypeVar("Answer", covariant=True)

class ObjectRef(Generic[Answer]): ...

class RemoteFunction(Generic[Given, Answer]):
    def options(self, *, scheduling_strategy: object = ...) -> RemoteFunction[Given, Answer]: ...
    def remote(self, *args: Given.args, **kwargs: Given.kwargs) -> ObjectRef[Answer]: ...

class _Node(TypedDict):
    NodeID: str
    NodeManagerAddress: str
    Alive: bool
    Resources: dict[str, float]

def remote(
    *, num_cpus: float = ..., max_retries: int = ...
) -> Callable[[Callable[Given, Answer]], RemoteFunction[Given, Answer]]: ...
def nodes() -> list[_Node]: ...
def get(refs: Sequence[ObjectRef[Answer]]) -> list[Answer]: ...
