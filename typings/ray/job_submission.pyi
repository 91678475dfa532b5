from collections.abc import AsyncIterator, Mapping
from typing import Literal

class JobStatus:
    value: Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]

class JobDetails:
    submission_id: str | None
    status: JobStatus
    message: str | None
    driver_exit_code: int | None

class JobSubmissionClient:
    def __init__(self, address: str | None = None, *, headers: Mapping[str, str] | None = None) -> None: ...
    def submit_job(
        self,
        *,
        entrypoint: str,
        runtime_env: Mapping[str, object] | None = None,
        metadata: Mapping[str, str] | None = None,
        submission_id: str | None = None,
    ) -> str: ...
    def list_jobs(self) -> list[JobDetails]: ...
    def get_job_info(self, job_id: str) -> JobDetails: ...
    def get_job_logs(self, job_id: str) -> str: ...
    def tail_job_logs(self, job_id: str) -> AsyncIterator[str]: ...
    def stop_job(self, job_id: str) -> bool: ...
