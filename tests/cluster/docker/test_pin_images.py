"""pin.py against a registry on loopback that speaks the protocol: digests come from content, and only from there."""

import socket
from collections.abc import Generator
from pathlib import Path

import lock
import pin
import pytest
from registry import TOKEN, Registry, serving


@pytest.fixture
def registry() -> Generator[Registry]:
    with serving(Registry()) as served:
        served.push("library/python:3.11-slim", "one")
        served.push("library/postgres:17", "two")
        yield served


@pytest.fixture
def lock_file(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "images.lock"
    path.write_text(
        "# what it is\n"
        f"python      {registry.host}/library/python:3.11-slim   -\n"
        f"postgres    {registry.host}/library/postgres:17        -\n"
    )
    monkeypatch.setattr(pin, "LOCK", path)
    return path


def test_the_digest_of_a_tag_is_that_of_its_content(registry: Registry, lock_file: Path) -> None:
    pin.main([])
    assert {name: image.digest for name, image in lock.read(lock_file).items()} == {
        "python": registry.digest("library/python:3.11-slim"),
        "postgres": registry.digest("library/postgres:17"),
    }


def test_nothing_else_of_the_file_changes(registry: Registry, lock_file: Path) -> None:
    before = lock_file.read_text()
    pin.main([])
    after = lock_file.read_text()
    for name in ("library/python:3.11-slim", "library/postgres:17"):
        after = after.replace(registry.digest(name), "-")
    assert after == before


def test_a_digest_that_is_there_stays_though_the_tag_has_moved(registry: Registry, lock_file: Path) -> None:
    pin.main([])
    pinned = lock_file.read_text()
    registry.push("library/python:3.11-slim", "moved")
    pin.main([])
    assert lock_file.read_text() == pinned


def test_renew_follows_the_tag_and_says_what_was(
    registry: Registry, lock_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pin.main([])
    was = registry.digest("library/python:3.11-slim")
    registry.push("library/python:3.11-slim", "moved")
    pin.main(["--renew"])
    assert lock.read(lock_file)["python"].digest == registry.digest("library/python:3.11-slim") != was
    assert f"was {was}" in capsys.readouterr().out


def test_the_token_for_anybody_is_asked_for_by_repository(registry: Registry, lock_file: Path) -> None:
    pin.main([])
    assert "/token?service=test&scope=repository%3Alibrary%2Fpython%3Apull" in [path for path, _ in registry.asked]
    assert registry.asked[2][1]["authorization"] == f"Bearer {TOKEN}"


def test_a_registry_without_tokens_is_asked_once_an_image(registry: Registry, lock_file: Path) -> None:
    registry.wants_token = False
    pin.main([])
    assert [path for path, _ in registry.asked] == [
        "/v2/library/python/manifests/3.11-slim",
        "/v2/library/postgres/manifests/17",
    ]


def test_an_index_of_many_machines_is_preferred_to_one_of_them(registry: Registry, lock_file: Path) -> None:
    pin.main([])
    accepted = registry.asked[0][1]["accept"].split(", ")
    assert "index" in accepted[0]
    assert "manifest.list" in accepted[1]


def _refused(lock_file: Path, said: str) -> None:
    before = lock_file.read_text()
    with pytest.raises(lock.RefusedError, match=said):
        pin.main([])
    assert lock_file.read_text() == before, "a run that fails leaves the lock as it was"


def test_content_that_has_another_digest_than_is_said_is_refused(registry: Registry, lock_file: Path) -> None:
    registry.lies = True
    _refused(lock_file, "says sha256:0000.* and sends sha256:")


def test_an_image_that_is_not_there_is_refused(registry: Registry, lock_file: Path) -> None:
    del registry.manifests["library/postgres:17"]
    _refused(lock_file, r"library/postgres:17: .* answers 404; wanted a manifest")


@pytest.mark.parametrize(
    "challenge", ['Basic realm="x"', 'Bearer realm="http://example.org/token",service="x"', "Bearer"]
)
def test_a_registry_that_wants_a_login_or_asks_elsewhere_in_clear_is_refused(
    registry: Registry, lock_file: Path, challenge: str
) -> None:
    registry.challenge = challenge
    _refused(lock_file, "wanted a public image")


def test_a_manifest_without_end_is_refused(registry: Registry, lock_file: Path) -> None:
    registry.manifests["library/postgres:17"] = b"x" * (5 * 1024 * 1024)
    _refused(lock_file, "wanted a manifest")


def test_a_registry_that_does_not_answer_is_one_line(lock_file: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    lock_file.write_text(f"python 127.0.0.1:{port}/library/python:3.11 -\n")
    _refused(lock_file, "does not answer")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python docker.io/library/python:latest -", "the tag latest"),
        ("python docker.io/library/python -", "wanted NAME REGISTRY/REPOSITORY:TAG"),
        ("python docker.io/library/python:3.11", "wanted NAME REGISTRY/REPOSITORY:TAG"),
        ("python docker.io/library/python:3.11 sha256:abc", "64 hexadecimal digits"),
        ("python docker.io/library/python:3.11 -\npython docker.io/library/python:3.12 -", "python twice"),
    ],
)
def test_a_line_that_is_none_is_refused_with_its_number(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "images.lock").write_text(f"# head\n{line}\n")
    with pytest.raises(lock.RefusedError, match=f"images.lock:[23]: .*{said}"):
        lock.read(tmp_path / "images.lock")


def test_the_lock_of_the_project_names_versions_for_all_images(repository: Path) -> None:
    images = lock.read(repository / "cluster" / "docker" / "images.lock")
    assert sorted(images) == ["object-store", "postgres", "python"]


def test_only_loopback_is_asked_without_encryption() -> None:
    hosts = ("127.0.0.1:5000", "localhost", "registry.example.org", "localhost.example.org:5000", "10.0.0.1:5000")
    assert [pin._scheme(host) for host in hosts] == ["http", "http", "https", "https", "https"]
