"""The shipper against a store in memory that fails on demand."""

import threading
import time

import pytest

from rcflab.faults import FAULT_VARIABLE, reset_faults
from rcflab.ledger.files import file_lock
from rcflab.track.cursor import ship_folder
from rcflab.track.shipper import Pending, Shipper
from rcflab.track.tracker import NullTracker


@pytest.fixture
def one(new_cell):
    return new_cell()


@pytest.fixture
def make(tmp_path, store, new_plan, one):
    """Shippers of a plan with one cell; each is like a process of its own."""
    return lambda plan=None, tracker=store: Shipper(tmp_path, plan or new_plan(one), tracker)


def only_run(store):
    (stored,) = store.cells()
    return stored


def test_a_whole_cell_arrives_with_every_step_exactly_once(life, make, store, one):
    life.whole(one, steps=5)
    assert make().ship() == 9
    assert store.steps(one, "train/loss") == [1, 2, 3, 4, 5]
    assert store.steps(one, "toy/score") == [5]


def test_a_second_pass_changes_nothing(life, make, store, one):
    life.whole(one)
    shipper = make()
    shipper.ship()
    calls = len(store.calls)
    assert shipper.ship() == 0
    assert len(store.calls) == calls


def test_another_process_that_finds_all_shipped_reads_no_ledger_and_sends_nothing(life, make, store, one, monkeypatch):
    life.whole(one)
    make().finish(10)
    store.calls.clear()
    monkeypatch.setattr("rcflab.track.shipper.Source", None)
    again = make()
    assert again.finish(10) == Pending(0, None)
    assert set(store.calls) <= {"open_experiment", "find_cells"}


def test_steps_that_were_done_again_after_a_crash_are_sent_once(life, make, store, one):
    life.begin(one)
    life.steps(one, 1, 4)
    shipper = make()
    shipper.ship()
    life.begin(one, attempt=2, step=2)
    life.steps(one, 3, 6)
    shipper.ship()
    make().ship()
    assert store.steps(one, "train/loss") == [1, 2, 3, 4, 5, 6]
    assert store.steps(one, "time/step_ms") == [1, 2, 3, 4, 5, 6]


def test_a_lost_cursor_folder_leads_to_no_second_row_and_no_second_run(life, make, store, one, tmp_path):
    life.whole(one)
    make().ship()
    rows = list(only_run(store).rows)
    for path in ship_folder(tmp_path, store.uri).glob("*.json"):
        path.unlink()
    make().ship()
    assert only_run(store).rows == rows


def test_a_cursor_cut_in_half_is_like_a_lost_one(life, make, store, one, tmp_path):
    life.whole(one)
    make().ship()
    (ship_folder(tmp_path, store.uri) / f"{one.eval_key}.json").write_text('{"run_id": "ru')
    make().ship()
    assert store.steps(one, "train/loss") == [1, 2, 3]


def test_answers_lost_after_the_work_was_done_lead_to_no_duplicates(life, make, store, one):
    life.whole(one)
    shipper = make()
    store.lose_answers = True
    for _ in range(3):
        shipper.ship()
    assert not shipper.pending().clear
    store.lose_answers = False
    shipper.ship()
    assert store.steps(one, "train/loss") == [1, 2, 3]
    assert shipper.pending() == Pending(0, None)


def test_a_crash_after_the_run_was_created_leads_to_one_run(life, make, store, one, monkeypatch):
    life.whole(one)
    reset_faults()
    monkeypatch.setenv(FAULT_VARIABLE, "ship.run_created:raise:1")
    assert make().ship() == 0
    monkeypatch.delenv(FAULT_VARIABLE)
    make().ship()
    assert len(store.cells()) == 1
    assert store.steps(one, "train/loss") == [1, 2, 3]


def test_a_store_that_is_down_raises_nothing_and_gets_everything_later(life, make, store, one):
    store.down = True
    life.whole(one)
    shipper = make()
    assert shipper.ship() == 0
    assert shipper.pending() == Pending(7, "memory: connection refused")
    store.down = False
    assert shipper.ship() == 7
    assert shipper.pending() == Pending(0, None)


def test_one_run_that_is_refused_does_not_hold_up_the_others(life, make, store, new_cell, new_plan):
    cells = [new_cell("a"), new_cell("b")]
    for cell in cells:
        life.begin(cell)
    shipper = make(new_plan(*cells))
    shipper.ship()
    bad = store.cells(cells[0].eval_key)[0].run.run_id
    store.refused.add(bad)
    for cell in cells:
        life.steps(cell, 1, 2)
    shipper.ship()
    assert store.steps(cells[1], "train/loss") == [1, 2]
    assert bad in shipper.pending().fault
    store.refused.clear()
    shipper.ship()
    assert store.steps(cells[0], "train/loss") == [1, 2]


