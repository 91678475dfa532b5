from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.storage.address import cache_of, fault_of_url, is_url, placed, unplaced, url_of

ENVIRONMENT = {"RCFLAB_CACHE": "/cache"}
PARTS = st.lists(st.from_regex(r"[a-zA-Z0-9_.-]{1,12}", fullmatch=True), min_size=1, max_size=4)


@given(st.sampled_from(["s3", "gs", "abfs"]), PARTS, st.sampled_from(["storage", "data"]), st.booleans())
def test_an_address_has_one_folder_and_the_folder_knows_its_address(scheme, parts, kind, slash):
    url = f"{scheme}://{'/'.join(parts)}"
    if fault_of_url(url) is not None:
        assert {".", ".."} & set(parts)
        return
    folder = cache_of(url + "/" * slash, kind, ENVIRONMENT)
    assert folder.is_relative_to(f"/cache/{kind}")
    assert url_of(folder, kind, ENVIRONMENT) == url


def test_a_folder_is_itself():
    assert cache_of("/shared/runs", "storage", ENVIRONMENT) == Path("/shared/runs")
    assert url_of(Path("/shared/runs"), "storage", ENVIRONMENT) is None
    assert not is_url("runs") and not is_url("C:/runs") and is_url("s3://bucket")


def test_data_and_storage_of_one_address_do_not_share_a_folder():
    assert cache_of("s3://b/x", "data", ENVIRONMENT) != cache_of("s3://b/x", "storage", ENVIRONMENT)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("s3://key:secret@bucket/runs", "without name, password"),
        ("s3://bucket/runs?region=x", "without name, password"),
        ("file:///shared/runs", "without file://"),
        ("s3://bucket/../other", "such as s3://bucket/folder"),
        ("s3://bucket//runs", "such as s3://bucket/folder"),
        ("s3://", "such as s3://bucket/folder"),
    ],
)
def test_an_address_that_would_leak_or_lead_astray_is_refused(url, wanted):
    assert wanted in (fault_of_url(url) or "")


def test_without_a_variable_the_cache_lies_below_the_home_folder():
    assert cache_of("s3://b/x", "data", {}) == Path.home() / ".cache/rcflab/data/s3/b/x"


def test_paths_in_a_cache_lead_into_that_of_the_machine_that_reads_them():
    own, other = {"RCFLAB_CACHE": "/home/a/cache"}, {"RCFLAB_CACHE": "/scratch/b"}
    folder = str(cache_of("s3://b/avis", "data", own))
    value = {"data": {"kind": "joint", "parts": [{"root": folder}, {"root": "/shared/set"}]}, "steps": 3}
    there = placed(unplaced(value, own), other)
    there_folder = str(cache_of("s3://b/avis", "data", other))
    assert there == {"data": {"kind": "joint", "parts": [{"root": there_folder}, {"root": "/shared/set"}]}, "steps": 3}
    assert placed(unplaced(value, own), own) == value
    assert unplaced({"root": "/home/a/cache-2/set"}, own) == {"root": "/home/a/cache-2/set"}
