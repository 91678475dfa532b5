"""What rcflab uses of Ray Tune's trials."""

from typing import Any

class Trial:
    trial_id: str
    config: dict[str, Any]
    max_failures: int
    @property
    def error_file(self) -> str | None: ...
