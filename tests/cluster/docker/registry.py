"""A registry of images on loopback, as far as its protocol tells digests: manifests, and tokens that anybody may have.

GET /v2/REPOSITORY/manifests/TAG --no token--> 401, where to ask --GET /token--> token --again--> manifest, digest
"""

import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-for-anybody"


@dataclass
class Registry:
    """What it has, and what it was asked."""

    manifests: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """REPOSITORY:TAG -> body."""
    wants_token: bool = True
    challenge: str | None = None
    """In the place of the true one."""
    lies: bool = False
    """Says another digest than that of what it sends."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    host: str = ""

    def digest(self, name: str) -> str:
        """Of the content that a tag has."""
        return f"sha256:{hashlib.sha256(self.manifests[name]).hexdigest()}"

    def push(self, name: str, text: str) -> None:
        """Move a tag to other content."""
        self.manifests[name] = json.dumps({"schemaVersion": 2, "annotations": {"text": text}}).encode()

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Of one request."""
        self.asked.append((path, headers))
        parts = urlsplit(path)
        if parts.path == "/token":
            scope = parse_qs(parts.query).get("scope", [""])[0]
            body = {"token": TOKEN} if scope.startswith("repository:") and scope.endswith(":pull") else {}
            return 200, {}, json.dumps(body).encode()
        if self.wants_token and headers.get("authorization") != f"Bearer {TOKEN}":
            challenge = self.challenge or f'Bearer realm="http://{self.host}/token",service="test",scope="x"'
            return 401, {"WWW-Authenticate": challenge}, b""
        repository, _, tag = parts.path.removeprefix("/v2/").partition("/manifests/")
        name = f"{repository}:{tag}"
        if name not in self.manifests:
            return 404, {}, b"{}"
        digest = f"sha256:{'0' * 64}" if self.lies else self.digest(name)
        return 200, {"Docker-Content-Digest": digest}, self.manifests[name]


@contextmanager
def serving(registry: Registry) -> Generator[Registry]:
    """The registry at a port of its own, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, given, body = registry.answer(self.path, headers)
            self.send_response(status)
            for name, value in {**given, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
