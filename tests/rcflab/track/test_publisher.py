"""Tables, figures and reports become artifacts of the parent run, once for each content."""

import pytest

from rcflab.track.publisher import Publisher
from rcflab.track.tracker import ArmAggregate

ARMS = (ArmAggregate("a", {"mean/toy/score": 1.0}, {}),)


@pytest.fixture
def publisher(tmp_path, store, new_plan, new_cell):
    folder = tmp_path / "experiments" / "toy-table"
    folder.mkdir(parents=True)
    for name in ("table.md", "table.provenance.json", "shipped.json", "plan.json", ".ui.log"):
        (folder / name).write_text(name)
    return Publisher(tmp_path, folder, new_plan(new_cell()), store)


def files(store):
    return store.runs["parent-toy-table"].files


def test_files_of_the_folder_arrive_but_notes_of_our_own(publisher, store):
    (publisher.folder / "figures").mkdir()
    (publisher.folder / "figures" / "ap.svg").write_text("<svg/>")
    assert publisher.publish(ARMS, 30) is None
    assert set(files(store)) == {"table.md", "table.provenance.json", "figures/ap.svg"}
    assert store.arms == {"toy-table": ARMS}


def test_what_the_store_has_is_not_sent_again_and_the_store_not_asked(publisher, store):
    publisher.publish(ARMS, 30)
    assert publisher.is_published(ARMS)
    uploads = store.calls.count("upload")
    publisher.publish(ARMS, 30)
    assert store.calls.count("upload") == uploads


def test_a_report_that_appears_or_changes_is_sent_alone(publisher, store):
    publisher.publish(ARMS, 30)
    for text in ("first", "second"):
        (publisher.folder / "report.html").write_text(text)
        assert not publisher.is_published(ARMS)
        before = store.calls.count("upload")
        publisher.publish(ARMS, 30)
        assert (files(store)["report.html"], store.calls.count("upload")) == (text, before + 1)


def test_a_new_time_in_the_provenance_alone_sends_nothing(publisher):
    publisher.publish(ARMS, 30)
    (publisher.folder / "table.provenance.json").write_text("later")
    assert publisher.is_published(ARMS)


def test_other_numbers_of_an_arm_are_sent(publisher, store):
    publisher.publish(ARMS, 30)
    other = (ArmAggregate("a", {"mean/toy/score": 2.0}, {}),)
    assert not publisher.is_published(other)
    publisher.publish(other, 30)
    assert store.arms == {"toy-table": other}


def test_without_a_table_files_go_and_arms_stay(publisher, store):
    publisher.publish(ARMS, 30)
    (publisher.folder / "table.md").write_text("new")
    assert publisher.publish(None, 30) is None
    assert (files(store)["table.md"], store.arms) == ("new", {"toy-table": ARMS})
    assert publisher.is_published(ARMS)


def test_a_store_that_is_down_is_told_and_gets_all_later(publisher, store):
    store.down = True
    assert publisher.publish(ARMS, 30) == "memory: connection refused"
    assert not publisher.is_published(ARMS)
    store.down = False
    assert publisher.publish(ARMS, 30) is None
    assert publisher.is_published(ARMS)


def test_a_store_that_lost_its_parent_run_gets_all_files_again(publisher, store):
    publisher.publish(ARMS, 30)
    store.parents = "another"
    (publisher.folder / "report.html").write_text("<html/>")
    publisher.publish(ARMS, 30)
    assert set(store.runs["another-toy-table"].files) == {"table.md", "table.provenance.json", "report.html"}


def test_an_answer_that_never_comes_ends_the_patience_not_the_run(publisher, store, monkeypatch):
    import threading

    release = threading.Event()
    monkeypatch.setattr(store, "open_experiment", lambda plan, note: release.wait(60))
    assert "did not answer" in publisher.publish(ARMS, 0.2)
    release.set()
