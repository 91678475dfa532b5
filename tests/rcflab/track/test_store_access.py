"""Whether a tracking server would take what is found is asked before a training; and no password is in an address."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from rcflab.errors import InputError
from rcflab.load import load_experiment
from rcflab.track.mlflow_access import refuse_closed_store
from rcflab.track.tracker import TrackingAccessError

TOY = """
name: addressed
task: toy
baseline: plain
arms: {plain: {}}
tracking: {uri: "%s"}
"""
SECRET = "s3cr3t"


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], tuple[int, str]]) -> Generator[str]:
    """An address that gives `answer` to every request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answer(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_port}"
    finally:
        served.shutdown()
        served.server_close()


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (401, "You are not authenticated.", "refuses the login of ana (401)"),
        (403, "Permission denied", "gives ana no permission (403, experiments/get-by-name)"),
        (403, "Invalid Host header - possible DNS rebinding attack detected", "does not know the name 127.0.0.1:"),
    ],
)
def test_a_server_that_says_no_is_told_before_anything_starts(
    status: int, text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    with server(lambda _: (status, text)) as address, pytest.raises(TrackingAccessError) as refused:
        refuse_closed_store(address, "addressed")
    assert words in str(refused.value) and SECRET not in str(refused.value)


def test_who_may_read_an_experiment_and_not_write_it_is_told_too() -> None:
    known = '{"experiment": {"experiment_id": "1", "name": "addressed", "lifecycle_stage": "active"}}'

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, str]:
        return (403, "Permission denied") if "set-experiment-tag" in request.path else (200, known)

    with server(answer) as address, pytest.raises(TrackingAccessError, match="set-experiment-tag"):
        refuse_closed_store(address, "addressed")


def test_a_server_without_this_experiment_and_a_store_that_is_none_are_fine() -> None:
    missing = '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"}'
    with server(lambda _: (404, missing)) as address:
        assert refuse_closed_store(address, "addressed") is None
    assert refuse_closed_store("sqlite:////nowhere/x.db", "addressed") is None
    assert refuse_closed_store("none", "addressed") is None


def test_a_server_that_is_silent_or_gone_holds_nothing_up() -> None:
    goes_on = Event()

    def answer(_: BaseHTTPRequestHandler) -> tuple[int, str]:
        goes_on.wait(60)
        return 500, ""

    with server(answer) as address:
        assert "does not answer within 1 s" in (refuse_closed_store(address, "addressed", 1) or "")
        goes_on.set()
    with server(lambda _: (200, "{}")) as gone:
        pass
    assert "does not answer: Connection refused" in (refuse_closed_store(gone, "addressed") or "")


@pytest.mark.parametrize(
    "uri",
    [f"http://ana:{SECRET}@host:5000", f"https://{SECRET}@host", f"postgresql://ana:{SECRET}@db/mlflow",
     f"postgresql+psycopg2://ana:{SECRET}@/mlflow", f"http://[{SECRET}"],
)  # fmt: skip
def test_an_address_with_a_password_is_refused_and_not_repeated(uri: str, tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(TOY % uri)
    with pytest.raises(InputError, match="MLFLOW_TRACKING_PASSWORD") as of_file:
        load_experiment(path, ())
    path.write_text(TOY % "auto")
    with pytest.raises(InputError, match="MLFLOW_TRACKING_PASSWORD") as of_option:
        load_experiment(path, [f"tracking.uri={uri}"])
    assert SECRET not in str(of_file.value) + str(of_option.value)


def test_a_password_from_a_variable_in_the_address_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKING", f"http://ana:{SECRET}@host:5000")
    path = tmp_path / "experiment.yaml"
    path.write_text(TOY % "${env:TRACKING}")
    with pytest.raises(InputError) as refused:
        load_experiment(path, ())
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("uri", ["http://host:5000", "auto", "none", "sqlite:////a/b.db", "postgresql://ana@db/mlflow"])
def test_an_address_without_one_is_taken_as_it_is(uri: str, tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(TOY % uri)
    assert load_experiment(path, ()).spec.tracking.uri == uri
