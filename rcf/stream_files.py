"""The state of a stream as one file: tensors in safetensors, the rest as JSON in its header. No pickle.

state_dict, facts --save_stream--> FILE.safetensors (written beside it, renamed when whole) --load_stream--> both again
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from rcf.errors import InputError, Problem
from rcf.tensors import load_tensors, read_header, save_tensors

FORMAT = "rcf-stream/1"
_FACTS = "rcf"

Facts = dict[str, str | int | float | bool | None]
"""What a program wants to know of a state before it goes on: source, checkpoint, frame."""


def save_stream(path: Path, state: Mapping[str, Tensor], facts: Facts) -> None:
    """Write `state` and `facts`, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    header = {"format": FORMAT, _FACTS: json.dumps(facts, sort_keys=True, allow_nan=False)}
    try:
        save_tensors(state, neighbour, header)
        with neighbour.open("rb") as file:
            os.fsync(file.fileno())
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)


def load_stream(path: Path) -> tuple[dict[str, Tensor], Facts]:
    """What `save_stream` wrote. Raises rcf.errors.InputError where it is no such file, or a damaged one."""
    try:
        header = read_header(path)
        if header.get("format") != FORMAT:
            got = f"a file of format {header.get('format', 'unknown')!r}"
            raise InputError([Problem(str(path), "", got, f"the state of a stream, {FORMAT}")])
        return load_tensors(path), json.loads(header[_FACTS])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        got = f"a file that cannot be read ({error})"
        raise InputError([Problem(str(path), "", got, "the state of a stream", "Start the stream anew")]) from error