def test_a_run_that_someone_deleted_is_made_again_in_full(life, make, store, one):
    life.whole(one)
    shipper = make()
    shipper.ship()
    del store.runs[only_run(store).run.run_id]
    life.begin(one, attempt=2, step=3)
    shipper.ship()
    shipper.ship()
    assert store.steps(one, "train/loss") == [1, 2, 3]


def test_a_store_that_was_emptied_gets_everything_again(life, make, store, one):
    life.whole(one)
    make().finish(10)
    store.runs.clear()
    assert make().finish(10) == Pending(0, None)
    assert store.steps(one, "train/loss") == [1, 2, 3]


def test_a_damaged_ledger_of_one_cell_does_not_hold_up_the_others(life, make, store, new_cell, new_plan, tmp_path):
    cells = [new_cell("a"), new_cell("b")]
    for cell in cells:
        life.whole(cell)
    segment = next((tmp_path / "ledger" / cells[0].train_key).glob("*.jsonl"))
    segment.write_bytes(b"broken\n")
    shipper = make(new_plan(*cells))
    shipper.ship()
    assert store.steps(cells[1], "train/loss") == [1, 2, 3]
    assert segment.name in shipper.pending().fault


def test_params_tags_and_config_tell_what_the_cell_is(life, make, store, one, tmp_path):
    life.whole(one)
    make().ship()
    stored = only_run(store)
    assert stored.params == {
        "model.slope": "1.5", "model.tags": '["x", 1]', "training.steps": "3", "none": "null", "empty": "{}",
    }  # fmt: skip
    expected = {
        "rcflab.code_digest": "code-a",
        "rcflab.git_commit": "unknown",
        "rcflab.git_dirty": "true",
        "rcflab.package.torch": "2.14",
        "rcflab.checkpoint": (tmp_path / "cells" / one.train_key / "checkpoints" / "s3").as_uri(),
        "rcflab.checkpoint_sha256": "ab" * 32,
    }
    assert expected.items() <= stored.tags.items()
    assert '"slope": 1.5' in stored.files["config.json"]


def test_files_of_the_final_evaluation_arrive_in_their_folders(life, make, store, one):
    life.begin(one)
    life.evaluate(one, 1, 10.0, final=False)
    shipper = make()
    shipper.ship()
    assert set(only_run(store).files) == {"config.json"}
    life.evaluate(one, 3, 50.0)
    shipper.ship()
    files = only_run(store).files
    assert files["overlays/clip.png"] == "overlays/clip.png 50.0"
    assert set(files) == {"config.json", "records.npz", "results.json", "overlays/clip.png"}
    assert store.calls.count("upload") == 3


def test_an_artifact_that_is_gone_from_disk_does_not_stop_the_rest(life, make, store, one, tmp_path):
    life.whole(one)
    next(tmp_path.glob("cells/*/eval/*/overlays/clip.png")).unlink()
    shipper = make()
    shipper.ship()
    assert shipper.pending() == Pending(0, None)
    assert "records.npz" in only_run(store).files


@pytest.mark.parametrize(
    ("state", "status"), [("finished", "FINISHED"), ("failed", "FAILED"), ("interrupted", "KILLED")]
)
def test_the_end_of_a_cell_gives_its_status_time_and_reason(life, make, store, one, state, status):
    life.begin(one)
    life.evaluate(one, 3, 50.0)
    life.end(one, 3, state, "why", "error" if state == "failed" else "")
    make().finish(10)
    stored = only_run(store)
    assert (stored.status, stored.ended_ms, stored.tags["rcflab.reason"]) == (status, life.clock, "why")
    assert store.runs["parent-toy-table"].status == status


def test_a_resumed_cell_runs_again_and_its_old_reason_is_gone(life, make, store, one):
    life.begin(one)
    life.end(one, 0, "failed", "out of luck", "error")
    shipper = make()
    shipper.ship()
    life.begin(one, attempt=2)
    shipper.ship()
    stored = only_run(store)
    assert (stored.status, stored.tags["rcflab.reason"], stored.tags["rcflab.attempts"]) == ("RUNNING", "", "2")


def test_a_finished_training_without_this_cells_evaluation_still_runs(life, make, store, new_cell, new_plan):
    cells = [new_cell("a", train="same", evaluation="strict"), new_cell("b", train="same", evaluation="lax")]
    life.whole(cells[0])
    make(new_plan(*cells)).ship()
    assert [store.cells(cell.eval_key)[0].status for cell in cells] == ["FINISHED", "RUNNING"]
    assert [store.steps(cell, "train/loss") for cell in cells] == [[1, 2, 3]] * 2
    assert [store.steps(cell, "toy/score") for cell in cells] == [[3], []]


