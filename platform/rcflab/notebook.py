"""What is different where a notebook is the terminal: where progress goes, and how a figure is shown.

IPython is never loaded from here: where it runs, it is loaded.
"""

import importlib
import sys
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console


def progress_console() -> Console:
    """Plain lines: on stdout in a notebook, which shows stderr as if all of it were faults; elsewhere on stderr."""
    if _shell() is None:
        return Console(stderr=True)
    # Its stdout says that it is a terminal, but a panel that is drawn over and over would be kept line by line.
    return Console(file=sys.stdout, force_terminal=False, force_jupyter=False)


def show_figures() -> None:
    """Let a notebook show a Figure that is the last line of a cell, as it does once pyplot has drawn something.

    Leaves the choice of a user who has made one.
    """
    shell = _shell()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters.values()
    if not any(Figure in formatter.type_printers for formatter in formatters):
        importlib.import_module("IPython.core.pylabtools").select_figure_formats(shell, {"png"})


def _shell() -> Any:
    """The shell of a notebook; None in a script, a terminal, a plain interpreter."""
    ipython = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    return shell if type(shell).__name__ == "ZMQInteractiveShell" else None
