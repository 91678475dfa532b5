"""Several studies as one source of jobs: what one leaves idle the next one takes.

{arm: Conductor} --Chain--> next, ended, judge of rcflab.execute.source.JobSource
"""

from collections.abc import Mapping
from typing import Literal

from rcflab.execute.job import Job, JobProgress
from rcflab.search.conductor import Conductor


class Chain:
    """Studies one after the other, as one source of jobs: what one leaves idle the next one takes."""

    def __init__(self, conductors: Mapping[str, Conductor]) -> None:
        self.conductors = conductors

    @property
    def is_done(self) -> bool:
        """Nothing is left to run in any of them."""
        return all(each.is_done for each in self.conductors.values())

    @property
    def left(self) -> int:
        """Trainings without a result, at most: two trials at one point share theirs."""
        return sum(each.left for each in self.conductors.values())

    def next(self) -> Job | Literal["wait", "done"]:
        """The first job that any of them has."""
        answers: list[Literal["wait", "done"]] = []
        for each in self.conductors.values():
            job = each.next()
            if not isinstance(job, str):
                return job
            answers.append(job)
        return "wait" if "wait" in answers else "done"

    def ended(self, progress: JobProgress) -> None:
        """Each of them looks whether it was its own."""
        for each in self.conductors.values():
            each.ended(progress)

    def judge(self, train_key: str, step: int) -> bool:
        """That of the study whose trial it is."""
        return any(each.judge(train_key, step) for each in self.conductors.values())
