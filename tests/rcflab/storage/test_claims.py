"""Two machines, one key."""

import json
import threading
import time

import pytest

from rcflab.errors import FencedError
from rcflab.ledger.events import Metrics, StateChanged
from rcflab.ledger.lease import LeaseHeldError, acquire, holder, this_process
from rcflab.ledger.object_writer import ObjectLedgerWriter
from rcflab.ledger.process import ProcessId
from rcflab.ledger.reader import read_events
from rcflab.storage.claims import ObjectClaims
from rcflab.storage.opening import mirror_of

KEY = "0123456789abcdef"


def take(storage, driver=None):
    mirror = mirror_of(storage)
    lease = acquire(storage, KEY, driver or this_process(), claims=mirror.claims(KEY))
    mirror.fetch_ledgers((KEY,))
    return lease


def events(storage):
    mirror_of(storage).fetch_ledgers((KEY,))
    return [event.step for event in read_events(storage, KEY)]


def by_hand(remote, token, owner, *segments, driver=None):
    """A claim of another host."""
    value = {"owner": as_json(owner), "driver": as_json(driver or owner), "segments": list(segments)}
    assert remote.create(f"ledger/{KEY}/claims/{token:08d}.json", json.dumps(value).encode())


def as_json(process):
    return {"host": process.host, "pid": process.pid, "started": process.started}


def test_a_key_that_a_live_machine_holds_is_not_taken(remote, machine, elsewhere):
    by_hand(remote, 1, elsewhere)
    storage = machine("a")
    with pytest.raises(LeaseHeldError, match="another-host"):
        take(storage)
    assert holder(storage, KEY) is not None


def test_a_key_that_was_given_back_is_free_for_other_machines(remote, machine, elsewhere):
    by_hand(remote, 1, elsewhere)
    remote.write(f"ledger/{KEY}/claims/00000001.released", b"")
    assert take(machine("a")).token == 2


def test_a_machine_that_gave_no_sign_for_long_has_lost_its_key(remote, machine, elsewhere, monkeypatch):
    by_hand(remote, 1, elsewhere)
    monkeypatch.setattr("rcflab.ledger.lease.HEARTBEAT_TTL_S", -1.0)
    assert take(machine("a")).token == 2


def test_a_sign_of_life_keeps_a_key(remote, machine, elsewhere):
    by_hand(remote, 1, elsewhere)
    remote.write(f"ledger/{KEY}/claims/00000001.beat", b"")
    claims = ObjectClaims(remote, KEY, machine("a") / "ledger" / KEY / "lease.json")
    newest = claims.look().newest
    assert newest is not None and time.time() - newest.beat_s < 30 and not newest.released


def test_of_machines_that_claim_at_once_one_gets_the_key(remote, tmp_path):
    told: list[bool] = []
    barrier = threading.Barrier(6)

    def claim(number: int) -> None:
        claims = ObjectClaims(remote, KEY, tmp_path / str(number) / "lease.json")
        owner = ProcessId(f"host-{number}", 1, "x")
        barrier.wait()
        told.append(claims.claim(1, owner, owner))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 5 + [True]


def test_an_owner_that_was_replaced_from_another_machine_is_stopped_at_its_next_write(remote, machine, elsewhere):
    storage = machine("a")
    lease = take(storage)
    writer = ObjectLedgerWriter(storage, KEY, lease, mirror_of(storage))
    writer.append(StateChanged(1, 1, "interrupted"))
    by_hand(remote, 2, elsewhere, "00000001-0000.jsonl")
    with pytest.raises(FencedError, match="another machine has the key"):
        writer.append(StateChanged(2, 2, "interrupted"))
    with pytest.raises(FencedError):
        lease.heartbeat()
    assert events(storage) == [1]


def test_what_an_old_owner_wrote_after_it_was_replaced_counts_nowhere(remote, machine, elsewhere):
    """Its check and its write have the takeover between them: the slowest network there is."""
    storage = machine("a")
    lease = take(storage)
    mirror = mirror_of(storage)
    ObjectLedgerWriter(storage, KEY, lease, mirror).append(StateChanged(1, 1, "interrupted"))
    late = next(iter((storage / "ledger" / KEY).glob("*.jsonl"))).read_bytes().replace(b'"step":1', b'"step":1')
    by_hand(remote, 2, elsewhere, "00000001-0000.jsonl")
    mirror.write(storage / "ledger" / KEY / "00000001-0001.jsonl", late)
    assert events(storage) == [1]
    assert events(machine("b")) == [1]
    remote.write(f"ledger/{KEY}/claims/00000002.released", b"")
    assert take(machine("c")).token == 3
    assert events(machine("c")) == [1]


def test_the_next_owner_sees_what_the_one_before_left_on_another_machine(machine):
    first = machine("a")
    lease = take(first)
    writer = ObjectLedgerWriter(first, KEY, lease, mirror_of(first))
    writer.append(Metrics(1, 1, {"train/loss": 1.0}))
    writer.append(StateChanged(2, 2, "interrupted"))
    lease.release()
    second = machine("b")
    again = take(second)
    assert again.token == 2 and events(second) == [1, 2]
    ObjectLedgerWriter(second, KEY, again, mirror_of(second)).append(StateChanged(3, 3, "finished"))
    again.release()
    assert events(machine("a")) == [1, 2, 3] == events(machine("c"))


def test_a_released_key_has_no_holder_on_any_machine(machine):
    lease = take(machine("a"))
    other = machine("b")
    mirror_of(other).fetch_ledgers((KEY,))
    assert holder(other, KEY) is not None  # the same process, which lives
    machine("a")
    lease.release()
    machine("b")
    mirror_of(other).fetch_ledgers((KEY,))
    assert holder(other, KEY) is None
