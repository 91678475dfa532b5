"""Open clusters, wrong tokens and clusters that do not answer are told apart before anything is sent."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rcflab.cluster.access import check_access, find_token, job_server
from rcflab.errors import InputError, ServiceDownError

from .conftest import Quiet, served

TOKEN = "0123456789abcdef-cluster-token"


@contextmanager
def cluster(token: str | None) -> Generator[str]:
    """A server that answers as Ray's: 401 without a token, 403 for a wrong one; open where `token` is None."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization")
            code = 200 if token is None or given == f"Bearer {token}" else 403 if given else 401
            moved = self.path.startswith("/moved/")
            self.send_response(307 if moved else code if self.path == "/api/jobs/" else 404)
            if moved:
                self.send_header("Location", "/api/jobs/")
            self.end_headers()

    with served(Handler) as address:
        yield address


def test_a_cluster_that_wants_our_token_is_let_pass() -> None:
    with cluster(TOKEN) as address:
        check_access(address, TOKEN)


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (None, TOKEN, "answers without a token"),
        (TOKEN, None, "asks for a token, and there is none"),
        (TOKEN, "another", "refuses our token"),
    ],
)
def test_what_is_wrong_is_said_and_no_token_with_it(theirs: str | None, ours: str | None, said: str) -> None:
    with cluster(theirs) as address, pytest.raises(InputError, match=said) as caught:
        check_access(address, ours)
    assert TOKEN not in str(caught.value) and "another" not in str(caught.value)


def test_a_server_of_something_else_is_no_cluster() -> None:
    with cluster(TOKEN) as address, pytest.raises(InputError, match="answers 404"):
        check_access(f"{address}/elsewhere", TOKEN)


def test_a_token_follows_no_redirection() -> None:
    with cluster(TOKEN) as address, pytest.raises(InputError, match="answers 307"):
        check_access(f"{address}/moved", TOKEN)


def test_a_cluster_that_does_not_answer_is_down() -> None:
    with cluster(TOKEN) as address:
        pass
    with pytest.raises(ServiceDownError, match="does not answer"):
        check_access(address, TOKEN)


@pytest.mark.parametrize("address", ["", "auto", "127.0.0.1:8265", "ray://head:10001", "file:///etc/passwd", "http://"])
def test_only_addresses_of_a_dashboard_are_taken(address: str) -> None:
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:8265"):
        job_server(address)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="name or password") as caught:
        job_server("http://me:secret@head:8265")
    assert "secret" not in str(caught.value)
    assert job_server("https://head.example:8265/") == "https://head.example:8265"


def test_the_token_is_found_where_ray_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_token({}) is None
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("of-home\n")
    (tmp_path / "named").write_text("of-file\n")
    assert find_token({}) == "of-home"
    named = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "named")}
    assert find_token(named) == "of-file"
    assert find_token({**named, "RAY_AUTH_TOKEN": " of-environment "}) == "of-environment"
    with pytest.raises(InputError, match="RAY_AUTH_TOKEN_PATH"):
        find_token({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")})
