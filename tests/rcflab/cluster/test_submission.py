"""One experiment is one job: submitted again it is found, wherever its attempts ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.cluster.submission import (
    Attach,
    ClusterJob,
    Done,
    Status,
    Submit,
    find_job,
    is_ours,
    next_step,
    submission_name,
)
from rcflab.errors import InputError

NAME = submission_name("quickstart", {"quickstart.yaml": "1f"}, ["--seeds", "2"])
STATUSES: tuple[Status, ...] = ("PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED")


def test_the_name_is_that_of_the_content_and_not_of_the_order_in_which_files_were_found() -> None:
    files = {"a.yaml": "1", "base/b.yaml": "2"}
    name = submission_name("Table 5", files, [])
    assert name.startswith("rcflab-table-5-") and len(name) == len("rcflab-table-5-") + 12
    assert name == submission_name("Table 5", dict(reversed(files.items())), [])


@pytest.mark.parametrize(
    "other",
    [
        ("quickstart", {"quickstart.yaml": "2e"}, ["--seeds", "2"]),
        ("quickstart", {"other.yaml": "1f"}, ["--seeds", "2"]),
        ("quickstart", {"quickstart.yaml": "1f"}, ["--seeds", "3"]),
        ("slowstart", {"quickstart.yaml": "1f"}, ["--seeds", "2"]),
    ],
)
def test_another_content_option_or_experiment_is_another_name(other: tuple[str, dict[str, str], list[str]]) -> None:
    assert submission_name(*other) != NAME


def test_a_cluster_without_the_experiment_gets_its_first_attempt() -> None:
    strangers = [ClusterJob("raysubmit_1", "RUNNING"), ClusterJob(f"{NAME}0-1", "RUNNING"), ClusterJob(NAME, "RUNNING")]
    assert next_step(NAME, strangers) == Submit(f"{NAME}-1", None)


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_an_attempt_that_runs_is_attached_to(status: Status) -> None:
    assert next_step(NAME, [ClusterJob(f"{NAME}-1", "FAILED"), ClusterJob(f"{NAME}-2", status)]) == Attach(f"{NAME}-2")


def test_an_attempt_that_succeeded_is_the_end() -> None:
    assert next_step(NAME, [ClusterJob(f"{NAME}-1", "SUCCEEDED")]) == Done(f"{NAME}-1")


@given(statuses=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12))
def test_the_newest_attempt_decides_in_whatever_order_jobs_are_listed(statuses: list[Status]) -> None:
    jobs = [ClusterJob(f"{NAME}-{number}", status) for number, status in enumerate(statuses, start=1)]
    wanted = next_step(NAME, [jobs[-1]])
    assert next_step(NAME, sorted(jobs, key=lambda job: job.id)) == wanted  # "-10" stands before "-2"
    if statuses[-1] in ("FAILED", "STOPPED"):
        assert wanted == Submit(f"{NAME}-{len(jobs) + 1}", jobs[-1])


JOBS = [
    ClusterJob("rcflab-table-5-0123456789ab-1", "FAILED"),
    ClusterJob("rcflab-table-5-0123456789ab-10", "RUNNING"),
    ClusterJob("rcflab-table-5-0123456789ab-2", "FAILED"),
    ClusterJob("rcflab-other-0123456789ab-1", "SUCCEEDED"),
    ClusterJob("rcflab-twice-0123456789ab-1", "SUCCEEDED"),
    ClusterJob("rcflab-twice-ba9876543210-1", "SUCCEEDED"),
    ClusterJob("rcflab-probe-0123456789ab", "SUCCEEDED"),
    ClusterJob("raysubmit_1", "RUNNING"),
]


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("rcflab-table-5-0123456789ab-2", "rcflab-table-5-0123456789ab-2"),
        ("rcflab-table-5-0123456789ab", "rcflab-table-5-0123456789ab-10"),
        ("table-5", "rcflab-table-5-0123456789ab-10"),
        ("other", "rcflab-other-0123456789ab-1"),
    ],
)
def test_a_job_is_found_by_id_by_name_and_by_experiment(text: str, id: str) -> None:
    assert find_job(text, JOBS).id == id


@pytest.mark.parametrize(
    ("text", "said"), [("tabel-5", "rcflab status"), ("twice", "ba9876543210-1"), ("raysubmit_1", "rcflab status")]
)
def test_no_job_and_several_are_told_apart(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_job(text, JOBS)


def test_questions_to_nodes_and_jobs_of_others_are_not_ours() -> None:
    assert [is_ours(job) for job in JOBS] == [True] * 6 + [False] * 2
