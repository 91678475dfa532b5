"""Jobs as Ray Tune trials: scheduling, reused actors, retries of dead processes. Results never come from Tune.

    Batch --> Tuner(grid over train keys) --> actor: run_cell, run_cell, ... retire --> ledger
                                         `--> last progress of each job, for the summary

Tune's own state is a cache: it is made anew in each run, and what is done is decided by the ledger.
"""

# Before Ray, which reads its environment when it is imported.
from rcflab.execute.ray_session import concurrency

# isort: split
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from rcflab.execute.attempts import Attempts, goes_on
from rcflab.execute.batch import Batch
from rcflab.execute.endings import record_loss
from rcflab.execute.failures import classify_loss
from rcflab.execute.job import ENDED, JobProgress
from rcflab.execute.local import run_cell
from rcflab.execute.notices import Paced
from rcflab.execute.process_state import ProcessState
from rcflab.execute.ray_nodes import leaving_here

_REPORT_EVERY_S = 1.0
"""An actor runs steps for so long before it speaks with Tune: a report costs some milliseconds."""
_UNLIMITED = -1
"""How often Tune starts a trial again: whether it should is decided by the class of each failure (attempts.py)."""


class RetiredError(RuntimeError):
    """Tells Tune to start this trial in a fresh actor: reset_config returning False would fail the trial for good."""


class AgainError(RetiredError):
    """Tells Tune the same after a failure of the task that may be tried again."""


class CellTrainable(tune.Trainable):
    """An actor that runs one job after another, each in a clean process state."""

    def setup(self, config: dict[str, Any]) -> None:
        """A fresh actor: note the state of its process."""
        self._process = ProcessState()
        self._batch = Batch.reach(config)
        self._retired = ""
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """The next job of a reused actor."""
        self._key = str(new_config["job"])
        self._run: Generator[JobProgress] | None = None
        return True

    def step(self) -> dict[str, Any]:
        """Run the job for about a second and return where it stands."""
        if self._retired:
            raise RetiredError(self._retired)
        if self._run is None:
            if self._batch.stop_requested():
                return _result(JobProgress(self._key, "interrupted", 0, 0))
            notice = Paced(leaving_here)
            self._run = run_cell(self._process, self._batch, self._batch.job(self._key), notice=notice)
        until = time.monotonic() + _REPORT_EVERY_S
        for progress in self._run:
            if progress.phase in ENDED:
                self._finish()
                if goes_on(Attempts(self._batch, self._key), progress):
                    raise AgainError(progress.reason)
                return _result(progress)
            if time.monotonic() >= until:
                return _result(progress)
        raise AssertionError("a job's last progress has an ended phase")

    def cleanup(self) -> None:
        """Tune stops the trial: a job in progress saves a checkpoint and ends as interrupted."""
        self._finish()

    def _finish(self) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None
            self._retired = self._process.end(self._batch.resources.retire_after)


def _result(progress: JobProgress) -> dict[str, Any]:
    return {"progress": asdict(progress), "done": progress.phase in ENDED}


class Unsaved:
    """Tune writes its state to the disk, and nothing is ever restored from it: what stays here is in nobody's way.

    It could not be written anyway (threads, files), and should not be where hooks hold secrets.
    """

    def __getstate__(self) -> dict[str, object]:
        return {}


class Listener(Unsaved, tune.Callback):
    """Keeps the last progress of each job, and notes which lost their process."""

    def __init__(self, batch: Batch, heard: Callable[[JobProgress], None]) -> None:
        self._batch, self._heard = batch, heard
        self.last: dict[str, JobProgress] = {}

    def has_ended(self, key: str) -> bool:
        """Whether the job has said how it ended."""
        return key in self.last and self.last[key].phase in ENDED

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:
        """An actor takes up a job: one with a group of workers reports nothing before its end."""
        self._heard(JobProgress(str(trial.config["job"]), "training", 0, 0))

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: object
    ) -> None:
        """One report of one actor."""
        progress = JobProgress(**result["progress"])
        self.last[progress.train_key] = progress
        self._heard(progress)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:
        """A trial will be started again: where its process died, the next one is told of what and whether to go on."""
        text = _last_error(trial)
        if any(kind.__name__ in text for kind in (RetiredError, AgainError)):
            return
        attempts = Attempts(self._batch, str(trial.config["job"]))
        before = attempts.last
        if before is not None and before.final:  # the process that should record it cannot even start
            trial.max_failures = 0
            return
        attempts.lost(classify_loss(text), f"the process that trained it died: {_last_line(text)}")


