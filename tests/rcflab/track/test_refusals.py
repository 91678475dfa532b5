"""What a tracking server says becomes one line: where, why, and what to do."""

import pytest

from rcflab.errors import ServiceDownError, exit_code_of
from rcflab.track.refusals import Answer, fault_of
from rcflab.track.tracker import ArtifactsDownError, TrackingAccessError, TrackingRefusedError

URI = "http://tracking.example:5000"
API = "API request to endpoint /api/2.0/mlflow/runs/log-batch failed with error code"


def test_a_wrong_password_names_the_user_and_where_the_password_comes_from() -> None:
    fault = fault_of(URI, Answer(f"{API} 401 != 200.", "UNAUTHENTICATED"), "ana")
    assert isinstance(fault, TrackingAccessError) and exit_code_of(fault) == 2
    for words in (URI, "refuses the login of ana (401)", "MLFLOW_TRACKING_PASSWORD", "~/.mlflow/credentials"):
        assert words in str(fault)


def test_no_login_at_all_is_told_from_a_wrong_one() -> None:
    fault = fault_of(URI, Answer(f"{API} 401 != 200.", "UNAUTHENTICATED"), None)
    assert "asks for a login (401), and there is none" in str(fault)


def test_a_name_that_the_server_does_not_know_names_the_option_of_the_server() -> None:
    text = f"{API} 403 != 200. Response body: 'Invalid Host header - possible DNS rebinding attack detected'"
    fault = fault_of(URI, Answer(text, "PERMISSION_DENIED"), "ana")
    assert isinstance(fault, TrackingAccessError) and exit_code_of(fault) == 2
    assert "does not know the name tracking.example:5000 (403" in str(fault) and "--allowed-hosts" in str(fault)


def test_a_missing_permission_names_the_request_and_who_may_give_it() -> None:
    fault = fault_of(URI, Answer(f"{API} 403 != 200. Response body: 'Permission denied'", "PERMISSION_DENIED"), "ana")
    assert isinstance(fault, TrackingAccessError)
    assert "gives ana no permission (403, runs/log-batch)" in str(fault) and "users.py grant" in str(fault)


def test_the_status_of_an_artifact_request_counts_like_the_code_of_the_others() -> None:
    text = f"401 Client Error: Unauthorized for url: {URI}/api/2.0/mlflow-artifacts/artifacts/1/a/x"
    assert "refuses the login of ana" in str(fault_of(URI, Answer(text, "", 401, for_files=True), "ana"))


def test_what_does_not_answer_says_the_systems_words_once() -> None:
    text = "API request failed with exception HTTPConnectionPool(...): Max retries exceeded with url: /api/..."
    fault = fault_of(URI, Answer(text, "INTERNAL_ERROR", cause="Connection refused"), "ana")
    assert type(fault) is ServiceDownError and exit_code_of(fault) == 69
    assert str(fault) == f"MLflow at {URI} does not answer: Connection refused. Check tracking.uri and that it runs"


@pytest.mark.parametrize("cause", ["too many 500 error responses", "timed out"])
def test_a_store_that_keeps_no_files_is_told_from_one_that_does_not_answer(cause: str) -> None:
    fault = fault_of(URI, Answer("...", "INTERNAL_ERROR", cause=cause, for_files=True), "ana")
    assert isinstance(fault, ArtifactsDownError) and "cannot keep artifacts now" in str(fault)
    gone = fault_of(URI, Answer("...", "INTERNAL_ERROR", cause="Connection refused", for_files=True), "ana")
    assert not isinstance(gone, ArtifactsDownError)


def test_a_request_that_is_not_liked_is_refused_with_the_servers_words() -> None:
    fault = fault_of(URI, Answer("INVALID_PARAMETER_VALUE: too long\nmore", "INVALID_PARAMETER_VALUE"), "ana")
    assert type(fault) is TrackingRefusedError and str(fault).endswith("INVALID_PARAMETER_VALUE: too long")


def test_a_database_file_that_is_busy_is_no_server() -> None:
    fault = fault_of("sqlite:////a/b.db", Answer("database is locked", "TEMPORARILY_UNAVAILABLE", cause="x"), None)
    assert type(fault) is ServiceDownError and "database is locked" in str(fault)
