"""Faults on demand at named points, so that crash tests strike the same place each time.

    RCFLAB_FAULT="ledger.append:kill:3"   SIGKILL itself when it passes the point the third time
                       point:action:count

Actions: `kill` (SIGKILL to this process), `raise` (InjectedFault), `sleep=SECONDS`. Without the variable a point costs
one look into the environment. Points: `ledger.append`, `ship.run_created`, `checkpoint.files`, `checkpoint.manifest`,
`checkpoint.rename`, the same three of the best checkpoint as `best.*`, `store.sent`, `train.step`, and `follow.step` on
other ranks;
of a search `search.asked`, `search.written`, `search.reported`, `search.tell`, `search.told` and `search.adopted`.
"""

import os
import signal
import threading
import time
from collections import Counter

FAULT_VARIABLE = "RCFLAB_FAULT"

_hits: Counter[str] = Counter()
_lock = threading.Lock()


class InjectedFault(RuntimeError):
    """Raised by the action `raise`; deliberately no RcfError, since it stands for a defect that nobody expected."""


def fault_point(name: str) -> None:
    """Pass the point `name`; does nothing unless the environment asks for a fault here and now.

    Raises InjectedFault for the action `raise`, ValueError where RCFLAB_FAULT cannot be read.
    """
    wish = os.environ.get(FAULT_VARIABLE)
    if not wish or not wish.startswith(f"{name}:"):
        return
    try:
        _, action, count = wish.split(":")
        wanted = int(count)
    except ValueError:
        raise ValueError(
            f"{FAULT_VARIABLE}: got {wish!r}, expected point:action:count, like train.step:kill:3"
        ) from None
    with _lock:
        _hits[wish] += 1
        due = _hits[wish] == wanted
    if due:
        _strike(name, action)


def reset_faults() -> None:
    """Forget how often each point was passed: for tests that strike twice in one process."""
    with _lock:
        _hits.clear()


def _strike(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "raise":
        raise InjectedFault(f"fault asked for at {name}")
    elif action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))
    else:
        raise ValueError(f"{FAULT_VARIABLE}: got action {action!r}, expected kill, raise or sleep=SECONDS")
