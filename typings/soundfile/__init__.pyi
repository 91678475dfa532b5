from pathlib import Path
from typing import Any

from numpy.typing import NDArray

class LibsndfileError(RuntimeError): ...

class SoundFile:
    samplerate: int
    channels: int
    frames: int
    format: str
    extra_info: str
    def __init__(self, file: Path) -> None: ...
    def __enter__(self) -> SoundFile: ...
    def __exit__(self, *error: object) -> None: ...
    def read(self, frames: int, dtype: str = "float64", always_2d: bool = False) -> NDArray[Any]: ...

def write(
    file: Path, data: NDArray[Any], samplerate: int, subtype: str | None = None, format: str | None = None
) -> None: ...
