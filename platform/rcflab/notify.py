"""Tell people, or their programs, how a run went: one JSON object to each hook that asked for such an event.

    HookConfig --${env:NAME} filled in--> Hook --POST, or standard input of a command--> delivered | one line why not

A hook can do a run no harm: it has ten seconds, and what goes wrong is told and forgotten. Addresses and commands may
hold secrets, so no message of ours repeats them.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rcflab.errors import InputError, Problem
from rcflab.policy_config import VARIABLE, Event, HookConfig
from rcflab.records import Json

TIMEOUT_S = 10.0
_GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook, ready to be used."""

    name: str
    """For messages: its place in the file."""
    on: tuple[Event, ...]
    webhook: str | None = field(default=None, repr=False)
    command: tuple[str, ...] | None = field(default=None, repr=False)


def hooks_of(configs: Sequence[HookConfig], environment: Mapping[str, str]) -> list[Hook]:
    """The hooks of an experiment with their variables filled in; raises InputError where one is not set."""
    problems: list[Problem] = []
    hooks: list[Hook] = []
    for index, config in enumerate(configs):
        texts = [config.webhook] if config.webhook is not None else [*(config.command or ())]
        missing = [name for text in texts for name in VARIABLE.findall(text) if name not in environment]
        problems += [
            Problem(f"notify.{index}", "", f"${{env:{name}}}, which is not set", "a variable", f"Set {name}")
            for name in missing
        ]
        filled = tuple(VARIABLE.sub(lambda match: environment.get(match[1], ""), text) for text in texts)
        is_web = config.webhook is not None
        hooks.append(Hook(f"notify.{index}", config.on, filled[0] if is_web else None, None if is_web else filled))
    if problems:
        raise InputError(problems)
    return hooks


def notify(hooks: Sequence[Hook], event: Event, body: Mapping[str, Json], timeout_s: float = TIMEOUT_S) -> list[str]:
    """Tell all `hooks` that want `event`, side by side; returns a line for each that could not be told."""
    wanted = [hook for hook in hooks if event in hook.on]
    if not wanted:
        return []
    content = json.dumps({"event": event, **body}, allow_nan=False).encode()
    faults = dict.fromkeys(range(len(wanted)), f"it took longer than {timeout_s:g} s")

    def tell(index: int) -> None:
        faults[index] = _tell(wanted[index], content, timeout_s)

    # Threads that may be left behind: a name server that does not answer heeds no time limit.
    threads = [threading.Thread(target=tell, args=(index,), daemon=True) for index in range(len(wanted))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout_s + _GRACE_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [f"{wanted[index].name} was not told of {event}: {fault}" for index, fault in faults.items() if fault]


def _tell(hook: Hook, content: bytes, timeout_s: float) -> str:
    """Why the hook could not be told, or an empty string. Only the class of an error: its text may hold the address."""
    try:
        if hook.webhook is not None:
            return _post(hook.webhook, content, timeout_s)
        assert hook.command is not None, "a hook is one of both"
        return _run(hook.command, content, timeout_s)
    except Exception as error:
        return type(error).__name__


def _post(address: str, content: bytes, timeout_s: float) -> str:
    if not address.startswith(("http://", "https://")):
        return "its address does not begin with http:// or https://"
    import urllib.request  # a twentieth of a second, where nobody may want a hook

    request = urllib.request.Request(address, content, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=timeout_s):
        return ""


def _run(command: Sequence[str], content: bytes, timeout_s: float) -> str:
    quiet = subprocess.DEVNULL
    # A session of its own: a command that hangs is ended with all that it started.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        process.communicate(content, timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"it took longer than {timeout_s:g} s"
    return f"it ended with exit code {process.returncode}" if process.returncode else ""
