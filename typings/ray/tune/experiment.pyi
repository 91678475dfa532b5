"""What rcflab uses of Ray Tune's trials."""

from typing import Any

class Trial:
    config: dict[str, Any]
