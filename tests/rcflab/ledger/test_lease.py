"""Who may write under a key."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rcflab.errors import FencedError, StorageError, exit_code_of
from rcflab.ledger import process
from rcflab.ledger.lease import HEARTBEAT_TTL_S, LeaseHeldError, ProcessId, acquire, holder, is_alive, this_process

KEY = "0123456789abcdef"
HOLD = """
from rcflab.ledger.lease import ProcessId, acquire, this_process
driver = {driver}
lease = acquire(storage, key, driver)
print(lease.token, flush=True)
input()
with lease.guard():
    print("wrote", flush=True)
"""


def dead_process():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = replace(this_process(), pid=child.pid, started=_started(child.pid))
    child.stdin.close()
    child.wait()
    return identity


def _started(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{this_process().started.split('-')[0]}-{fields[19]}"


def held_by_child(spawn, driver="this_process()"):
    child = spawn(HOLD.format(driver=driver))
    assert child.stdout.readline().strip() == "1"
    return child


def pretend_owner(tmp_path, **changes):
    """Rewrite lease.json as if another process had written it."""
    path = tmp_path / "ledger" / KEY / "lease.json"
    value = json.loads(path.read_text())
    for role, identity in changes.items():
        value[role] = {"host": identity.host, "pid": identity.pid, "started": identity.started}
    path.write_text(json.dumps(value))
    return path


def test_the_first_owner_gets_token_one(lease):
    assert lease.token == 1


def test_each_owner_gets_a_higher_token(tmp_path, lease):
    lease.release()
    assert acquire(tmp_path, KEY, this_process()).token == 2


def test_a_lost_lease_file_does_not_bring_a_token_back(tmp_path, lease):
    (lease.folder / "00000007-0000.jsonl").touch()
    (lease.folder / "lease.json").unlink()
    assert acquire(tmp_path, KEY, this_process()).token == 8


def test_a_live_owner_under_another_live_driver_is_left_alone(tmp_path, spawn):
    child = held_by_child(spawn)
    with pytest.raises(LeaseHeldError, match=f"process {child.pid} on") as raised:
        acquire(tmp_path, KEY, this_process(), wait_s=5)
    assert exit_code_of(raised.value) == 75


def test_a_killed_owner_loses_the_lease_at_once(tmp_path, spawn):
    child = held_by_child(spawn)
    child.kill()
    child.wait()
    assert acquire(tmp_path, KEY, this_process()).token == 2


def test_a_killed_owner_that_nobody_waited_for_is_dead_too(tmp_path, spawn):
    child = held_by_child(spawn)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert acquire(tmp_path, KEY, this_process()).token == 2


def test_an_orphan_of_a_dead_driver_is_fenced_while_it_lives(tmp_path, spawn):
    child = held_by_child(spawn, driver=repr(dead_process()))
    assert acquire(tmp_path, KEY, this_process()).token == 2
    output, _ = child.communicate("go\n")
    assert "wrote" not in output


def test_an_owner_of_the_same_driver_is_waited_for(tmp_path, spawn):
    child = held_by_child(spawn, driver=repr(this_process()))
    timer = threading.Timer(0.2, child.kill)
    timer.start()
    assert acquire(tmp_path, KEY, this_process(), wait_s=30).token == 2
    timer.join()


def test_an_owner_of_the_same_driver_that_stays_is_an_error(tmp_path, spawn):
    held_by_child(spawn, driver=repr(this_process()))
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path, KEY, this_process(), wait_s=0.1)


def test_the_same_process_takes_its_own_abandoned_lease_over(tmp_path, lease):
    newer = acquire(tmp_path, KEY, this_process())
    with pytest.raises(FencedError), lease.guard():
        pass
    with newer.guard():
        pass


def test_an_owner_on_another_host_counts_as_alive_while_its_heart_beats(tmp_path, lease):
    pretend_owner(tmp_path, owner=ProcessId("elsewhere", 1, "x"), driver=ProcessId("elsewhere", 2, "x"))
    with pytest.raises(LeaseHeldError, match="elsewhere"):
        acquire(tmp_path, KEY, this_process())


def test_an_owner_on_another_host_without_heartbeat_is_dead(tmp_path, lease):
    path = pretend_owner(tmp_path, owner=ProcessId("elsewhere", 1, "x"), driver=ProcessId("elsewhere", 2, "x"))
    long_ago = path.stat().st_mtime - HEARTBEAT_TTL_S - 5
    os.utime(path, (long_ago, long_ago))
    assert acquire(tmp_path, KEY, this_process()).token == 2


def test_an_owner_on_another_host_that_may_be_dead_is_waited_for_until_it_is_silent_for_too_long(tmp_path, lease):
    path = pretend_owner(tmp_path, owner=ProcessId("elsewhere", 1, "x"), driver=ProcessId("elsewhere", 2, "x"))
    almost = path.stat().st_mtime - HEARTBEAT_TTL_S + 1
    os.utime(path, (almost, almost))
    assert acquire(tmp_path, KEY, this_process(), wait_s=250).token == 2


def test_one_that_shows_that_it_lives_is_left_alone_at_once(tmp_path, lease):
    path = pretend_owner(tmp_path, owner=ProcessId("elsewhere", 1, "x"), driver=ProcessId("elsewhere", 2, "x"))
    timer = threading.Timer(0.3, os.utime, [path])
    timer.start()
    with pytest.raises(LeaseHeldError, match="elsewhere"):
        acquire(tmp_path, KEY, this_process(), wait_s=10_000)
    timer.join()


def test_an_attempt_on_another_host_that_is_known_to_be_lost_need_not_fall_silent(tmp_path, lease):
    pretend_owner(tmp_path, owner=ProcessId("elsewhere", 1, "x"))
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path, KEY, this_process())
    assert acquire(tmp_path, KEY, this_process(), gone=1).token == 2
    with pytest.raises(FencedError), lease.guard():
        pass


def test_what_one_driver_has_lost_says_nothing_of_the_attempts_of_another(tmp_path, lease):
    pretend_owner(tmp_path, owner=ProcessId("elsewhere", 1, "x"), driver=ProcessId("elsewhere", 2, "x"))
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path, KEY, this_process(), gone=1)


def test_a_container_that_counts_its_processes_by_itself_is_another_host(monkeypatch):
    here = this_process()
    assert " " not in here.host
    monkeypatch.setattr(process, "_FIRST_PID_SPACE", "pid:[1]")
    assert process._host().startswith(f"{here.host} pid:[")
    assert is_alive(replace(here, started="another-start")), "nobody here can tell"


def test_a_heartbeat_renews_the_sign_of_life(lease):
    path = lease.folder / "lease.json"
    os.utime(path, (0, 0))
    lease.heartbeat()
    assert path.stat().st_mtime > 1


def test_a_recycled_pid_is_not_taken_for_the_owner():
    assert is_alive(this_process())
    assert not is_alive(replace(this_process(), started="another-start"))


def test_a_released_lease_admits_no_more_writing(lease):
    lease.release()
    with pytest.raises(FencedError), lease.guard():
        pass


def test_releasing_after_a_takeover_leaves_the_new_owner_in_place(tmp_path, lease):
    newer = acquire(tmp_path, KEY, this_process())
    lease.release()
    with newer.guard():
        pass


def test_guards_may_be_nested(lease):
    with lease.guard():
        with lease.guard():
            pass
        lease.heartbeat()
    with lease.guard():
        pass


def test_a_fault_inside_a_guard_gives_the_lock_back(tmp_path, lease):
    with pytest.raises(KeyError), lease.guard():
        raise KeyError
    assert acquire(tmp_path, KEY, this_process()).token == 2


def test_holder_names_the_live_owner(tmp_path, lease):
    info = holder(tmp_path, KEY)
    assert info is not None
    assert (info.owner, info.token) == (this_process(), 1)


def test_nobody_holds_a_key_that_is_new_released_or_orphaned(tmp_path, lease):
    orphaned = pretend_owner(tmp_path, driver=dead_process())
    assert holder(tmp_path, KEY) is None
    assert holder(tmp_path, "fedcba9876543210") is None
    orphaned.unlink()
    lease = acquire(tmp_path, KEY, this_process())
    lease.release()
    assert holder(tmp_path, KEY) is None


def test_eight_processes_that_start_together_get_eight_tokens(tmp_path, spawn):
    code = "from rcflab.ledger.lease import acquire, this_process, ProcessId\ninput()\n"
    code += f"driver = {this_process()!r}\nlease = acquire(storage, key, driver, wait_s=60)\n"
    code += "with lease.guard(): print(lease.token, flush=True)\nlease.release()"
    children = [spawn(code) for _ in range(8)]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    tokens = [int(child.stdout.readline()) for child in children]
    assert sorted(tokens) == list(range(1, 9))


def test_a_damaged_lease_file_is_a_storage_error_that_names_it(tmp_path, lease):
    (lease.folder / "lease.json").write_text("{")
    with pytest.raises(StorageError, match=r"lease\.json"):
        acquire(tmp_path, KEY, this_process())


@pytest.mark.parametrize("key", ["", "../up", "a/b", "."])
def test_a_key_that_is_no_plain_name_is_refused(tmp_path, key):
    with pytest.raises(ValueError, match="ledger key"):
        acquire(tmp_path, key, this_process())
