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

class Run:
    info: RunInfo
    data: RunData

class Experiment:
    experiment_id: str
    name: str
    lifecycle_stage: str
    tags: dict[str, str]
    artifact_location: str

class FileInfo:
    path: str
    is_dir: bool