def test_a_cell_of_another_experiment_is_linked_and_not_copied(life, make, store, one, new_plan):
    life.whole(one)
    make().finish(10)
    calls = store.calls.count("log_rows")
    make(new_plan(one, name="second")).finish(10)
    assert store.calls.count("log_rows") == calls
    tags = store.runs["parent-second"].tags
    assert tags["rcflab.linked.a.seed0"] == only_run(store).run.run_id
    assert store.runs["parent-second"].status == "FINISHED"


def test_arms_that_are_one_and_the_same_cell_share_its_run(life, make, store, new_cell, new_plan):
    first, twin = new_cell("a", evaluation="same", train="t"), new_cell("b", evaluation="same", train="t")
    life.whole(first)
    make(new_plan(first, twin)).ship()
    assert store.runs["parent-toy-table"].tags["rcflab.linked.b.seed0"] == only_run(store).run.run_id
    assert "rcflab.linked.a.seed0" not in store.runs["parent-toy-table"].tags


def test_training_anew_by_other_code_gets_a_run_of_its_own(life, make, store, one):
    life.begin(one)
    life.steps(one, 1, 3)
    shipper = make()
    shipper.ship()
    life.begin(one, attempt=2, code="code-b")
    life.steps(one, 1, 2, offset=5.0)
    shipper.ship()
    make().ship()
    old, new = store.cells()
    assert (old.status, old.tags["rcflab.superseded"]) == ("KILLED", "true")
    assert [row.value for row in new.rows if row.key == "train/loss"] == [6.0, 5.5]
    assert [row.step for row in old.rows if row.key == "train/loss"] == [1, 2, 3]


def test_a_generation_that_was_never_shipped_is_left_out(life, make, store, one):
    life.begin(one)
    life.steps(one, 1, 3)
    life.begin(one, attempt=2, code="code-b")
    life.steps(one, 1, 2, offset=5.0)
    make().ship()
    assert [row.value for row in only_run(store).rows if row.key == "train/loss"] == [6.0, 5.5]


def test_two_shippers_share_the_run_of_a_new_generation(life, make, store, one):
    life.begin(one)
    life.steps(one, 1, 1)
    first, second = make(), make()
    first.ship()
    life.begin(one, attempt=2, code="code-b")
    second.ship()
    life.steps(one, 1, 2)
    first.ship()
    assert [stored.run.generation for stored in store.cells()] == [0, 1]


def test_a_step_that_gave_another_value_raises_an_alarm_on_its_run(life, make, store, one):
    life.begin(one)
    life.steps(one, 1, 2)
    life.steps(one, 2, 2, offset=1.0)
    make().ship()
    assert only_run(store).tags["rcflab.alarms"] == "1"
    assert "train/loss at step 2" in only_run(store).tags["rcflab.first_alarm"]


def test_a_second_shipper_waits_its_turn(life, make, store, one, tmp_path):
    life.whole(one)
    shipper = make()
    folder = ship_folder(tmp_path, store.uri)
    folder.mkdir(parents=True)
    with file_lock(folder / "ship.lock", 0):
        assert shipper.ship() == 0
        assert "another process ships" in shipper.pending().fault
    assert shipper.ship() == 7


def test_the_background_thread_ships_and_survives_an_outage(life, make, store, one):
    life.begin(one)
    life.steps(one, 1, 2)
    store.down = True
    shipper = make()
    shipper.run_in_background(0.02)
    wait_for(lambda: shipper.pending().fault is not None)
    store.down = False
    wait_for(lambda: store.cells() and store.steps(one, "train/loss") == [1, 2])
    shipper.stop()
    assert "rcflab-shipper" not in [thread.name for thread in threading.enumerate()]


def test_finish_gives_up_in_its_time_and_tells_what_is_left(life, make, store, one):
    life.whole(one)
    store.down = True
    assert make().finish(0.7) == Pending(7, "memory: connection refused")


def test_finish_does_not_hang_in_a_store_that_never_answers(life, make, store, one, monkeypatch):
    life.whole(one)
    release = threading.Event()
    monkeypatch.setattr(store, "open_experiment", lambda plan, note: release.wait(60))
    pending = make().finish(0.3)
    assert not pending.clear
    release.set()


def test_no_tracking_keeps_nothing_waiting(life, make, one):
    life.whole(one)
    assert make(tracker=NullTracker()).finish(10) == Pending(0, None)


def test_a_plan_that_never_started_has_a_parent_and_no_cells(make, store):
    assert make().finish(10) == Pending(0, None)
    assert store.cells() == []
    assert "compares 1 arms" in store.runs["parent-toy-table"].tags["note"]


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
