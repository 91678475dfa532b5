import pytest

from rcflab.errors import StorageError
from rcflab.storage.address import cache_of
from rcflab.storage.data import addresses_in, check_data, fetch_data
from rcflab.storage.remote import Remote


@pytest.fixture
def dataset(store, machine):
    """A set of three files at an address, seen from machine a."""
    machine("a")
    url = f"{store}-data/avis"
    for name in ("train/a.jpg", "train/b.jpg", "train.json"):
        Remote(url).write(name, name.encode())
    return url


def test_a_set_is_fetched_once_and_known_by_its_content(dataset, monkeypatch):
    first = fetch_data(dataset)
    folder = cache_of(dataset, "data")
    assert (folder / "train/a.jpg").read_bytes() == b"train/a.jpg"
    monkeypatch.setattr(Remote, "fetch", lambda *args: pytest.fail("it is here already"))
    assert fetch_data(dataset) == first


def test_every_machine_comes_to_the_same_digest(dataset, machine):
    first = fetch_data(dataset)
    machine("b")
    assert fetch_data(dataset) == first


def test_a_changed_set_has_another_digest_and_only_the_change_comes(dataset, monkeypatch):
    first = fetch_data(dataset)
    Remote(dataset).write("train/a.jpg", b"other")
    Remote(dataset).delete(["train/b.jpg"])
    fetched = []
    fetch = Remote.fetch
    monkeypatch.setattr(Remote, "fetch", lambda self, name, path: fetched.append(name) or fetch(self, name, path))
    assert fetch_data(dataset) != first
    assert fetched == ["train/a.jpg"] and not (cache_of(dataset, "data") / "train/b.jpg").exists()


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_file_that_was_damaged_here_comes_again(dataset, damage):
    first = fetch_data(dataset)
    path = cache_of(dataset, "data") / "train/a.jpg"
    path.write_bytes(b"") if damage == "cut" else path.unlink()
    assert fetch_data(dataset) == first and path.read_bytes() == b"train/a.jpg"


def test_progress_is_told_in_bytes(dataset):
    heard = []
    fetch_data(dataset, lambda done, total: heard.append((done, total)))
    total = sum(map(len, ("train/a.jpg", "train/b.jpg", "train.json")))
    assert heard[-1] == (total, total) and len(heard) == 3


def test_a_node_with_other_content_than_the_driver_is_named(dataset):
    digest = fetch_data(dataset)
    check_data({dataset: digest})
    Remote(dataset).write("train.json", b"changed meanwhile")
    with pytest.raises(StorageError, match=r"has content .* the driver"):
        check_data({dataset: digest})


def test_an_address_with_nothing_is_refused(store, machine):
    machine("a")
    with pytest.raises(StorageError, match="nothing is there"):
        fetch_data(f"{store}-data/none")


def test_addresses_are_found_in_all_parts_of_a_configuration(dataset):
    root = str(cache_of(dataset, "data"))
    configs = [{"data": {"kind": "video", "root": root}}, {"data": {"images": {"root": root}, "root": "/here"}}, {}]
    assert addresses_in(configs) == [dataset]
