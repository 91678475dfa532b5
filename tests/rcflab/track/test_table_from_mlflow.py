"""A table from MLflow alone has the bytes of the ledger's: numbers, intervals, notes, in every format."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rcflab.commands.sync import open_shipper
from rcflab.errors import IncompleteError, InputError, ServiceDownError
from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import jobs_of
from rcflab.execute.local import run_locally
from rcflab.ledger.events import Evaluated
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.reader import read_events
from rcflab.ledger.writer import LedgerWriter
from rcflab.report.files import FORMATS, render
from rcflab.session import open_experiment, read_ledger
from rcflab.tables import build_table
from rcflab.track import mlflow_client
from rcflab.track.view import read_tracking

YAML = """
name: {name}
task: toy
baseline: plain
arms: {{plain: {{}}, fast: {{training.lr: 0.2}}, idle: {{model.decay: 0.25}}, strict: {{evaluation.threshold: 0.5}}}}
seeds: 2
training: {{steps: 6, noise: 0.7, evaluate_every: 2}}
table: {{metrics: [toy/score, toy/distance]}}
tracking: {{uri: "{uri}"}}
"""
"""`idle` is the baseline by another name; `strict` shares its training."""


class Study:
    """An experiment whose store is a copy of the template, and whose results can be looked at from another place."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri

    def session(self, *options: str, storage: str = "runs", name: str = "study"):
        path = self.folder / f"{name}.yaml"
        path.write_text(YAML.format(name=name, uri=self.uri))
        return open_experiment(path, [f"storage.root={self.folder / storage}", *options])

    def train(self, session) -> None:
        jobs = jobs_of(session.plan, {cell.eval_key for cell in session.plan.cells})
        resources = Resources(False, 1, 1, 0, None, True, 50)
        batch = Batch.create(session.storage, this_process(), session.provenance, resources, jobs)
        run_locally(batch)
        batch.delete()

    def ship(self, session) -> None:
        pending = open_shipper(session).finish(60)
        assert pending.clear, pending


@pytest.fixture
def study(tmp_path, mlflow_uri):
    found = Study(tmp_path, mlflow_uri)
    found.train(found.session())
    return found


def from_ledger(session, **options):
    return build_table(session, read_ledger(session), **options)


def from_mlflow(session, **options):
    return build_table(session, read_tracking(session), **options)


def test_every_format_is_equal_byte_for_byte_where_no_ledger_is_at_hand(study):
    study.ship(study.session())
    ledger, mlflow = from_ledger(study.session()), from_mlflow(study.session(storage="elsewhere"))
    assert not (study.folder / "elsewhere" / "ledger").exists()
    assert ledger.comparisons is not None and ledger.comparisons.arms
    assert [render(mlflow, form) for form in FORMATS] == [render(ledger, form) for form in FORMATS]


def test_match_records_are_fetched_once_and_only_where_the_table_resamples(study, monkeypatch):
    study.ship(study.session())
    from_mlflow(study.session("table.resamples=0", storage="elsewhere"))
    assert not (study.folder / "elsewhere" / "cache" / "mlflow").exists()
    first = from_mlflow(study.session(storage="elsewhere"))
    shutil.rmtree(study.folder / "artifacts")
    assert from_mlflow(study.session(storage="elsewhere")) == first


def test_cells_that_another_experiment_made_are_found(study):
    study.ship(study.session())
    other = study.session(name="other")
    study.ship(other)
    assert render(from_mlflow(other), "json") == render(from_ledger(other), "json")


def test_pages_are_followed(study, monkeypatch):
    study.ship(study.session())
    whole = from_mlflow(study.session())
    monkeypatch.setattr(mlflow_client, "PAGE", 2)
    assert from_mlflow(study.session()) == whole


def test_a_missing_cell_is_named_as_the_ledger_names_it(study):
    session = study.session()
    study.ship(session)
    wider = study.session("seeds=3")
    faults = []
    for read in (from_ledger, from_mlflow):
        with pytest.raises(IncompleteError) as caught:
            read(wider)
        faults.append(str(caught.value))
    assert faults[0] == faults[1] and "seed 2" in faults[0]


def test_a_step_on_the_way_that_was_better_is_never_taken_for_the_result(study):
    session = study.session()
    study.ship(session)
    cell = session.plan.cells[0]
    final = read_tracking(session).keys[cell.train_key].final(cell.eval_key)
    events = read_events(session.storage, cell.train_key)
    ended = [e for e in events if isinstance(e, Evaluated) and e.final and e.eval_key == cell.eval_key]
    assert final is not None and (final.step, dict(final.values)) == (6, dict(ended[-1].values))


def test_stale_cells_are_refused_and_reused_alike(study, monkeypatch):
    study.ship(study.session())
    other = replace(study.session().provenance, code_digest="0ther" * 12)
    monkeypatch.setattr("rcflab.session.gather_provenance", lambda: other)
    session = study.session()
    for read in (from_ledger, from_mlflow):
        with pytest.raises(IncompleteError, match="stale"):
            read(session)
    tables = [read(session, reuse_stale=True) for read in (from_ledger, from_mlflow)]
    assert tables[0].reused and render(tables[0], "md") == render(tables[1], "md")


def test_an_evaluation_by_other_code_stands_beside_the_first(study):
    session = study.session()
    cell = session.plan.cells[0]
    (first,) = [
        e for e in read_events(session.storage, cell.train_key)
        if isinstance(e, Evaluated) and e.final and e.eval_key == cell.eval_key
    ]  # fmt: skip
    again = Evaluated(
        first.ts_ms + 1, first.step, first.eval_key, True, {"toy/score": 1.0}, "vd", first.records, (), "b" * 64
    )
    lease = acquire(session.storage, cell.train_key, this_process())
    with LedgerWriter(session.storage, cell.train_key, lease) as writer:
        writer.append(again)
    study.ship(session)
    state = read_tracking(session).keys[cell.train_key]
    assert dict(state.final(cell.eval_key, first.code_digest).values) == dict(first.values)
    assert dict(state.final(cell.eval_key).values) == {"toy/score": 1.0}


def test_runs_of_an_older_form_are_described_again_and_no_row_is_sent_twice(study, monkeypatch):
    monkeypatch.setattr("rcflab.track.describe.result_tags", lambda state, eval_key: {})
    monkeypatch.setattr("rcflab.track.cell_shipper.FORM", 0)
    study.ship(study.session())
    with pytest.raises(IncompleteError):
        from_mlflow(study.session())
    monkeypatch.undo()
    study.ship(study.session())
    assert render(from_mlflow(study.session()), "csv") == render(from_ledger(study.session()), "csv")


def test_no_store_and_a_store_that_is_down_are_told_apart(study):
    with pytest.raises(InputError, match=r"tracking\.uri"):
        read_tracking(study.session("tracking.uri=none"))
    with pytest.raises(ServiceDownError):
        read_tracking(study.session("tracking.uri=http://127.0.0.1:9"))
