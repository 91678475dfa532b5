"""The shipped server: no answer without a login, nothing of one user for another, no feature that runs or fetches.

What MLflow 3.17.2 holds by itself and what gate.py adds is in cluster/mlflow/README.md; here both are asked at once.
"""

import json
import secrets
from typing import Any

import pytest

RUN = "/api/2.0/mlflow/runs"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def users(tracking: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two users, of whom the first has a run with a file."""
    mark = secrets.token_hex(3)
    return tracking.add_user(f"ana-{mark}"), tracking.add_user(f"ben-{mark}")


@pytest.fixture(scope="module")
def run(tracking: Any, users: Any) -> dict[str, str]:
    """Ana's: experiment, run, and the path of its file `x.txt`."""
    name = f"hers-{secrets.token_hex(3)}"
    experiment = tracking.ask("/api/2.0/mlflow/experiments/create", users[0], {"name": name}).json["experiment_id"]
    made = tracking.ask(f"{RUN}/create", users[0], {"experiment_id": experiment}).json["run"]["info"]
    file = f"{experiment}/{made['run_id']}/artifacts/x.txt"
    assert tracking.ask(f"{FILES}/{file}", users[0], b"hers", "PUT", TEXT).status == 200
    return {"experiment": experiment, "run": made["run_id"], "file": file, "name": name}


def requests_of(run: dict[str, str]) -> dict[str, tuple[Any, ...]]:
    """Ways to a run of Ana's: path, body, method."""
    number, run_id, file = run["experiment"], run["run"], run["file"]
    value = {"run_id": run_id, "key": "k", "value": 1, "timestamp": 1}
    part = {"path": "x.txt", "upload_id": "1", "num_parts": 1, "parts": []}
    return {
        "experiment": (f"/api/2.0/mlflow/experiments/get?experiment_id={number}",),
        "by name": (f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={run['name']}",),
        "tag": ("/api/2.0/mlflow/experiments/set-experiment-tag", {"experiment_id": number, "key": "k", "value": "v"}),
        "run": (f"{RUN}/get?run_id={run_id}",),
        "new run": (f"{RUN}/create", {"experiment_id": number}),
        "metric": (f"{RUN}/log-metric", value),
        "batch": (f"{RUN}/log-batch", {"run_id": run_id, "metrics": [{**value, "step": 0}]}),
        "param": (f"{RUN}/log-parameter", value),
        "delete": (f"{RUN}/delete", {"run_id": run_id}),
        "history": (f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=k",),
        "history of the page": (f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={run_id}&metric_key=k",),
        "model": ("/api/2.0/mlflow/logged-models", {"experiment_id": number, "name": "m"}),
        "file": (f"{FILES}/{file}",),
        "file of the page": (f"/get-artifact?run_id={run_id}&path=x.txt",),
        "file by dots": (f"{FILES}/0/%2e%2e/{file}",),
        "another file": (f"{FILES}/{file}", b"his", "PUT"),
        "another file by the page": (f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=x.txt", b"his"),
        "no file": (f"{FILES}/{file}", None, "DELETE"),
        "list": (f"{FILES}?path={number}/{run_id}/artifacts",),
        "list of all": (f"{FILES}?path=",),
        "upload in parts": (f"/api/2.0/mlflow-artifacts/mpu/create/{file}", part),
        "end of parts": (f"/api/2.0/mlflow-artifacts/mpu/complete/{file}", part),
        "no parts": (f"/api/2.0/mlflow-artifacts/mpu/abort/{file}", part),
        "signed address": (f"/api/2.0/mlflow-artifacts/presigned/{file}",),
    }


CLOSED: dict[str, tuple[Any, ...]] = {
    "jobs": ("/ajax-api/3.0/jobs",),
    "a job": ("/ajax-api/3.0/jobs/", {"job_name": "x", "params": {}}),
    "traces": ("/v1/traces", b"x"),
    "a trace": ("/api/3.0/mlflow/traces", {}),
    "webhooks": ("/api/2.0/mlflow/webhooks",),
    "a webhook": ("/api/2.0/mlflow/webhooks", {"name": "x", "url": "http://169.254.169.254/"}),
    "assistant": ("/ajax-api/3.0/mlflow/assistant/config",),
    "a shell": ("/ajax-api/3.0/mlflow/assistant/config", {"providers": {"ollama": {"selected": True}}}, "PUT"),
    "a message": ("/ajax-api/3.0/mlflow/assistant/message", {"message": "run id"}),
    "gateway": ("/gateway/x/mlflow/invocations", {}),
    "a secret of the gateway": ("/api/3.0/mlflow/gateway/secrets/create", {}),
    "MCP": ("/ajax-api/3.0/mlflow/mcp-servers",),
    "scorers": ("/api/3.0/mlflow/scorers/register", {}),
    "a registered model": ("/api/2.0/mlflow/registered-models/create", {"name": "m"}),
    "a version": ("/api/2.0/mlflow/model-versions/create", {"name": "m", "source": "s3://artifacts/runs"}),
    "a version's file": ("/model-versions/get-artifact?name=m&version=1&path=x.txt",),
    "a path without its slash": ("/ajax-api/2.0mlflow/experiments/search-datasets", {"experiment_ids": ["1"]}),
}
USERS: dict[str, tuple[Any, ...]] = {
    "another user": ("/api/2.0/mlflow/users/create", {"username": "z", "password": "z" * 20}),
    "an admin": ("/api/2.0/mlflow/users/update-admin", {"username": "ben", "is_admin": True}, "PATCH"),
    "a password": ("/api/2.0/mlflow/users/update-password", {"username": "admin", "password": "z" * 20}, "PATCH"),
    "a role": ("/api/3.0/mlflow/roles/create", {"name": "z", "workspace": "default"}),
}


def ask(tracking: Any, wanted: tuple[Any, ...], user: Any) -> Any:
    path, body, method = (*wanted, None, None)[:3]
    return tracking.ask(path, user, body, method, TEXT if isinstance(body, bytes) else None)


def test_without_a_login_nothing_is_answered(tracking: Any, run: dict[str, str]) -> None:
    more = {"page": ("/",), "graphql": ("/graphql", {"query": "{__typename}"}), "version": ("/version",)}
    asked = requests_of(run) | CLOSED | USERS | more
    wrong = ("admin", "not the password")
    for user in (None, wrong):
        assert {name: ask(tracking, each, user).status for name, each in asked.items()} == dict.fromkeys(asked, 401)


def test_a_user_reads_and_writes_nothing_of_another(tracking: Any, users: Any, run: dict[str, str]) -> None:
    asked = requests_of(run)
    assert {name: ask(tracking, each, users[1]).status for name, each in asked.items()} == dict.fromkeys(asked, 403)
    assert tracking.ask(f"{FILES}/{run['file']}", users[0]).text == "hers"


def test_what_lists_many_leaves_out_what_is_of_another(tracking: Any, users: Any, run: dict[str, str]) -> None:
    where = {"experiment_ids": [run["experiment"]]}
    query = f'{{ mlflowGetRun(input: {{runId: "{run["run"]}"}}) {{ run {{ info {{ runId }} }} }} }}'
    for path, body in (
        (f"{RUN}/search", where),
        ("/api/2.0/mlflow/experiments/search", {"max_results": 1000}),
        ("/api/2.0/mlflow/logged-models/search", where),
        ("/graphql", {"query": query}),
    ):
        answer = tracking.ask(path, users[1], body)
        assert answer.status == 200 and run["run"] not in answer.text and run["name"] not in answer.text, path
    assert run["run"] in tracking.ask(f"{RUN}/search", users[0], where).text
    assert run["run"] in tracking.ask("/graphql", users[0], {"query": query}).text


def test_features_that_run_code_or_call_others_are_closed_for_admins_too(tracking: Any, users: Any) -> None:
    for user in (users[1], tracking.admin):
        found = {name: ask(tracking, each, user) for name, each in CLOSED.items()}
        assert {name: (each.status, each.text) for name, each in found.items()} == dict.fromkeys(
            CLOSED, (403, "This server does not offer that")
        )


def test_a_user_makes_no_users_and_no_admins(tracking: Any, users: Any) -> None:
    assert {name: ask(tracking, each, users[1]).status for name, each in USERS.items()} == dict.fromkeys(USERS, 403)


@pytest.mark.parametrize("key", ["artifact_location", "artifactLocation", "artifact\\u005flocation"])
@pytest.mark.parametrize("place", ["file:///tmp", "s3://artifacts/runs/1", "mlflow-artifacts:/1"])
def test_nobody_chooses_where_an_experiment_keeps_its_files(tracking: Any, users: Any, key: str, place: str) -> None:
    body = f'{{"name": "elsewhere-{secrets.token_hex(3)}", "{key}": "{place}"}}'
    for path in ("/api/2.0/mlflow/experiments/create", "/ajax-api/2.0/mlflow/experiments/create"):
        for form in (body, json.dumps(body)):  # JSON within JSON is taken as well
            for user in (users[1], tracking.admin):
                assert tracking.ask(path, user, form.encode(), "POST").status == 403, form


def test_a_granted_permission_opens_as_much_as_it_says(tracking: Any, users: Any, run: dict[str, str]) -> None:
    body = {"username": users[1][0], "resource_type": "experiment", "resource_id": run["experiment"]}
    asked = requests_of(run)
    try:
        granted = tracking.ask("/api/3.0/mlflow/users/permissions/grant", tracking.admin, body | {"permission": "READ"})
        assert granted.status == 200
        assert ask(tracking, asked["run"], users[1]).status == 200
        assert ask(tracking, asked["file"], users[1]).text == "hers"
        for name in ("metric", "batch", "another file", "another file by the page", "no file", "delete", "new run"):
            assert ask(tracking, asked[name], users[1]).status == 403, name
    finally:
        tracking.ask("/api/3.0/mlflow/users/permissions/revoke", tracking.admin, body)
    assert ask(tracking, asked["run"], users[1]).status == 403


@pytest.mark.parametrize("host", ["tracking.example", "127.0.0.1", "localhost:1", "127.0.0.1.tracking.example"])
def test_a_name_that_is_not_listed_gets_no_answer(tracking: Any, users: Any, host: str) -> None:
    answer = tracking.ask(f"{RUN}/search", users[0], {"experiment_ids": []}, headers={"Host": host})
    assert answer.status == 403 and "Invalid Host header" in answer.text


@pytest.mark.parametrize("origin", ["https://tracking.example", "http://localhost:1", "http://127.0.0.1", "null"])
@pytest.mark.parametrize("path", ["/api/2.0/mlflow/experiments/create", "/graphql"])
def test_a_page_of_another_server_writes_nothing(tracking: Any, users: Any, origin: str, path: str) -> None:
    body = {"name": f"foreign-{secrets.token_hex(3)}", "query": "{__typename}"}
    assert tracking.ask(path, users[0], body, headers={"Origin": origin}).status == 403


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (None, None, 200),
        ("proxied.example", "https://proxied.example", 200),
        ("proxied.example", "https://tracking.example", 403),
        (None, "https://proxied.example", 403),
    ],
)
def test_the_servers_own_page_writes_also_behind_tls_and_no_other(
    tracking: Any, users: Any, host: str | None, origin: str | None, status: int
) -> None:
    headers = {"Origin": origin or tracking.address} | ({"Host": host} if host else {})
    body = {"name": f"own-{secrets.token_hex(3)}"}
    assert tracking.ask("/ajax-api/2.0/mlflow/experiments/create", users[0], body, None, headers).status == status


def test_a_password_with_letters_beyond_ascii_opens_runs_and_files(tracking: Any) -> None:
    user = tracking.add_user(f"zoe-{secrets.token_hex(3)}", "Wörter-und-Zähler-17")
    made = tracking.ask("/api/2.0/mlflow/experiments/create", user, {"name": f"z-{secrets.token_hex(3)}"})
    experiment = made.json["experiment_id"]
    run_id = tracking.ask(f"{RUN}/create", user, {"experiment_id": experiment}).json["run"]["info"]["run_id"]
    file = f"{FILES}/{experiment}/{run_id}/artifacts/x.txt"
    assert tracking.ask(file, user, b"x", "PUT", TEXT).status == 200
    assert tracking.ask(file, user).text == "x"
