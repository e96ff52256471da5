from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gslb.supervisor import renewal
from gslb.supervisor.lockfile import hold_lock, start_ticks
from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess

    from tests.supervisor.conftest import World


def ended(supervisor: subprocess.Popen[bytes]) -> int:
    """The exit code, once there is one."""
    return supervisor.wait(timeout=20)


def kill(supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.kill()
    supervisor.wait()


def test_a_killed_child_is_back_within_a_second(world: World) -> None:
    world.supervise(world.worker("nameserver-0"))
    pid = world.wait_for_pid("nameserver-0")
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    world.wait_for_pid("nameserver-0", other_than=pid)
    _, begun_again = world.wait_for_notes("nameserver-0", "begun", count=2)
    assert begun_again - killed < 1.0
    assert world.wait_for_event("process exited", pid=pid)["signal"] == "SIGKILL"
    assert world.wait_for_event("process restarts")["delay"] == 0.0


def test_a_crash_loop_backs_off(world: World) -> None:
    world.supervise(world.worker("control", "crash"))
    begun = world.wait_for_notes("control", "begun", count=5)
    restarts = world.events("process restarts")[:4]
    assert [entry["delay"] for entry in restarts] == [0.0, 0.1, 0.2, 0.4]
    for entry, (earlier, later) in zip(restarts, pairwise(begun), strict=False):
        assert later - earlier >= entry["delay"]
    assert world.events("process exited")[0]["code"] == 3


def test_no_zombie_is_left(world: World) -> None:
    world.supervise(world.worker("control", "crash"))
    world.wait_for_notes("control", "begun", count=4)
    exited = world.events("process exited")
    assert len(exited) >= 3
    assert [start_ticks(entry["pid"]) for entry in exited] == [None] * len(exited)


def test_children_outlive_a_killed_supervisor_and_the_next_one_adopts_watches_and_stops_them(world: World) -> None:
    children = world.worker("nameserver-0"), world.worker("control")
    first = world.supervise(*children)
    nameserver, control = world.wait_for_pid("nameserver-0"), world.wait_for_pid("control")
    kill(first)
    assert (world.pid("nameserver-0"), world.pid("control")) == (nameserver, control)

    second = world.supervise(*children)
    world.wait_for_event("process adopted", name="nameserver-0", pid=nameserver)
    world.wait_for_event("process adopted", name="control", pid=control)
    os.kill(nameserver, signal.SIGKILL)
    world.wait_for_pid("nameserver-0", other_than=nameserver)
    assert world.pid("control") == control

    second.send_signal(signal.SIGTERM)
    assert ended(second) == 0
    assert world.alive() == []


def test_a_process_whose_name_is_no_longer_wanted_is_retired(world: World) -> None:
    """Else a nameserver that nobody keeps up to date would go on answering beside the others."""
    former = world.supervise(world.worker("nameserver-0"), world.worker("nameserver-1"))
    kept, unwanted = world.wait_for_pid("nameserver-0"), world.wait_for_pid("nameserver-1")
    kill(former)
    world.supervise(world.worker("nameserver-0"))
    assert world.wait_for_event("process retired", pid=unwanted)["name"] == "nameserver-1"
    world.wait_for_event("process adopted", pid=kept)
    assert world.pid("nameserver-1") is None


def test_an_adopted_control_is_told_to_reload(world: World) -> None:
    former = world.supervise(world.worker("control"))
    world.wait_for_notes("control", "serving")
    kill(former)
    world.supervise(world.worker("control"))
    world.wait_for_notes("control", "signalled")


def test_a_live_process_with_another_command_is_replaced(world: World) -> None:
    first = world.supervise(world.worker("control"))
    old = world.wait_for_pid("control")
    kill(first)
    name, command = world.worker("control")
    world.supervise((name, [*command, "--other"]))
    new = world.wait_for_pid("control", other_than=old)
    assert world.wait_for_event("process replaced")["pid"] == old
    assert [what for _, what in world.notes("control")][:3] == ["begun", "serving", "stopped"]
    assert Path(f"/proc/{new}/cmdline").read_bytes().endswith(b"--other\0")


def test_a_stale_lock_file_with_a_reused_pid_is_not_adopted(world: World) -> None:
    name, command = world.worker("control")
    holder = {"pid": os.getpid(), "start_ticks": 1, "command": command, "started_utc": "2026-01-01T00:00:00+00:00"}
    (world.run_dir / "control.lock").write_text(json.dumps(holder))
    world.supervise((name, command))
    assert world.wait_for_pid("control") == world.wait_for_event("process started")["pid"]
    assert world.events("process adopted") == []


def test_a_child_that_had_not_yet_its_lock_when_its_supervisor_died_is_adopted_in_the_end(world: World) -> None:
    """The next supervisor finds no lock taken and starts another one; that one's exit 1 is no refusal."""
    child = world.worker("control", "late")
    first = world.supervise(child)
    early = world.wait_for_event("process started")["pid"]
    kill(first)
    second = world.supervise(child)
    world.wait_for_notes("control", "begun", count=2)
    late = world.events("process started")[1]["pid"]
    (world.run_dir / f"go-{early}").touch()
    assert world.wait_for_pid("control") == early
    (world.run_dir / f"go-{late}").touch()
    world.wait_for_event("process adopted", pid=early)
    assert world.wait_for_event("process exited")["pid"] == late
    second.send_signal(signal.SIGINT)
    assert ended(second) == 0


def test_interrupt_stops_the_children_in_reverse_order_and_leaves_no_process(world: World) -> None:
    supervisor = world.supervise(world.worker("nameserver-0"), world.worker("nameserver-1"), world.worker("control"))
    names = ["nameserver-0", "nameserver-1", "control"]
    for name in names:
        world.wait_for_notes(name, "serving")
    supervisor.send_signal(signal.SIGINT)
    assert ended(supervisor) == 0
    assert world.alive() == []
    assert [entry["name"] for entry in world.events("process exited")] == names[::-1]
    [control], [last] = world.wait_for_notes("control", "stopped"), world.wait_for_notes("nameserver-0", "stopped")
    assert control < last


def test_nothing_is_restarted_during_a_stop(world: World) -> None:
    children = world.worker("nameserver-0", "stubborn"), world.worker("control", "crash")
    supervisor = world.supervise(*children, stop_timeout=0.5)
    world.wait_for_event("process restarts", delay=0.4)
    started = world.events("process started")
    supervisor.send_signal(signal.SIGINT)
    assert ended(supervisor) == 0
    assert world.events("process started") == started
    assert world.alive() == []


def test_a_terminals_interrupt_does_not_reach_the_children(world: World) -> None:
    supervisor = world.supervise(world.worker("control"))
    pid = world.wait_for_pid("control")
    assert os.getsid(pid) == os.getpgid(pid) == pid != os.getsid(supervisor.pid)


def test_a_child_that_ignores_sigterm_is_killed_after_the_stop_timeout(world: World) -> None:
    supervisor = world.supervise(world.worker("control", "stubborn"), stop_timeout=0.2)
    pid = world.wait_for_pid("control")
    told = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)
    assert ended(supervisor) == 0
    assert time.monotonic() - told >= 0.2
    assert world.events("process killed")[0]["pid"] == pid
    assert world.events("process exited")[0]["signal"] == "SIGKILL"
    assert world.alive() == []


