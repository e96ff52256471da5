"""exec: up when a command ends with an exit code that passes; nothing of it is left behind."""

import asyncio
import os
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pydantic import ValidationError

from gslb.model.observation import Cause, Observation
from probes import exec as module
from probes.base import Attempt, Target
from probes.exec import MAX_COMMANDS, Exec
from probes.net.command import MAX_WRITTEN, Slots
from probes.net.network import Network
from probes.net.source import Source
from tests.probes.attempts import attempt, networking
from tests.probes.namespaces import namespace
from tests.probes.servers import BRIEF, DEADLINE, open_files
from tests.waiting import eventually, until

TARGET = Target(ip_address("192.0.2.7"), 8443, "gw1.example.com:8443")
ENDLESS = "exec sleep 1000"


def shell(script: str, *arguments: str, **options: Any) -> Exec:
    """A command that is a shell with this script; the arguments are ``$1`` and so on."""
    return Exec(command=["/bin/sh", "-c", script, "sh", *arguments], **options)


def children() -> set[int]:
    """Processes that this one has started and not reaped."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(") ")[2][0] not in "ZX"


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """After each test all slots are free, and no child is there that was not there before, not even a dead one."""
    before = children()
    yield
    await until(lambda: children() <= before and module._slots._free == MAX_COMMANDS)


@contextmanager
def starting() -> Iterator["Starter"]:
    """Attempts whose end is up to the test; those that have not ended then are expired."""
    with networking() as network:
        starter = Starter(network)
        try:
            yield starter
        finally:
            for under_way, outcomes in starter.attempts:
                if not outcomes:
                    outcomes.append(under_way.expire())


class Starter:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.attempts: list[tuple[Attempt, list[Observation]]] = []

    def start(self, probe: Exec, timeout: float = DEADLINE) -> tuple[Attempt, list[Observation]]:
        outcomes: list[Observation] = []
        under_way = probe.session(TARGET, self.network).start(timeout, outcomes.append)
        self.attempts.append((under_way, outcomes))
        return under_way, outcomes

    def fill(self) -> list[tuple[Attempt, list[Observation]]]:
        """Take all slots, for good."""
        return [self.start(shell(ENDLESS)) for _ in range(MAX_COMMANDS)]


async def test_exit_code_0_is_up_and_the_first_line_of_output_is_told() -> None:
    seen = await attempt(shell("echo fine; echo more; echo trouble >&2"), TARGET)
    assert (seen.ok, seen.cause, seen.detail, seen.timing) == (True, None, "fine", None)
    assert 0 < seen.latency < DEADLINE


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("exit 0", "exit code 0"),
        ("echo trouble >&2", "trouble"),
        ("echo; echo '  '; echo ' late '", "late"),
        ("echo; echo trouble >&2", "trouble"),
        ("printf 'a\\033[2J\\tb\\001'", "a\ufffd[2J\ufffdb\ufffd"),
        ("printf '\\342\\202\\254 \\377\\342\\200\\256x'", "€ \ufffd\ufffdx"),
        ("printf 'no end of line'", "no end of line"),
        ("printf 'a\\r\\nb'", "a"),
        ("head -c 300 /dev/zero | tr '\\0' x", "x" * 200),
    ],
    ids=[
        "no output",
        "stderr only",
        "empty lines first",
        "nothing but empty lines on stdout",
        "control characters",
        "broken UTF-8, and a turn of direction",
        "no end of line",
        "end of line as on Windows",
        "long line",
    ],
)
async def test_the_detail_is_one_line_that_can_be_shown(script: str, detail: str) -> None:
    seen = await attempt(shell(script), TARGET)
    assert (seen.ok, seen.detail) == (True, detail)


@pytest.mark.parametrize(
    ("script", "expect", "ok", "detail"),
    [
        ("exit 1", [0], False, "exit code 1"),
        ("echo no; exit 2", [0], False, "exit code 2: no"),
        ("echo no >&2; exit 255", [0], False, "exit code 255: no"),
        ("exit 1", [0, 1], True, "exit code 1"),
        ("exit 0", [1], False, "exit code 0"),
        ("kill -SEGV $$", [0, 11, 139], False, "killed by SIGSEGV"),
        ("echo no; kill -KILL $$", [0], False, "killed by SIGKILL: no"),
        ("kill -40 $$", [0], False, "killed by signal 40"),
    ],
)
async def test_the_exit_code_decides(script: str, expect: list[int], ok: bool, detail: str) -> None:  # noqa: FBT001
    seen = await attempt(shell(script, expect=expect), TARGET)
    assert (seen.ok, seen.cause, seen.detail) == (ok, None if ok else Cause.EXIT, detail)


async def environment_of(tmp_path: Path, network: Network, **options: Any) -> dict[str, str]:
    """What a command finds; ``cp`` is the command itself, so that no shell adds to it."""
    copy = tmp_path / "environment"
    probe = Exec(command=["/bin/cp", "/proc/self/environ", str(copy)], **options)
    assert (await attempt(probe, TARGET, 60.0, network)).ok
    return dict(entry.split("=", 1) for entry in copy.read_text().rstrip("\0").split("\0"))


async def test_the_environment_is_what_is_documented_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_TOKEN", "secret")
    with networking() as network:
        found = await environment_of(tmp_path, network)
    assert 50 < float(found.pop("GSLB_TIMEOUT")) <= 60
    assert found == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "GSLB_TARGET_IP": "192.0.2.7",
        "GSLB_TARGET_PORT": "8443",
        "GSLB_TARGET_NAME": "gw1.example.com:8443",
    }


async def test_the_environment_has_the_source_address_and_what_is_configured(tmp_path: Path) -> None:
    with networking() as made:
        network = Network(made.reactor, Source(v4=IPv4Address("127.0.0.2")))
        found = await environment_of(tmp_path, network, environment={"PATH": "/opt/bin", "PGPASSWORD": "a=b\nc"})
    assert found["GSLB_SOURCE"] == "127.0.0.2"
    assert (found["PATH"], found["PGPASSWORD"]) == ("/opt/bin", "a=b\nc")


async def test_arguments_are_handed_over_as_they_are() -> None:
    seen = await attempt(Exec(command=["/usr/bin/printf", "%s|%s|%s", "$HOME; exit 1", "", "a *"]), TARGET)
    assert (seen.ok, seen.detail) == (True, "$HOME; exit 1||a *")


async def test_a_command_has_no_input_and_runs_in_the_root_folder() -> None:
    own, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, b"what is typed to the daemon")
    os.dup2(reading, 0)
    try:
        seen = await attempt(shell('echo "$(pwd) $(head -c 4 | wc -c)"'), TARGET)
    finally:
        os.dup2(own, 0)
        for number in (own, reading, writing):
            os.close(number)
    assert seen.detail == "/ 0"


async def test_a_command_inherits_no_open_file() -> None:
    first, second = os.pipe()
    high = os.dup2(first, 200, inheritable=True)
    try:
        seen = await attempt(Exec(command=["/bin/ls", "-m", "/proc/self/fd"]), TARGET)
    finally:
        for number in (first, second, high):
            os.close(number)
    assert seen.detail == "0, 1, 2, 3"  # the last one is of ls itself


async def test_a_command_leads_a_session_of_its_own() -> None:
    script = "import os; print(os.getpid() == os.getpgid(0) == os.getsid(0))"
    assert (await attempt(Exec(command=[sys.executable, "-S", "-c", script]), TARGET)).detail == "True"


async def test_when_time_is_up_the_command_and_what_it_has_started_are_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = 'trap "" TERM HUP; echo $$ >>"$1"; while :; do sleep 1000; done'
    script = 'sh -c "$2" sh "$1" & echo $$ >>"$1"; echo waiting; wait'
    with starting() as starter:
        under_way, outcomes = starter.start(shell(script, str(pids), stubborn))
        await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        await until(lambda: "waiting" in "".join(under_way._command.texts()))  # type: ignore[attr-defined]
        seen = under_way.expire()
        outcomes.append(seen)
        assert (seen.ok, seen.cause, seen.detail) == (False, Cause.TIMEOUT, "no exit in time: waiting")
        await until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))
    assert outcomes == [seen]


async def test_a_time_out_ends_in_time_and_without_output_says_so() -> None:
    seen = await attempt(shell(ENDLESS), TARGET, BRIEF)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no exit in time")
    assert BRIEF * 0.9 <= seen.latency < DEADLINE


async def test_an_exit_in_time_counts_even_if_this_process_sees_it_too_late() -> None:
    with starting() as starter:
        before = children()
        under_way, outcomes = starter.start(shell("echo fine"))
        (pid,) = children() - before
        eventually(lambda: not alive(pid))  # nothing else runs meanwhile
        assert outcomes == []
        outcomes.append(under_way.expire())
        assert (outcomes[0].ok, outcomes[0].detail) == (True, "fine")
        await asyncio.sleep(0)
        assert len(outcomes) == 1


async def test_what_a_command_leaves_behind_neither_holds_up_the_result_nor_stays(tmp_path: Path) -> None:
    """It has the pipes open, so they do not end with the command."""
    pid = tmp_path / "pid"
    script = 'sleep 1000 & echo $! >"$1"; echo started'
    seen = await attempt(shell(script, str(pid)), TARGET)
    assert (seen.ok, seen.detail) == (True, "started")
    await until(lambda: not alive(int(pid.read_text())))


async def test_what_has_made_itself_a_session_of_its_own_does_not_hold_up_the_result(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    runaway = 'echo $$ >"$1.new"; mv "$1.new" "$1"; exec sleep 1000'
    script = 'setsid sh -c "$2" sh "$1" & while ! [ -e "$1" ]; do sleep 0.01; done; echo started'
    try:
        seen = await attempt(shell(script, str(pid), runaway), TARGET)
        assert (seen.ok, seen.detail) == (True, "started")
        assert alive(int(pid.read_text()))
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


async def test_a_command_may_go_on_after_it_has_closed_its_output() -> None:
    seen = await attempt(shell("echo fine; exec >&- 2>&-; sleep 0.1; exit 3"), TARGET)
    assert (seen.cause, seen.detail) == (Cause.EXIT, "exit code 3: fine")


@pytest.mark.parametrize(("options", "shown"), [({}, 200), ({"max_output": 3}, 3)])
async def test_output_beyond_what_is_kept_does_no_harm(options: dict[str, Any], shown: int) -> None:
    """More than a pipe holds: a command that nobody listens to would not end."""
    seen = await attempt(shell("head -c 500000 /dev/zero | tr '\\0' x", **options), TARGET)
    assert (seen.ok, seen.detail) == (True, "x" * shown)


@pytest.mark.parametrize("script", ["exec yes", "exec yes >&2"])
async def test_a_command_that_writes_without_end_is_killed(script: str) -> None:
    seen = await attempt(shell(script), TARGET)
    assert (seen.ok, seen.cause) == (False, Cause.EXIT)
    assert seen.detail == f"killed for more than {MAX_WRITTEN} octets of output"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no program", "Exec format error"),
        ("#!/nonexistent\n", "No such file or directory"),
        (None, "No such file or directory"),
    ],
    ids=["no program", "no interpreter", "gone since it was configured"],
)
async def test_a_command_that_cannot_be_started_says_nothing_about_the_endpoint(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    program = tmp_path / "program"
    program.write_text(content or "")
    program.chmod(0o700)
    probe = Exec(command=[str(program)])
    if content is None:
        program.unlink()
    seen = await attempt(probe, TARGET)
    assert (seen.ok, seen.cause, seen.detail) == (False, Cause.LOCAL, f"not started: {reason} ({program})")


async def test_no_file_left_to_open_says_nothing_about_the_endpoint() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with networking() as network:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            seen = await attempt(shell("exit 0"), TARGET, DEADLINE, network)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (seen.cause, seen.detail) == (Cause.LOCAL, "not started: Too many open files (/dev/null)")


async def test_a_command_that_cannot_be_watched_is_killed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise OSError(38, "Function not implemented")

    before = open_files()
    monkeypatch.setattr(os, "pidfd_open", refuse)
    seen = await attempt(shell(ENDLESS), TARGET)
    assert (seen.cause, seen.detail) == (Cause.LOCAL, "not started: Function not implemented")
    assert open_files() == before


async def test_exit_codes_that_nobody_would_see_say_nothing_about_the_endpoint() -> None:
    former = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        seen = await attempt(shell("exit 0"), TARGET)
    finally:
        signal.signal(signal.SIGCHLD, former)
    assert (seen.cause, seen.detail) == (
        Cause.LOCAL,
        "not started: SIGCHLD is ignored, so no exit code would be seen",
    )


async def test_no_more_commands_run_at_once_than_there_are_slots() -> None:
    with starting() as starter:
        before = children()
        starter.fill()
        seen = await attempt(shell("exit 0"), TARGET, BRIEF)
        assert (seen.ok, seen.cause) == (False, Cause.LOCAL)
        assert seen.detail == f"no slot: {MAX_COMMANDS} commands are under way"
        assert len(children() - before) == MAX_COMMANDS


async def test_whoever_waits_for_a_slot_gets_the_next_one_in_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    with starting() as starter:
        running = starter.fill()
        waiting = [starter.start(shell('echo "$1" >>"$2"', str(n), str(order)))[1] for n in range(3)]
        withdrawn, outcomes = starter.start(shell('echo withdrawn >>"$1"', str(order)))
        outcomes.append(withdrawn.expire())
        under_way, ended = running[0]
        ended.append(under_way.expire())
        await until(lambda: all(waiting))
        assert [seen[0].ok for seen in waiting] == [True] * 3
        late = await attempt(shell("exit 0"), TARGET)
        assert late.ok
    assert order.read_text().split() == ["0", "1", "2"]


async def test_nobody_overtakes_those_who_wait_for_a_slot() -> None:
    slots, order = Slots(1), list[str]()
    slots.take(lambda: order.append("first"))
    slots.take(lambda: order.append("second"))
    slots.give_back()
    slots.take(lambda: order.append("third"))
    await until(lambda: len(order) > 1)
    assert order == ["first", "second"]
    slots.give_back()
    await until(lambda: len(order) > 2)
    assert order == ["first", "second", "third"]


async def test_a_command_that_got_its_slot_too_late_says_nothing_about_the_endpoint() -> None:
    with starting() as starter:
        before = children()
        under_way, ended = starter.fill()[0]
        since = monotonic()
        late, outcomes = starter.start(shell(ENDLESS), BRIEF)
        await until(lambda: monotonic() - since > BRIEF)
        ended.append(under_way.expire())
        assert late._command is None  # type: ignore[attr-defined]
        await until(lambda: late._command is not None)  # type: ignore[attr-defined]
        seen = late.expire()
        outcomes.append(seen)
        assert seen.cause is Cause.LOCAL
        assert seen.detail.startswith("no slot for ")
        assert len(children() - before) <= MAX_COMMANDS


async def test_many_commands_that_cannot_be_started_are_told_one_by_one(tmp_path: Path) -> None:
    """They free their slots at once; each within the other, they would be more than the stack holds."""
    program = tmp_path / "program"
    program.touch(0o700)
    probe = Exec(command=[str(program)])
    program.unlink()
    with starting() as starter:
        running = starter.fill()
        waiting = [starter.start(probe)[1] for _ in range(sys.getrecursionlimit() + 100)]
        under_way, ended = running[0]
        ended.append(under_way.expire())
        await until(lambda: all(waiting), 30.0)
    assert {seen[0].cause for seen in waiting} == {Cause.LOCAL}


async def test_a_command_runs_in_the_network_namespace_of_its_vantage_point() -> None:
    own = Path("/proc/thread-self/ns/net").readlink()
    with namespace() as other, networking() as made:
        inode = Path(f"/run/netns/{other.name}").stat().st_ino
        network = Network(made.reactor, Source(namespace=other.name))
        seen = await attempt(Exec(command=["/bin/readlink", "/proc/self/ns/net"]), TARGET, DEADLINE, network)
    assert (seen.ok, seen.detail) == (True, f"net:[{inode}]")
    assert Path("/proc/thread-self/ns/net").readlink() == own


async def test_a_network_namespace_that_does_not_exist_says_nothing_about_the_endpoint() -> None:
    with networking() as made:
        network = Network(made.reactor, Source(namespace="gslb-test-none"))
        seen = await attempt(shell("exit 0"), TARGET, DEADLINE, network)
    assert seen.cause is Cause.LOCAL
    assert seen.detail.startswith("not started: ")
    assert "gslb-test-none" in seen.detail


async def test_nothing_is_left_open_and_no_thread_is_made_whatever_the_outcome() -> None:
    threads = set(threading.enumerate())

    async def round_of_attempts() -> None:
        await attempt(shell("echo fine"), TARGET)
        await attempt(shell("sleep 1000 & exit 1"), TARGET)
        await attempt(shell(ENDLESS), TARGET, BRIEF / 10)
        await attempt(shell("exec yes"), TARGET)

    await round_of_attempts()
    tasks = asyncio.all_tasks()
    await until(lambda: module._slots._free == MAX_COMMANDS)
    before = open_files()
    for _ in range(5):
        await round_of_attempts()
    await until(lambda: open_files() <= before and asyncio.all_tasks() <= tasks)
    assert set(threading.enumerate()) <= threads


async def test_what_cannot_be_started_for_any_reason_costs_no_slot() -> None:
    probe = Exec.model_construct(command=["/bin/sh", "a\0b"])
    seen = await attempt(probe, TARGET)
    assert (seen.cause, seen.detail) == (Cause.LOCAL, "not started: embedded null byte")
    await until(lambda: module._slots._free == MAX_COMMANDS)


@pytest.mark.parametrize("expired", [False, True])
async def test_an_exit_code_that_somebody_else_has_taken_is_the_probers_own_trouble(expired: bool) -> None:  # noqa: FBT001
    others, before = children(), open_files()
    with starting() as starter:
        under_way, outcomes = starter.start(shell("echo fine"))
        (child,) = children() - others
        os.waitpid(child, 0)  # noqa: ASYNC222  as a careless plug-in may
        if expired:
            outcomes.append(under_way.expire())
        await until(lambda: outcomes)
    words = "somebody else in this process has taken the exit code: fine"
    assert [(seen.cause, seen.detail) for seen in outcomes] == [(Cause.LOCAL, words)]
    await until(lambda: open_files() <= before)


async def test_attempts_of_one_session_may_overlap() -> None:
    with networking() as network:
        session = shell("sleep 0.05; echo fine").session(TARGET, network)
        outcomes: list[Observation] = []
        for _ in range(5):
            session.start(DEADLINE, outcomes.append)
        await until(lambda: len(outcomes) == 5)
        session.close()
    assert [seen.detail for seen in outcomes] == ["fine"] * 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "command"),
        ({"command": []}, "at least 1 item"),
        ({"command": "/bin/true"}, "command"),
        ({"command": ["true"]}, "'true' is no absolute path"),
        ({"command": [""]}, "'' is no absolute path"),
        ({"command": ["bin/true"]}, "'bin/true' is no absolute path"),
        ({"command": ["/nonexistent/check"]}, "/nonexistent/check does not exist"),
        ({"command": ["/bin/sh/check"]}, "/bin/sh/check does not exist"),
        ({"command": ["/etc/passwd"]}, "/etc/passwd is not executable; chmod"),
        ({"command": ["/bin"]}, "/bin is not executable"),
        ({"command": ["/bin/sh", "a\0b"]}, "command"),
        ({"command": ["/bin/sh"], "environment": {"A B": "c"}}, "environment"),
        ({"command": ["/bin/sh"], "environment": {"A": "\0"}}, "environment"),
        ({"command": ["/bin/sh"], "environment": {"GSLB_TIMEOUT": "1"}}, "GSLB_TIMEOUT is set by gslb itself"),
        ({"command": ["/bin/sh"], "expect": []}, "at least 1 item"),
        ({"command": ["/bin/sh"], "expect": [256]}, "expect"),
        ({"command": ["/bin/sh"], "expect": [-1]}, "expect"),
        ({"command": ["/bin/sh"], "max_output": 0}, "max_output"),
        ({"command": ["/bin/sh"], "max_output": 65537}, "max_output"),
        ({"command": ["/bin/sh"], "user": "nobody"}, "user"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Exec.model_validate(options)


def test_credentials_in_the_environment_are_not_shown() -> None:
    probe = shell("exit 0", environment={"PGPASSWORD": "secret", "REGION": "eu"})
    assert probe.model_dump()["environment"] == {"PGPASSWORD": "***", "REGION": "eu"}
    assert probe.environment["PGPASSWORD"] == "secret"
