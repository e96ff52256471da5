import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.errors import StateError
from gslb.supervisor.lockfile import AlreadyRunningError, LockFile, hold_lock, read_holder, read_name, start_ticks

COMMAND = ("gslb", "control")


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "control.lock"


@pytest.fixture
def locked_by_us(lock: Path) -> Iterator[int]:
    """A descriptor that holds the flock without having written anything."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


def named(pid: int, ticks: int | None) -> bytes:
    holder = {"pid": pid, "start_ticks": ticks, "command": COMMAND}
    return json.dumps(holder).encode()


def test_the_holder_of_a_lock_is_named_by_it(lock: Path) -> None:
    with hold_lock(lock, COMMAND):
        holder = read_holder(lock)
    assert holder is not None
    assert (holder.pid, holder.command) == (os.getpid(), COMMAND)
    assert holder.alive


def test_a_taken_lock_is_refused_with_the_pid_of_its_holder(lock: Path) -> None:
    with hold_lock(lock, COMMAND), pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}.*gslb control"):
        hold_lock(lock, ("another",))


def test_a_refusal_leaves_the_holder_as_it_was(lock: Path) -> None:
    with hold_lock(lock, COMMAND):
        with pytest.raises(AlreadyRunningError):
            hold_lock(lock, ("another",))
        holder = read_holder(lock)
    assert holder is not None
    assert holder.command == COMMAND


def test_a_released_lock_has_no_holder_and_can_be_taken_again(lock: Path) -> None:
    hold_lock(lock, COMMAND).release()
    assert read_holder(lock) is None
    hold_lock(lock, COMMAND).release()


def test_nobody_holds_a_lock_that_does_not_exist(lock: Path) -> None:
    assert read_holder(lock) is None


def test_the_death_of_the_holder_frees_the_lock_though_the_file_still_names_it(lock: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from gslb.supervisor.lockfile import hold_lock\n"
        "hold_lock(Path(sys.argv[1]), ['x']); os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", script, str(lock)], check=False)
    assert died.returncode == -9
    assert json.loads(lock.read_text())["command"] == ["x"]
    assert read_holder(lock) is None


def test_a_file_that_names_a_live_process_means_nothing_without_the_lock(lock: Path) -> None:
    lock.write_bytes(named(os.getpid(), start_ticks(os.getpid())))
    assert read_holder(lock) is None


@pytest.mark.parametrize(
    "before", [b"", b'{"pid": 1', b"[]", named(os.getpid(), 1)], ids=["empty", "cut", "other", "reused pid"]
)
def test_a_reader_waits_for_the_holder_to_write_its_name(lock: Path, locked_by_us: int, before: bytes) -> None:
    os.pwrite(locked_by_us, before, 0)
    content = named(os.getpid(), start_ticks(os.getpid()))
    late = threading.Timer(0.03, os.pwrite, (locked_by_us, content, 0))
    late.start()
    holder = read_holder(lock)
    late.join()
    assert holder is not None
    assert holder.pid == os.getpid()
    assert holder.alive


@pytest.mark.usefixtures("locked_by_us")
def test_a_lock_whose_holder_never_names_itself_is_an_error_with_a_remedy(lock: Path) -> None:
    with pytest.raises(StateError, match=f"fuser {lock}"):
        read_holder(lock)


def test_a_reader_that_tests_the_lock_does_not_make_it_look_taken(lock: Path) -> None:
    lock.touch()
    with lock.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        done = threading.Timer(0.03, fcntl.flock, (reader, fcntl.LOCK_UN))
        done.start()
        hold_lock(lock, COMMAND).release()
        done.join()


def test_a_program_started_by_the_holder_does_not_keep_the_lock(lock: Path) -> None:
    held = hold_lock(lock, COMMAND)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as cat:
        held.release()
        assert read_holder(lock) is None
        cat.communicate()


def test_a_folder_that_cannot_be_made_is_an_error_with_path_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"file/control\.lock.*\n.*this user can write"):
        hold_lock(tmp_path / "file" / "control.lock", COMMAND)


def test_a_path_that_is_no_file_is_an_error_for_holders_and_readers(tmp_path: Path) -> None:
    for use in (lambda: hold_lock(tmp_path, COMMAND), lambda: read_holder(tmp_path)):
        with pytest.raises(StateError, match="Is a directory"):
            use()


def test_start_ticks_are_those_of_proc_stat_also_for_a_name_with_blanks_and_parentheses(tmp_path: Path) -> None:
    program = tmp_path / "a ) 1 2 (b"
    program.symlink_to("/bin/cat")
    with subprocess.Popen([program], stdin=subprocess.PIPE) as process:
        ticks, ours = start_ticks(process.pid), start_ticks(os.getpid())
        process.communicate()
    assert ticks is not None
    assert ours is not None
    assert ours <= ticks < ours + 3600 * os.sysconf("SC_CLK_TCK")


def test_a_process_that_is_gone_has_no_start_ticks() -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    assert start_ticks(process.pid) is None


def test_what_cannot_be_written_leaves_the_name_that_stands_there(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with hold_lock(lock, COMMAND) as held:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(StateError, match="No space left"):
            held.name(("another",))
        monkeypatch.undo()
        holder = read_holder(lock)
        assert holder is not None
        assert holder.command == COMMAND


def test_a_lock_that_cannot_be_written_is_an_error_and_free(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", lambda *_: 3)
    with pytest.raises(StateError, match="No space left"):
        hold_lock(lock, COMMAND)
    assert read_holder(lock) is None


@pytest.mark.parametrize("lengths", [(1, 50), (50, 1), (7, 7)])
def test_a_name_takes_the_place_of_another_in_one_write(lock: Path, lengths: tuple[int, int]) -> None:
    one, other = (("x" * length,) for length in lengths)
    with hold_lock(lock, one) as held:
        seen, stop = set[tuple[str, ...]](), threading.Event()

        def read() -> None:
            while not stop.is_set():
                named = read_name(lock)
                if named:
                    seen.add(named.command)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(300):
            held.name(other)
            held.name(one)
        stop.set()
        reader.join()
    assert seen <= {one, other}


def test_a_mixture_of_two_names_is_none(lock: Path) -> None:
    with hold_lock(lock, COMMAND):
        content = lock.read_bytes()
    lock.write_bytes(content.replace(b"control", b"Control"))
    assert read_name(lock) is None
    lock.write_bytes(content)
    assert read_name(lock) is not None


def test_a_release_leaves_the_name_of_who_shares_the_lock(lock: Path) -> None:
    held = hold_lock(lock, COMMAND)
    shared = LockFile(lock, os.dup(held.descriptor))
    content = named(os.getppid(), start_ticks(os.getppid()))
    lock.write_bytes(content)
    shared.release()
    assert lock.read_bytes() == content
    holder = read_holder(lock)
    assert holder is not None
    assert holder.pid == os.getppid()
    held.release()
