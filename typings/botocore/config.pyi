from collections.abc import Mapping

class Config:
    def __init__(self, *, s3: Mapping[str, str] | None, retries: Mapping[str, int]) -> None: ...
