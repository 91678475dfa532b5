"""The command line: names and one-line helps here, each command's module only when it is called.

    rcflab NAME ... --LazyGroup--> import rcflab.commands.NAME --> run it
                        fault that a person can mend --> `error: ...` on stderr, its exit code, no traceback

So `rcflab --help` loads no torch, ray, mlflow or pydantic.
"""

import importlib
import re
import sys
from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from rcflab.errors import InputError, RcfError, exit_code_of

_COMMANDS = {
    "init": "Write a commented YAML for a new experiment.",
    "check": "Validate an experiment, its data and weights.",
    "plan": "List the cells and how far each is; starts nothing.",
    "run": "Train and evaluate what is missing, then write the tables.",
    "submit": "Run an experiment as a job on a Ray cluster.",
    "status": "List the experiments on a Ray cluster.",
    "logs": "Follow a job on a Ray cluster.",
    "stop": "End a job on a Ray cluster; it can go on.",
    "table": "Print the tables of finished experiments.",
    "report": "Write one HTML page of all there is to tell of an experiment.",
    "replay": "Run one trial again and compare it bit for bit.",
    "list": "What is in a storage root: experiments, or the trials of one.",
    "power": "How many seeds a gap would need, from a finished table.",
    "diff": "What differs between two arms or two trials.",
    "diagnose": "How a network keeps the order of its slots, as one HTML page.",
    "eval": "Score a results file against YouTube-VIS ground truth.",
    "export-results": "Write results.json in a zip, as a benchmark server takes it.",
    "data": "Make, convert, split and check data sets.",
    "segment": "Segment a video, a folder of images or a camera, online.",
    "export": "Write one step of a stream as ONNX or for torch.export.",
    "sync": "Send queued events of the ledger to MLflow.",
    "ui": "Show an experiment in MLflow's page, on its charts.",
}
"""In the order of a first visit. `rcflab.commands.NAME` (_ for -) holds `NAME_command`, or `app` for a group."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class LazyCommand(TyperCommand):
    """A name and a short help that become the real command when it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the real command, which takes the place of this one."""
        assert self.name
        return _load(self.name).make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """The commands of `_COMMANDS`, unloaded; turns expected faults into one line each and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in order."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The stand-in for `cmd_name`."""
        return LazyCommand(cmd_name, help=_COMMANDS[cmd_name]) if cmd_name in _COMMANDS else None

    def invoke(self, ctx: Any) -> Any:
        """Run the command and end the process with the exit code of its fault, if any."""
        try:
            return super().invoke(ctx)
        except RcfError as error:
            for line in fault_lines(error):
                typer.echo(line, err=True)
            raise typer.Exit(exit_code_of(error)) from error
        except KeyboardInterrupt as error:
            typer.echo("error: interrupted; the same command goes on from here", err=True)
            raise typer.Exit(130) from error


def fault_lines(error: RcfError) -> list[str]:
    """One line for each problem of `error`, without control characters: names in it may come from anyone."""
    faults: Iterable[object] = error.problems if isinstance(error, InputError) else (error,)
    return [f"error: {without_control(str(fault))}" for fault in faults]


def without_control(text: str) -> str:
    """`text` without characters that a terminal obeys."""
    return _CONTROL.sub("?", text)


def _load(name: str) -> Any:
    plain = name.replace("-", "_")
    module = importlib.import_module(f"rcflab.commands.{plain}")
    if hasattr(module, "app"):
        return typer.main.get_command(module.app)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(name)(getattr(module, f"{plain}_command"))
    return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def rcflab() -> None:
    """Ablation tables you can trust: one YAML in, every arm and seed trained, the table out.

    Exit codes: 0 ok, 2 bad input, 3 some cells failed or are missing, 69 a service is down, 74 storage,
    75 interrupted and resumable, 130 interrupted.
    """


def main() -> None:
    """The console script."""
    app(prog_name="rcflab")


if __name__ == "__main__":
    sys.exit(main())
