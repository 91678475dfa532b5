"""A database that another version of MLflow wrote is refused before anything starts, without loading MLflow."""

import sqlite3
import subprocess
import sys

import pytest

from rcflab.errors import InputError
from rcflab.track.schema_check import refuse_other_schema


def set_schema(uri, revision):
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    database.close()


def test_a_store_of_the_installed_mlflow_is_fine(mlflow_uri):
    refuse_other_schema(mlflow_uri)


def test_a_newer_one_is_named_with_the_next_move(mlflow_uri):
    set_schema(mlflow_uri, "f00dfeed0001")
    with pytest.raises(InputError, match=r"f00dfeed0001.*newer MLflow wrote it"):
        refuse_other_schema(mlflow_uri)


def test_an_older_one_says_how_to_upgrade(mlflow_uri):
    set_schema(mlflow_uri, "451aebb31d03")  # MLflow's first migration
    with pytest.raises(InputError, match="mlflow db upgrade"):
        refuse_other_schema(mlflow_uri)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:////nowhere/at/all.db"])
def test_what_cannot_be_asked_is_no_fault(uri):
    refuse_other_schema(uri)


def test_a_file_that_is_no_database_or_is_locked_is_left_to_the_shipper(tmp_path, mlflow_uri):
    (tmp_path / "odd.db").write_text("this is no database")
    refuse_other_schema(f"sqlite:///{tmp_path / 'odd.db'}")
    blocker = sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    refuse_other_schema(mlflow_uri)
    blocker.close()


def test_run_refuses_it_before_anything_is_trained(tmp_path, mlflow_uri):
    set_schema(mlflow_uri, "f00dfeed0001")
    path = tmp_path / "experiment.yaml"
    path.write_text(f"name: x\ntask: toy\nbaseline: a\narms: {{a: {{}}}}\ntracking: {{uri: '{mlflow_uri}'}}\n")
    command = [sys.executable, "-m", "rcflab.cli", "run", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and "f00dfeed0001" in done.stderr
    assert not (tmp_path / "runs" / "ledger").exists()
