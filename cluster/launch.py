"""An experiment on a cluster of `ray up`, by `ray submit`, which copies this one file to the head and runs it there.

    laptop: launch.py --pack my.yaml --> one argument: all YAML files of the experiment     (or: they are on the head)
    laptop: ray submit CLUSTER.yaml cluster/launch.py -- --inline ARGUMENT ...
    head:   python ~/launch.py --inline ARGUMENT ... --> a folder of YAML files --> rcflab submit, to the head itself

So it is one job whether submitted from here, from there or by `rcflab submit`: submitted again it is followed while it
runs and "already done" after. The head of this file needs only the standard library; rcflab is there, by the cluster's
setup_commands, and is called as a command.
"""

import argparse
import base64
import binascii
import json
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

_MOST_SIGNS = 100_000
"""Linux passes no argument over 128 KiB, and the shells on the way quote it."""
_MOST_BYTES = 16 * 2**20
"""Of all files together: what is unpacked on a head is bounded, whatever was sent."""
_ADDRESS = "http://127.0.0.1:8265"
_BAD_INPUT, _SERVICE_DOWN = 2, 69


def main(arguments: Sequence[str]) -> int:
    """Parse, then pack, or submit on this head; returns an exit code, that of the job where it was followed."""
    parser = argparse.ArgumentParser(
        prog="launch.py",
        allow_abbrev=False,
        description="Run an experiment on the Ray cluster of this head. Other options are those of `rcflab submit`.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pack", metavar="YAML", type=Path, help="On the laptop: print what --inline takes.")
    what.add_argument("--inline", metavar="TEXT", help="An experiment, packed.")
    what.add_argument("--experiment", metavar="YAML", help="A file that is on the head.")
    parser.add_argument("--base", metavar="BASE", help="The file that stands in for the one that YAML extends.")
    parser.add_argument("--address", default=_ADDRESS, metavar="URL", help=f"Of the job server ({_ADDRESS}).")
    given, more = parser.parse_known_args(arguments)
    if given.pack is not None:
        if more:
            _refuse(f"--pack takes no {more[0]}: options of a run go behind --inline", _BAD_INPUT)
        sys.stdout.write(f"{pack(given.pack, given.base)}\n")
        return 0
    more += ["--address", given.address]
    if given.inline is None:
        return submit(given.experiment, given.base, more)
    if given.base is not None:
        _refuse("--base belongs to --pack, which sends that file too", _BAD_INPUT)
    with tempfile.TemporaryDirectory(prefix="rcflab-launch-") as folder:
        experiment, base = unpack(given.inline, Path(folder))
        return submit(str(experiment), base and str(base), more)


def pack(experiment: Path, base: str | None = None) -> str:
    """All YAML files that make up an experiment as one word that any shell leaves alone; needs rcflab here."""
    _need_rcflab("run it with the Python that has it: .venv/bin/python cluster/launch.py --pack ...")
    from rcflab.cluster.sent_files import sent_files
    from rcflab.errors import RcfError
    from rcflab.load import load_experiment

    try:
        load_experiment(experiment, (), base)
        sent = sent_files(experiment, base)
    except RcfError as error:
        _refuse(str(error), _BAD_INPUT)
    files = {place: path.read_text() for place, path in sent.files.items()}
    text = json.dumps({"experiment": sent.experiment, "base": sent.base, "files": files}, sort_keys=True)
    word = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()
    if len(word) > _MOST_SIGNS:
        _refuse(
            f"{experiment}: {len(word):,} signs, at most {_MOST_SIGNS:,} fit into one argument. Copy the files by"
            " `ray rsync-up CLUSTER.yaml FOLDER/ '~/FOLDER/'`, then use --experiment",
            _BAD_INPUT,
        )
    return word


def unpack(word: str, folder: Path) -> tuple[Path, Path | None]:
    """Write the files below `folder`; returns the experiment and its base. Exits with 2 for what pack did not make."""
    try:
        stream = zlib.decompressobj()
        text = stream.decompress(base64.b64decode(word, altchars=b"-_", validate=True), _MOST_BYTES)
        if not stream.eof:
            _refuse(f"--inline: cut off, or more than {_MOST_BYTES:,} bytes. Pack it again", _BAD_INPUT)
        packed: Mapping[str, Any] = json.loads(text)
        files = {_place(place): str(content) for place, content in packed["files"].items()}
        experiment = _place(packed["experiment"])
        base = None if packed["base"] is None else _place(packed["base"])
        missing = {experiment, base or experiment} - files.keys()
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        _refuse(f"--inline: not what --pack prints ({error}). Pack it again", _BAD_INPUT)
    if missing:
        _refuse(f"--inline: {sorted(missing)[0]} is not among its files. Pack it again", _BAD_INPUT)
    for place, content in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(content)
    return folder / experiment, None if base is None else folder / base


def _place(text: str) -> str:
    """A path below the folder; ValueError for one that leaves it."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in text:
        raise ValueError(f"{text!r} leaves its folder")
    return str(path)


def submit(experiment: str, base: str | None, more: Sequence[str]) -> int:
    """`rcflab submit` on this head, as at its terminal; returns its exit code."""
    _need_rcflab("the cluster's setup_commands install it: `ray up` again")
    environment = {"RAY_AUTH_TOKEN_PATH": str(Path.home() / ".ray" / "auth_token"), **os.environ}
    command = [sys.executable, "-m", "rcflab.cli", "submit", experiment, *more]
    if base is not None:
        command += ["--base", base]
    # Ctrl-C reaches both: rcflab detaches from the job, and this one waits until it has said so.
    before = signal.signal(signal.SIGINT, _leave_it)
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code


def _leave_it(number: int, frame: object) -> None:
    """A handler, unlike SIG_IGN, is not handed down to the command."""


def _need_rcflab(otherwise: str) -> None:
    if find_spec("rcflab") is None:
        _refuse(f"{sys.executable} has no rcflab: {otherwise}", _SERVICE_DOWN)


def _refuse(text: str, code: int) -> NoReturn:
    sys.stderr.write(f"error: {text}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
