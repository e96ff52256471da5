import fcntl
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.supervisor.lockfile import Holder, read_holder, start_ticks
from gslb.supervisor.process import Process, retire


@pytest.fixture
def cat() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def holder(pid: int, ticks: int | None) -> Holder:
    return Holder(pid, ticks or 0, ("cat",))


def wait_for_end(process: Process) -> None:
    poll = select.poll()
    poll.register(process.pidfd, select.POLLIN)
    assert poll.poll(20_000)


def test_a_started_process_tells_how_it_ended() -> None:
    process = Process.spawn(("sh", "-c", "exit 7"))
    wait_for_end(process)
    assert process.reap() == 7


def test_a_started_process_reads_nothing_and_prints_where_we_print(capfd: pytest.CaptureFixture[str]) -> None:
    process = Process.spawn(("sh", "-c", "cat; echo out; echo err >&2"))
    wait_for_end(process)
    assert process.reap() == 0
    assert capfd.readouterr() == ("out\n", "err\n")


def test_an_adopted_process_can_be_signalled_and_watched_but_not_asked_how_it_ended() -> None:
    started = subprocess.run(["sh", "-c", "cat /dev/zero >/dev/null & echo $!"], stdout=subprocess.PIPE, check=True)
    pid = int(started.stdout)
    process = Process.adopt(holder(pid, start_ticks(pid)))
    assert process is not None
    process.signal(signal.SIGTERM)
    wait_for_end(process)
    assert process.reap() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_is_our_own_child_after_all_is_reaped(number: signal.Signals) -> None:
    """As after this program has replaced itself."""
    pid = os.posix_spawnp("cat", ["cat", "/dev/zero"], os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, 1)])
    process = Process.adopt(holder(pid, start_ticks(pid)))
    assert process is not None
    process.signal(number)
    wait_for_end(process)
    assert process.reap() in {-number, 1}
    assert start_ticks(pid) is None


def test_a_process_that_was_given_the_pid_of_the_holder_is_not_adopted(cat: subprocess.Popen[bytes]) -> None:
    assert Process.adopt(holder(cat.pid, 1)) is None


def test_a_process_that_is_gone_is_not_adopted_and_feels_no_signal(cat: subprocess.Popen[bytes]) -> None:
    known = holder(cat.pid, start_ticks(cat.pid))
    process = Process.adopt(known)
    assert process is not None
    cat.kill()
    cat.wait()
    process.signal(signal.SIGTERM)
    assert process.reap() is None
    assert Process.adopt(known) is None


def test_one_that_does_not_say_who_it_is_does_not_keep_others_from_being_retired(tmp_path: Path) -> None:
    command = (
        "from pathlib import Path; from gslb.supervisor.lockfile import hold_lock\n"
        f"held = hold_lock(Path({str(tmp_path / 'b.lock')!r}), ['b']); print(flush=True); input()"
    )
    with (
        (tmp_path / "a.lock").open("w") as nameless,
        subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,
    ):
        fcntl.flock(nameless, fcntl.LOCK_EX)
        assert other.stdout is not None
        other.stdout.readline()
        retire(tmp_path, (), 5.0)
        other.wait(5)
    assert read_holder(tmp_path / "b.lock") is None