class _StopOn(Unsaved, tune.Stopper):
    """Ends the experiment once `stop` says so."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._stop()


def run_batch(
    batch: Batch, stop: Callable[[], bool], heard: Callable[[JobProgress], None] = lambda progress: None
) -> dict[str, JobProgress]:
    """Run all jobs of `batch` on the started Ray, report each progress to `heard`, and return the last of each job.

    A job whose processes cannot even start is recorded as failed by the driver: nobody else is left to say so.
    """
    listener = Listener(batch, heard)
    space = {**batch.address, "job": tune.grid_search(list(batch.jobs))}
    results = make_tuner(batch, space, stop, listener).fit()
    if stop():  # some trials were never made: the next run goes on with them
        return listener.last
    for key, result in zip(batch.jobs, results, strict=True):
        if result.error is not None and not listener.has_ended(key):
            listener.last[key] = record_death(batch, key, str(result.error))
            heard(listener.last[key])
    return listener.last


def record_death(batch: Batch, key: str, error: str) -> JobProgress:
    """Write down that the processes of a job cannot even start any more; `error` is Tune's text."""
    text = _told(error)
    reason = f"the process that trained it died: {_last_line(text)}"
    return record_loss(batch, batch.job(key), reason, classify_loss(text))


def make_tuner(
    batch: Batch,
    space: Mapping[str, object],
    stop: Callable[[], bool],
    listener: Listener,
    searcher: Searcher | None = None,
) -> tune.Tuner:
    """A Tuner over `space`, or over what `searcher` adds to it, with the resources of `batch`."""
    resources = batch.resources
    trainable: type[tune.Trainable] = CellTrainable
    needs: Mapping[str, float] = {"cpu": resources.cpus, "gpu": resources.gpus_per_worker}
    if resources.train:
        from rcflab.execute.ray_train import TrainTrainable  # torch is loaded where Ray Train is asked for only

        # A byte of memory instead of a sliver of a CPU: a node of one CPU would have none left for a worker.
        trainable, needs = TrainTrainable, {"memory": 1}
    return tune.Tuner(
        tune.with_resources(trainable, {name: value for name, value in needs.items() if value}),
        param_space=space,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=1 if searcher is None else -1,
            reuse_actors=resources.reuse and not resources.train,
            max_concurrent_trials=concurrency(resources),
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(batch.folder),
            failure_config=tune.FailureConfig(max_failures=_UNLIMITED),
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            callbacks=[listener],
            stop=_StopOn(stop),
            verbose=0,
            progress_reporter=tune.CLIReporter(),  # silent; Tune's own choice wipes the output of a notebook's cell
        ),
    )


def _last_error(trial: Trial) -> str:
    """The text of a trial's last error; Tune appends each to a file, and hands none to its callbacks."""
    path = trial.error_file
    text = Path(path).read_text(errors="replace") if path is not None and Path(path).exists() else ""
    return _told(text.rpartition("Failure # ")[2].partition("\n")[2])


def _told(text: str) -> str:
    """Without Ray's guesses at the cause, which name every cause there is."""
    return text.partition(" Some common causes include")[0]


def _last_line(text: str) -> str:
    """Ray's errors carry a whole remote traceback: its last line says what happened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "Ray does not say why"


def _trial_name(trial: Trial) -> str:
    return f"{trial.config['job']}-{trial.trial_id}"  # two trials of a search may share a training
