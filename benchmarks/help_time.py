"""How long `rcflab --help` makes people wait, against the libraries that it cannot do without.

    rcflab --help                      <- the console script's own code
    python -c "import typer, rich.console"   <- the floor

Both run in fresh processes, in turns, so that a busy machine slows both. Wanted: a ratio of at most 3.
Run: .venv/bin/python benchmarks/help_time.py [REPEATS]
"""

import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

LIMIT = 3.0
COMMANDS = {
    "rcflab --help": "import sys; sys.argv = ['rcflab', '--help']; from rcflab.cli import main; sys.exit(main())",
    "import typer, rich.console": "import typer, rich.console",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one process: by the clock, and of the processor (user and system)."""

    wall: float
    cpu: float


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(code: str) -> Cost:
    """Run `code` in a fresh interpreter; raises CalledProcessError if it fails, for a failure is fast."""
    cpu, wall = _children_cpu(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return Cost(wall=time.perf_counter() - wall, cpu=_children_cpu() - cpu)


def main(repeats: int = 15) -> None:
    """Measure in turns and print medians and their ratios."""
    for code in COMMANDS.values():
        measure(code)  # writes the byte code
    rounds = [{name: measure(code) for name, code in COMMANDS.items()} for _ in range(repeats)]
    wall = {name: statistics.median(costs[name].wall for costs in rounds) for name in COMMANDS}
    cpu = {name: statistics.median(costs[name].cpu for costs in rounds) for name in COMMANDS}
    for name in COMMANDS:
        print(f"{name:<28} wall {1e3 * wall[name]:6.0f} ms   cpu {1e3 * cpu[name]:6.0f} ms   (median of {repeats})")
    help_name, floor_name = COMMANDS
    print(
        f"help_time ratio: wall {wall[help_name] / wall[floor_name]:.2f}, "
        f"cpu {cpu[help_name] / cpu[floor_name]:.2f} (wanted: at most {LIMIT:g})"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
