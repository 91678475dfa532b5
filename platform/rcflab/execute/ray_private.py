"""A Ray of our own on a machine that others use too: whoever reaches a Ray can run anything as its user.

    loopback   every port of it, instead of all addresses of the machine
    token      what it asks everybody for: made for this run, in a file that only its user can read
    folder     sockets, logs and packages, which Ray itself leaves open to all below /tmp/ray; deleted at the end

Measured on 2.60: without this, `ray.init("local")` listens on all addresses; a token costs no time that can be told
from noise. RAY_AUTH_MODE=disabled leaves the token out; RAY_TMPDIR names a folder where Ray's files are kept.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray._private import ray_constants
from ray._raylet import AuthenticationTokenLoader, Config

_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_MODE = "RAY_AUTH_MODE"
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextmanager
def kept_private() -> Generator[dict[str, Any]]:
    """Options for ray.init, with an environment for its processes that holds for the block."""
    keeps = os.environ.get("RAY_TMPDIR")
    # Not the folder of TMPDIR: the paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix="rcflab-", dir=keeps or ("/tmp" if Path("/tmp").is_dir() else None)))
    before = {name: os.environ.get(name) for name in (_LOOPBACK, _MODE, *_TOKENS)}
    bound = ray_constants.ENABLE_RAY_CLUSTER
    try:
        # Ray takes the loopback address for its own where it does not expect other machines: as a rule on laptops.
        os.environ[_LOOPBACK], ray_constants.ENABLE_RAY_CLUSTER = "0", False
        if os.environ.setdefault(_MODE, "token") == "token" and not any(map(os.environ.get, _TOKENS)):
            os.environ["RAY_AUTH_TOKEN_PATH"] = str(_written(folder / "auth_token"))
        _read_again()
        yield {"_temp_dir": str(folder / "ray")}
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = bound
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _read_again()
        if not keeps:
            shutil.rmtree(folder, ignore_errors=True)


def _read_again() -> None:
    """Ray reads mode and token once, when it is imported and first used: this is how it changes its own mind."""
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _written(path: Path) -> Path:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    return path
