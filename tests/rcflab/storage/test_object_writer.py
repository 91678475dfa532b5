import pytest

from rcflab.errors import StorageError
from rcflab.ledger.events import CheckpointSaved, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.object_writer import ObjectLedgerWriter
from rcflab.ledger.reader import Tail, read_events
from rcflab.storage.mirror import PLAIN, PlainFolder

KEY = "0123456789abcdef"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Stubborn(PlainFolder):
    """Refuses so many writes; with `did` it has done each of them all the same, and only the answer was lost."""

    def __init__(self, refusals, *, did=False):
        self.refusals, self.did, self.written = refusals, did, []

    def write(self, path, content):
        if self.refusals:
            self.refusals -= 1
            if self.did:
                super().write(path, content)
            raise StorageError("the store does not answer")
        self.written.append(path.name)
        super().write(path, content)


def writer_at(storage, mirror=PLAIN):
    clock = Clock()
    lease = acquire(storage, KEY, this_process())
    return ObjectLedgerWriter(storage, KEY, lease, mirror, clock=clock), clock


def loss(step):
    return Metrics(step, step, {"train/loss": float(step)})


def steps(storage):
    return [event.step for event in read_events(storage, KEY)]


def test_curves_wait_for_some_seconds_and_go_together(tmp_path):
    writer, clock = writer_at(tmp_path)
    for step in range(1, 4):
        writer.append(loss(step))
    assert steps(tmp_path) == []
    clock.now = 11.0
    writer.append(loss(4))
    assert steps(tmp_path) == [1, 2, 3, 4]
    assert len(list((tmp_path / "ledger" / KEY).glob("*.jsonl"))) == 1


@pytest.mark.parametrize("urgent", [CheckpointSaved(5, 5, "p", "s"), StateChanged(5, 5, "finished")])
def test_whatever_is_no_curve_is_there_at_once_with_all_before_it(tmp_path, urgent):
    writer, _ = writer_at(tmp_path)
    writer.append(loss(4))
    writer.append(urgent)
    assert steps(tmp_path) == [4, 5]


def test_much_held_back_goes_without_waiting(tmp_path):
    writer, _ = writer_at(tmp_path)
    writer.append_many([Metrics(step, step, {f"train/{'x' * 200}{n}": 1.0 for n in range(20)}) for step in range(300)])
    assert steps(tmp_path) == list(range(300))


@pytest.mark.parametrize("did", [True, False])
def test_what_a_store_refused_goes_later_once_and_in_order(tmp_path, did):
    mirror = Stubborn(1, did=did)
    writer, _ = writer_at(tmp_path, mirror)
    tail = Tail(tmp_path, KEY)
    writer.append(loss(1))
    with pytest.raises(StorageError):
        writer.append(StateChanged(2, 2, "interrupted"))
    seen = [event.step for event in tail.poll()]  # a reader may have seen what the writer was told had failed
    writer.append(StateChanged(3, 3, "finished"))
    assert seen + [event.step for event in tail.poll()] == [1, 2, 3] == steps(tmp_path)


def test_segments_are_sealed_whole_and_in_a_row(tmp_path):
    writer, _ = writer_at(tmp_path)
    for step in range(3):
        writer.append(StateChanged(step, step, "interrupted"))
    found = sorted((tmp_path / "ledger" / KEY).glob("*.jsonl"))
    assert [path.name for path in found] == [f"00000001-{number:04d}.jsonl" for number in range(3)]
    assert all(b'"kind":"sealed"' in path.read_bytes().splitlines()[-1] for path in found)


def test_a_loss_that_is_not_finite_is_refused_and_leaves_no_trace(tmp_path):
    writer, _ = writer_at(tmp_path)
    with pytest.raises(ValueError, match="finite"):
        writer.append(Metrics(1, 1, {"train/loss": float("nan")}))
    writer.append(StateChanged(2, 2, "failed"))
    assert steps(tmp_path) == [2]


def test_what_is_held_back_goes_when_it_is_asked_for(tmp_path):
    writer, _ = writer_at(tmp_path)
    writer.append(loss(1))
    writer.flush()
    writer.flush()
    assert steps(tmp_path) == [1]
    assert len(list((tmp_path / "ledger" / KEY).glob("*.jsonl"))) == 1
