"""RCF: online video instance segmentation via robust context fusion (arXiv 2207.05580).

    import rcf
    model = rcf.load("runs/cells/0123456789abcdef")
    for seen in model.segment(frames):                       # frames: uint8 tensors 3 H W
        print(seen.identities.tolist(), model.names(seen))

`import rcf` alone loads no torch: `load` comes when it is asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rcf.trained import TrainedNetwork, load

__all__ = ["TrainedNetwork", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rcf' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module("rcf.trained"), name)
