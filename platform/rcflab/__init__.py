"""The experiment platform: one YAML in, ablation table out.

    import rcflab
    experiment = rcflab.open("experiments/quickstart.yaml")
    experiment.plan()        # a DataFrame of cells and their states
    experiment.run()         # trains what is missing and returns the table
    experiment.results()     # a DataFrame of final evaluations

Names are loaded when they are asked for: `import rcflab` alone loads nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rcflab.errors import InputError, RcfError
    from rcflab.experiment import Experiment
    from rcflab.experiment import open_yaml as open
    from rcflab.table_view import TableView

__all__ = ["Experiment", "InputError", "RcfError", "TableView", "open"]

_PLACES = {
    "Experiment": ("rcflab.experiment", "Experiment"),
    "InputError": ("rcflab.errors", "InputError"),
    "RcfError": ("rcflab.errors", "RcfError"),
    "TableView": ("rcflab.table_view", "TableView"),
    "open": ("rcflab.experiment", "open_yaml"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'rcflab' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, attribute = _PLACES[name]
    return getattr(importlib.import_module(module), attribute)
