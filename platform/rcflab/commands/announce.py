"""How a run went, told to the hooks of its experiment (`notify:`).

block ends --class of its fault--> finished | failed | budget | interrupted --notify--> hooks
                                   experiment, counts of cells, path of the table, first error
"""

import threading
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich.console import Console

from rcflab.budget import Item
from rcflab.errors import BudgetSpentError, InterruptedRunError, LabError
from rcflab.notify import Hook, notify
from rcflab.policy_config import Event
from rcflab.records import Json
from rcflab.session import Session, read_ledger


@contextmanager
def announced(session: Session, hooks: Sequence[Hook], console: Console) -> Generator[None]:
    """Tell the hooks how the block ended, whatever it ended in; what it raises goes on."""
    try:
        yield
    except BaseException as error:
        announce(session, hooks, console, _event_of(error), str(error) or type(error).__name__)
        raise
    announce(session, hooks, console, "finished")


def announce_near(session: Session, hooks: Sequence[Hook], console: Console, item: Item) -> None:
    """Warn people and hooks that a limit of the budget is nearly reached."""
    text = f"warning: {item} are spent; at budget.{item.field} the run ends, with checkpoints"
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    # Hooks may take seconds, and who watches the budget has none.
    threading.Thread(target=announce, args=(session, hooks, console, "budget", text), name="rcflab-hooks").start()


def announce(session: Session, hooks: Sequence[Hook], console: Console, event: Event, fault: str = "") -> None:
    """Tell the hooks; whoever cannot be told costs a line."""
    if not any(event in hook.on for hook in hooks):
        return
    for line in notify(hooks, event, _body(session, fault)):
        console.print(f"warning: {line}", markup=False, highlight=False, soft_wrap=True)


def _event_of(error: BaseException) -> Event:
    match error:
        case BudgetSpentError():
            return "budget"
        case InterruptedRunError() | KeyboardInterrupt():
            return "interrupted"
        case _:
            return "failed"


def _body(session: Session, fault: str) -> dict[str, Json]:
    table = session.experiment_folder / "table.md"
    try:
        view = read_ledger(session, series=False)
    except LabError:  # the event itself may be that the storage cannot be read
        return {"experiment": session.spec.name, "counts": {}, "table": None, "error": fault or None}
    failed = next((cell for cell in session.plan.cells if view.states[cell.eval_key] == "failed"), None)
    reason = "" if failed is None else f"{failed.arm} seed {failed.seed}: {view.keys[failed.train_key].reason}"
    return {
        "experiment": session.spec.name,
        "counts": dict(Counter(view.states[cell.eval_key] for cell in session.plan.cells)),
        "table": str(table) if table.exists() else None,
        "error": fault or None,
        "first_failure": reason or None,
    }
