"""Hooks hear of an event as JSON; one that fails or hangs costs a line, and no line holds its address."""

import json
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from rcflab.errors import InputError
from rcflab.notify import Hook, hooks_of, notify
from rcflab.policy_config import EVENTS, HookConfig

BODY = {"experiment": "token-size", "counts": {"done": 3}}


class Server:
    """A web server on this machine that remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/s3cr3t"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Generator[Server]:
    found = Server()
    yield found
    found.close()


def test_a_webhook_gets_the_event_as_json(server: Server) -> None:
    assert notify([Hook("notify.0", EVENTS, webhook=server.address)], "finished", BODY) == []
    assert server.heard == [{"event": "finished", **BODY}]


def test_a_hook_hears_only_of_what_it_asked_for(server: Server) -> None:
    hook = Hook("notify.0", ("failed", "budget"), webhook=server.address)
    for event in EVENTS:
        notify([hook], event, BODY)
    assert [each["event"] for each in server.heard] == ["failed", "budget"]


def test_a_command_gets_the_event_on_its_standard_input(tmp_path: Path) -> None:
    code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"
    hook = Hook("notify.0", EVENTS, command=(sys.executable, "-c", code, str(tmp_path / "told.json")))
    assert notify([hook], "interrupted", BODY, timeout_s=120) == []
    assert json.loads((tmp_path / "told.json").read_text()) == {"event": "interrupted", **BODY}


@pytest.mark.parametrize(
    ("hook", "why"),
    [(Hook("notify.0", EVENTS, webhook="http://127.0.0.1:9/s3cr3t"), "URLError"),
     (Hook("notify.0", EVENTS, webhook="file:///s3cr3t"), "does not begin with http"),
     (Hook("notify.0", EVENTS, command=("/nowhere/s3cr3t",)), "FileNotFoundError"),
     (Hook("notify.0", EVENTS, command=(sys.executable, "-c", "raise SystemExit(7) # s3cr3t")), "exit code 7")],
)  # fmt: skip
def test_a_hook_that_fails_costs_one_line_without_its_address(hook: Hook, why: str) -> None:
    (line,) = notify([hook], "finished", BODY, timeout_s=120)
    assert line.startswith("notify.0 was not told of finished") and why in line
    assert "s3cr3t" not in line and "s3cr3t" not in repr(hook)


def test_a_refusal_of_the_server_is_told(server: Server) -> None:
    server.status = 500
    (line,) = notify([Hook("notify.0", EVENTS, webhook=server.address)], "finished", BODY)
    assert "HTTPError" in line and server.address not in line


def test_a_hook_that_hangs_is_left_behind_and_the_others_are_told(server: Server) -> None:
    hanging = Hook("notify.0", EVENTS, command=(sys.executable, "-c", "import time; time.sleep(600)"))
    lines = notify([hanging, Hook("notify.1", EVENTS, webhook=server.address)], "finished", BODY, timeout_s=2)
    assert lines == ["notify.0 was not told of finished: it took longer than 2 s"]
    assert len(server.heard) == 1


def test_variables_are_filled_in_from_the_environment() -> None:
    configs = [HookConfig(webhook="${env:HOOK}"), HookConfig(command=("curl", "-d", "@-", "https://x/${env:TOKEN}"))]
    first, second = hooks_of(configs, {"HOOK": "https://h", "TOKEN": "t"})
    assert (first.webhook, second.command) == ("https://h", ("curl", "-d", "@-", "https://x/t"))


def test_variables_that_are_not_set_are_refused_all_at_once() -> None:
    configs = [HookConfig(webhook="${env:HOOK}"), HookConfig(command=("a", "${env:TOKEN}"))]
    with pytest.raises(InputError) as refused:
        hooks_of(configs, {})
    assert [problem.got for problem in refused.value.problems] == [
        "${env:HOOK}, which is not set", "${env:TOKEN}, which is not set",
    ]  # fmt: skip
