import os
import select
import signal
import subprocess
from collections.abc import Iterator

import pytest

from gslb.supervisor.lockfile import Holder, start_ticks
from gslb.supervisor.process import Process


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
