from collections.abc import Mapping
from typing import Any

from torch import nn

class PretrainedCfg:
    tag: str | None
    hf_hub_id: str | None
    hf_hub_filename: str | None
    fixed_input_size: bool
    @property
    def has_weights(self) -> object: ...

def group_parameters(
    module: nn.Module, group_matcher: Mapping[str, Any], return_values: bool = False, reverse: bool = False
) -> dict[str, int]: ...
