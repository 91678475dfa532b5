"""The records that the client takes and gives."""

class Metric:
    key: str
    value: float
    timestamp: int
    step: int
    def __init__(self, key: str, value: float, timestamp: int, step: int) -> None: ...

class Param:
    def __init__(self, key: str, value: str) -> None: ...

class RunTag:
    def __init__(self, key: str, value: str) -> None: ...

class RunInfo:
    run_id: str
    run_name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str

class RunData:
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]

class RunOutputs:
    model_outputs: list[LoggedModelOutput]

class Run:
    info: RunInfo
    data: RunData
    outputs: RunOutputs | None

class Experiment:
    experiment_id: str
    name: str
    lifecycle_stage: str
    tags: dict[str, str]
    artifact_location: str

class FileInfo:
    path: str
    is_dir: bool

class Dataset:
    def __init__(self, name: str, digest: str, source_type: str, source: str) -> None: ...

class InputTag:
    def __init__(self, key: str, value: str) -> None: ...

class DatasetInput:
    def __init__(self, dataset: Dataset, tags: list[InputTag] | None = None) -> None: ...

class LoggedModel:
    model_id: str
    name: str
    tags: dict[str, str]

class LoggedModelOutput:
    model_id: str
    def __init__(self, model_id: str, step: int) -> None: ...