def test_a_second_interrupt_kills_at_once(world: World) -> None:
    supervisor = world.supervise(world.worker("nameserver-0", "stubborn"), world.worker("control", "stubborn"))
    world.wait_for_notes("nameserver-0", "serving")
    world.wait_for_notes("control", "serving")
    supervisor.send_signal(signal.SIGINT)
    world.wait_for_event("supervisor stops")
    supervisor.send_signal(signal.SIGINT)
    assert ended(supervisor) == 0
    assert {entry["signal"] for entry in world.events("process exited")} == {"SIGKILL"}
    assert world.alive() == []


def test_a_configuration_error_at_the_start_ends_everything_with_1(world: World) -> None:
    supervisor = world.supervise(world.worker("nameserver-0"), world.worker("control", "refuse"))
    assert ended(supervisor) == 1
    assert world.events("process refused to start")[0]["name"] == "control"
    assert world.alive() == []


def test_a_command_that_cannot_be_started_ends_everything_with_1(world: World) -> None:
    supervisor = world.supervise(world.worker("nameserver-0"), ("control", [str(world.run_dir / "missing")]))
    assert ended(supervisor) == 1
    assert "No such file" in world.events("process cannot start")[0]["reason"]
    assert world.alive() == []


def test_a_lock_held_by_someone_unknown_ends_everything_with_1_and_says_how_to_find_them(world: World) -> None:
    with (world.run_dir / "control.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        supervisor = world.supervise(world.worker("nameserver-0"), world.worker("control"))
        assert ended(supervisor) == 1
    assert "fuser" in world.events("process cannot start")[0]["reason"]
    assert world.alive() == []


def test_exit_1_after_an_adoption_is_a_crash_like_any_other(world: World) -> None:
    """The child was established before this supervisor was, so what still runs is not taken down with it."""
    child = world.worker("control", "once")
    first = world.supervise(child)
    pid = world.wait_for_pid("control")
    kill(first)
    world.supervise(child)
    world.wait_for_event("process adopted", pid=pid)
    os.kill(pid, signal.SIGKILL)
    world.wait_for_event("process exited", code=1)
    world.wait_for_event("process restarts", delay=0.1)


def test_hangup_is_passed_to_control_alone(world: World) -> None:
    supervisor = world.supervise(world.worker("nameserver-0"), world.worker("control"))
    world.wait_for_notes("nameserver-0", "serving")
    world.wait_for_notes("control", "serving")
    supervisor.send_signal(signal.SIGHUP)
    world.wait_for_notes("control", "signalled")
    supervisor.send_signal(signal.SIGTERM)
    assert ended(supervisor) == 0
    assert [what for _, what in world.notes("nameserver-0")] == ["begun", "serving", "stopped"]


def test_a_second_supervisor_is_refused_with_the_pid_of_the_first_and_touches_nothing(world: World) -> None:
    first = world.supervise(world.worker("control"))
    pid = world.wait_for_pid("control")
    assert ended(world.supervise(world.worker("control"))) == 1
    assert f"already running as process {first.pid}" in world.output()
    assert f"kill {first.pid}" in world.output()
    assert world.pid("control") == pid


def test_a_child_that_refuses_to_start_does_not_end_what_was_adopted(world: World) -> None:
    """Nameservers that answer go on while control cannot start."""
    former = world.supervise(world.worker("nameserver-0"))
    pid = world.wait_for_pid("nameserver-0")
    kill(former)
    supervisor = world.supervise(world.worker("nameserver-0"), world.worker("control", "refuse"))
    world.wait_for_event("process adopted", pid=pid)
    world.wait_for_notes("control", "begun", count=3)
    assert world.pid("nameserver-0") == pid
    supervisor.send_signal(signal.SIGTERM)
    assert ended(supervisor) == 0


def test_one_that_does_not_hand_over_its_place_is_ended_before_the_next_one_starts(world: World) -> None:
    first = world.supervise(world.worker("nameserver-0"))
    old = world.wait_for_pid("nameserver-0")
    kill(first)
    world.supervise(world.worker("nameserver-0", "cannot"))
    world.wait_for_event("process is ended first", pid=old)
    world.wait_for_pid("nameserver-0", other_than=old)
    assert [what for _, what in world.notes("nameserver-0")] == [
        *("begun", "serving", "begun", "to take over", "stopped", "begun", "serving")
    ]


def test_a_successor_that_is_not_able_to_leaves_the_former_one_in_its_place(world: World) -> None:
    first = world.supervise(world.worker("nameserver-0"), world.worker("nameserver-1"))
    old = [world.wait_for_pid(name) for name in ("nameserver-0", "nameserver-1")]
    kill(first)
    second = world.supervise(world.worker("nameserver-0", "unable"), world.worker("nameserver-1", "unable"))
    for pid in old:
        world.wait_for_event("process could not take over, the former one stays", pid=pid)
    assert [world.pid(name) for name in ("nameserver-0", "nameserver-1")] == old
    starts = world.events("process is to take over")
    assert [entry["name"] for entry in starts] == ["nameserver-0", "nameserver-1"]  # the second after the first
    os.kill(old[0], signal.SIGKILL)
    world.wait_for_pid("nameserver-0", other_than=old[0])
    second.send_signal(signal.SIGTERM)
    assert ended(second) == 0
    assert world.alive() == []


def test_a_stop_does_not_wait_for_a_successor(world: World) -> None:
    first = world.supervise(world.worker("nameserver-0"))
    world.wait_for_pid("nameserver-0")
    kill(first)
    second = world.supervise(world.worker("nameserver-0", "idle"))
    world.wait_for_notes("nameserver-0", "to take over")
    second.send_signal(signal.SIGTERM)
    assert ended(second) == 0
    assert world.alive() == []


def test_one_whose_place_is_to_be_taken_may_die_before(world: World) -> None:
    first = world.supervise(world.worker("nameserver-0"))
    old = world.wait_for_pid("nameserver-0")
    kill(first)
    world.supervise(world.worker("nameserver-0", "idle"))
    world.wait_for_notes("nameserver-0", "to take over")
    os.kill(old, signal.SIGKILL)
    world.wait_for_event("process exited", pid=old)
    os.kill(world.events("process is to take over")[0]["pid"], signal.SIGKILL)
    world.wait_for_pid("nameserver-0", other_than=old)


def test_without_a_way_to_renew_itself_it_stays_what_it_is(world: World) -> None:
    supervisor = world.supervise(world.worker("control"))
    world.wait_for_notes("control", "serving")
    supervisor.send_signal(signal.SIGUSR2)
    supervisor.send_signal(signal.SIGHUP)
    world.wait_for_notes("control", "signalled")
    supervisor.send_signal(signal.SIGTERM)
    assert ended(supervisor) == 0


def done(world: World) -> renewal.Renewal:
    """What is told once all are settled."""
    return eventually(lambda: told if (told := renewal.read(world.run_dir)) and told.done else None)


def test_where_one_that_was_replaced_crashes_the_others_stay_what_they_are(world: World) -> None:
    names = ("nameserver-0", "nameserver-1", "control")
    first = world.supervise(*(world.worker(name) for name in names))
    old = [world.wait_for_pid(name) for name in names]
    kill(first)
    world.supervise(*(world.worker(name, "take-brief") for name in names), renews=True)
    told = done(world)
    assert (told.crashed, told.stayed) == (("nameserver-0",), ("nameserver-1", "control"))
    assert [world.pid(name) for name in names[1:]] == old[1:]


def test_what_crashes_again_and_again_is_told_with_all_that_are_to_be(world: World) -> None:
    first = world.supervise(world.worker("nameserver-0"), world.worker("control"))
    world.wait_for_pid("control")
    kill(first)
    world.supervise(world.worker("nameserver-0"), world.worker("control", "brief"), renews=True)
    told = done(world)
    assert (told.crashed, told.stayed, told.names) == (("control",), (), ("nameserver-0", "control"))


def test_that_all_is_done_is_told_once_each_is_named_and_lives(world: World) -> None:
    world.supervise(world.worker("nameserver-0"), world.worker("control", "late"), renews=True)
    world.wait_for_notes("control", "begun")
    time.sleep(0.8)
    assert renewal.read(world.run_dir) is None
    (world.run_dir / f"go-{world.events('process started')[1]['pid']}").touch()
    assert done(world).crashed == ()
    assert world.pid("control") is not None


def want(world: World, wanted: object) -> None:
    (world.run_dir / "wanted").write_text(json.dumps(wanted))


def arguments(world: World, *children: tuple[str, list[str]]) -> list[str]:
    return [str(world.run_dir), "10.0", json.dumps(children), "--renews"]


def trials(world: World) -> int:
    path = world.run_dir / "trials"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_it_goes_on_as_what_a_trial_has_found_and_keeps_what_is_the_same(world: World) -> None:
    control, extra = world.worker("control"), world.worker("nameserver-0")
    supervisor = world.supervise(control, renews=True)
    assert done(world).names == ("control",)
    pid = world.pid("control")
    want(world, arguments(world, extra, control))
    request = renewal.Request(world.run_dir)
    tried = request.wait(20)
    assert tried is not None
    assert (tried.tried, tried.refused) == (True, "")
    news = request.wait(20, done=True)
    assert news is not None
    assert news.names == ("nameserver-0", "control")
    assert (world.pid("control"), world.pid("supervisor")) == (pid, supervisor.pid)


def test_what_is_asked_during_a_trial_has_another_one(world: World) -> None:
    """Else it would be told that what has not been tried is done."""
    control = world.worker("control")
    world.supervise(control, renews=True)
    done(world)
    want(world, arguments(world, world.worker("nameserver-0"), control))
    first = renewal.Request(world.run_dir)
    eventually(lambda: trials(world) == 1)
    want(world, "has a fault")
    second = renewal.Request(world.run_dir)
    for request in (first, second):
        news = request.wait(20, done=True)
        assert news is not None
        assert news.refused == "has a fault"
    assert trials(world) == 2
    assert world.pid("nameserver-0") is None


def test_what_is_asked_while_it_becomes_another_one_has_a_trial_as_well(world: World) -> None:
    control = world.worker("control")
    world.supervise(control, renews=True)
    done(world)
    want(world, arguments(world, world.worker("nameserver-0"), control))
    for number in range(3):
        assert renewal.Request(world.run_dir).wait(20) is not None
        request = renewal.Request(world.run_dir)  # it is about to, or does
        assert request.wait(20) is not None, number
    want(world, "has a fault")
    news = renewal.Request(world.run_dir).wait(20, done=True)
    assert news is not None
    assert news.refused == "has a fault"


def test_a_request_waits_for_a_supervisor_that_does_not_answer_yet(world: World) -> None:
    first = world.supervise(world.worker("control"), renews=True)
    done(world)
    kill(first)
    want(world, "has a fault")
    late = threading.Timer(0.3, world.supervise, (world.worker("control"),), {"renews": True})
    late.start()
    news = renewal.Request(world.run_dir).wait(20)
    late.join()
    assert news is not None
    assert news.refused == "has a fault"


@pytest.mark.parametrize("content", [None, ""])
def test_where_there_is_no_supervisor_a_request_fails(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "supervisor.lock").write_text(content)
    with pytest.raises(LookupError, match="no supervisor is running"):
        renewal.Request(tmp_path)


def test_a_supervisor_of_a_version_that_cannot_renew_itself_is_not_signalled(world: World) -> None:
    with hold_lock(world.run_dir / "supervisor.lock", ["old"]), pytest.raises(LookupError, match="cannot do that"):
        renewal.Request(world.run_dir)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ('import os; os.write({file}, b\'{{"arguments": ["a"]}}\')', renewal.Outcome(arguments=("a",))),
        ('import os; os.write({file}, b\'{{"refused": "why"}}\')', renewal.Outcome("why")),
        ("", renewal.Outcome("the trial of the new code has failed (exit code 0)")),
        (
            "import os; os.write({file}, b'nonsense')",
            renewal.Outcome("the trial of the new code has failed (exit code 0)"),
        ),
        (
            'import os; os.write({file}, b\'{{"arguments": ["a"]}}\'); os._exit(3)',
            renewal.Outcome("the trial of the new code has failed (exit code 3)"),
        ),
    ],
)
def test_what_a_trial_finds_counts_if_it_ends_well(script: str, outcome: renewal.Outcome) -> None:
    code = f"import sys; exec({script!r}.format(file=sys.argv[1]))"
    trial = renewal.Trial(renewal.Renewer((sys.executable, "-c", code), ("true",)))
    assert select.select([trial.process.pidfd], [], [], 20)[0]
    trial.end()
    assert trial.outcome == outcome


def test_a_trial_that_cannot_be_started_is_an_error() -> None:
    with pytest.raises(OSError, match="no such program"):
        renewal.Trial(renewal.Renewer(("no such program",), ("true",)))
