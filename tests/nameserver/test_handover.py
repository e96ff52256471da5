"""A worker whose place another process of its name takes: nothing is lost, and whatever fails, somebody answers."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from gslb.cli.places import lock_file
from gslb.nameserver import disk
from gslb.nameserver.protocol import Hello, frame
from gslb.nameserver.snapshot import Snapshot
from gslb.supervisor.child import CANNOT_TAKE_OVER, TAKE_OVER
from gslb.supervisor.lockfile import hold_lock, read_holder
from tests.e2e.load import queries
from tests.nameserver.links import linked
from tests.nameserver.support import NAME, SNAPSHOT, ZONES, Server, service, started, values
from tests.waiting import eventually, free_port, until

FALTERING = [sys.executable, str(Path(__file__).with_name("faltering.py"))]
MOVED = Snapshot(8, ZONES, (service("api.example.com.", (1, ["203.0.113.9"])),))
PATIENT = 30.0


class World:
    """Processes of one name, and who they are."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.folder, self.lock = self.server.socket.parent, lock_file(self.server.socket.parent, NAME)
        self.processes: list[subprocess.Popen[bytes]] = []
        disk.write(self.server.snapshot, SNAPSHOT)

    def start(self, *extra: str, succeeds: bool = False, falters: tuple[str, str] | None = None) -> int:
        """Start one; returns its process id."""
        module, arguments = self.server._command[:3], self.server._command[3:]
        command = [*FALTERING, *falters] if falters else module
        environment = {TAKE_OVER: "1"} if succeeds else {}
        with self.server._log.open("ab") as log:
            process = subprocess.Popen(
                [*command, *arguments, *extra], stdout=log, stderr=log, env=os.environ | environment
            )
        self.processes.append(process)
        return process.pid

    def code(self, pid: int, within: float = PATIENT) -> int:
        """How that process ended."""
        return next(it for it in self.processes if it.pid == pid).wait(within)

    def holder(self) -> int | None:
        found = read_holder(self.lock)
        return found.pid if found else None

    def answers(self) -> bool:
        return self.server._answers()

    def first(self, *extra: str, falters: tuple[str, str] | None = None) -> int:
        """The one whose place is to be taken, answering."""
        pid = self.start(*extra, falters=falters)
        eventually(self.answers)
        eventually(lambda: "nameserver ready" in self.server.log)
        return pid

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    try:
        yield world
    finally:
        world.end()
    assert "Traceback" not in world.server.log


def test_under_load_every_query_is_answered_by_one_or_the_other(world: World) -> None:
    former = world.first()
    with queries(world.server.port) as load:
        for number in range(3):
            time.sleep(0.3)
            later = world.start(f"--code={number}", succeeds=True)
            assert world.code(former) == 0
            assert world.holder() == later
            former = later
        time.sleep(0.3)
    assert len(load.sent) > 1000
    assert load.lost() == []
    assert world.server.log.count("place was taken over") == 3


def test_over_tcp_every_connection_is_accepted_and_every_question_answered(world: World) -> None:
    former, stop = world.first(), threading.Event()
    failed: list[Exception] = []
    done: list[dns.message.Message] = []
    question = dns.message.make_query("www.example.com.", "A")

    def ask() -> None:
        while not stop.is_set():
            try:
                done.append(dns.query.tcp(question, "127.0.0.1", 5, world.server.port))
            except (OSError, EOFError, dns.exception.DNSException) as error:
                failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.2)
        later = world.start(succeeds=True)
        assert world.code(former) == 0
        former = later
    stop.set()
    for thread in threads:
        thread.join()
    assert len(done) > 100
    assert failed == []


DEATHS = [(point, "SIGKILL") for point in ("asking", "given", "answering", "left", "named")]
STANDSTILLS = [pytest.param(point, "SIGSTOP", marks=pytest.mark.acceptance) for point in ("left", "named")]
"""which take as long as the other side waits"""


@pytest.mark.parametrize(("point", "action"), [*DEATHS, *STANDSTILLS])
def test_until_a_successor_has_taken_the_name_the_one_before_goes_on_without_it(
    world: World, point: str, action: str
) -> None:
    former = world.first()
    later = world.start(succeeds=True, falters=(point, action))
    assert world.code(later) == -9  # killed, by itself or by the one before
    eventually(world.answers, within=1.0)
    eventually(lambda: world.holder() == former)
    next_ = world.start(succeeds=True)
    assert world.code(former) == 0
    assert world.holder() == next_
    assert world.answers()


@pytest.mark.parametrize(
    ("point", "action", "code"), [("reading", "RAISE", 1), ("reading", "SIGTERM", 0), ("left", "SIGTERM", 0)]
)
def test_a_successor_that_ends_by_itself_leaves_the_place_as_well(
    world: World, point: str, action: str, code: int
) -> None:
    """Since a listener of it has died, say."""
    former = world.first()
    with queries(world.server.port) as load:
        later = world.start(succeeds=True, falters=(point, action))
        assert world.code(later) == code
        eventually(world.answers, within=1.0)
        time.sleep(0.1)
    assert load.lost() == []
    assert world.holder() == former
    next_ = world.start(succeeds=True)
    assert world.code(former) == 0
    assert world.holder() == next_


@pytest.mark.acceptance
@pytest.mark.parametrize("point", ["asking", "given", "answering"])
def test_a_successor_that_stands_still_is_killed_after_a_while(world: World, point: str) -> None:
    former = world.first()
    later = world.start(succeeds=True, falters=(point, "SIGSTOP"))
    deadline = time.monotonic() + 40
    while (code := world.processes[-1].poll()) is None:
        assert time.monotonic() < deadline
        assert world.answers() or world.answers()  # it may stand still with a query in hand
    assert code == -9
    assert (world.holder(), world.processes[-1].pid) == (former, later)


@pytest.mark.parametrize("point", ["taken", "alone"])
def test_from_then_on_it_is_a_worker_like_any_other_and_its_place_is_free_if_it_dies(world: World, point: str) -> None:
    former = world.first()
    later = world.start(succeeds=True, falters=(point, "SIGKILL"))
    assert world.code(later) == -9
    assert world.code(former) == 0
    assert world.holder() is None
    world.start()
    eventually(world.answers)


@pytest.mark.parametrize("action", ["SIGKILL", pytest.param("SIGSTOP", marks=pytest.mark.acceptance)])
@pytest.mark.parametrize("point", ["sent", "rested", "displaced", "finished"])
def test_a_predecessor_that_dies_or_stands_still_is_done_without(world: World, point: str, action: str) -> None:
    former = world.first(falters=(point, action))
    later = world.start(succeeds=True)
    assert world.code(former) == -9
    eventually(world.answers, within=1.0)
    eventually(lambda: world.holder() == later)
    eventually(lambda: world.server.log.count("nameserver ready") == 2)
    last = world.start(succeeds=True)
    assert world.code(later) == 0
    assert world.holder() == last


def test_one_that_dies_before_it_has_handed_anything_over_leaves_a_free_place(world: World) -> None:
    former = world.first(falters=("frozen", "SIGKILL"))
    later = world.start(succeeds=True)
    assert world.code(former) == -9
    eventually(world.answers)
    assert world.holder() == later


@pytest.mark.acceptance
def test_one_that_does_not_answer_in_time_has_to_be_ended_first(world: World) -> None:
    former = world.first(falters=("frozen", "SIGSTOP"))
    later = world.start(succeeds=True)
    assert world.code(later) == CANNOT_TAKE_OVER
    assert world.holder() == former


@contextlib.contextmanager
def former_version(world: World, said: bytes) -> Iterator[None]:
    """One that says ``said``, and closes the connection on the first order that it is given."""
    with socket.socket(socket.AF_UNIX) as listening, hold_lock(world.lock, ["former"]):
        listening.bind(os.fspath(world.server.socket))
        listening.listen()
        listening.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    accepted, _ = listening.accept()
                    with accepted:
                        accepted.sendall(said)
                        accepted.settimeout(1)
                        accepted.recv(1 << 16)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(frame(Hello(1, "0.0.1", 7)), id="an older one"),
        pytest.param(b"\0\0\0\5[1,2]", id="garbage"),
        pytest.param(b"\xff" * 100, id="a frame without end"),
        pytest.param(b"", id="nothing", marks=pytest.mark.acceptance),  # it is given 20 s
    ],
)
def test_one_that_does_not_know_how_to_hand_over_has_to_be_ended_first(world: World, said: bytes) -> None:
    with former_version(world, said):
        assert world.code(world.start(succeeds=True)) == CANNOT_TAKE_OVER


def test_where_nobody_is_it_starts_as_usual(world: World) -> None:
    pid = world.start(succeeds=True)
    eventually(world.answers)
    assert world.holder() == pid


def test_what_the_one_before_has_not_on_disk_is_handed_over_as_well(world: World) -> None:
    world.first()
    for path in (world.server.snapshot, disk.previous(world.server.snapshot)):
        path.unlink(missing_ok=True)
    later = world.start(succeeds=True)
    eventually(lambda: world.holder() == later)
    assert values(world.server.ask("www.example.com."))


async def test_control_is_heard_by_the_new_one_once_the_one_before_gives_no_answers(world: World) -> None:
    """Else a worker might be thought to answer with what is newer than what it still does."""
    former = world.first(falters=("displaced", "SIGSTOP"))
    async with linked(world.server.socket, "p") as link:
        link.publish(Snapshot(7, MOVED.zones, MOVED.services, "p"))
        assert await link.durable(7, 10)
        later = world.start(succeeds=True)
        await until(lambda: not link.connected)
        await until(lambda: link.connected, within=PATIENT)
        assert world.code(former) == -9
        assert world.holder() == later
        assert await link.durable(7, 10)
        assert link.regressed == []
        link.publish(Snapshot(8, MOVED.zones, SNAPSHOT.services, "p"))
        assert await link.acknowledged(8, 10)
    assert values(world.server.ask("api.example.com."))[0] in {"203.0.113.1", "203.0.113.2"}


async def test_lowered_ttls_stay_so(world: World) -> None:
    world.first()
    async with linked(world.server.socket) as link:
        link.publish(SNAPSHOT)
        link.lower((SNAPSHOT.services[0].name,))
        await until(lambda: world.server.ask("api.example.com.").answer[0].ttl == 5)
    later = world.start(succeeds=True)
    eventually(lambda: world.holder() == later)
    assert world.server.ask("api.example.com.").answer[0].ttl == 5


def test_addresses_come_and_go_and_nothing_is_lost_at_those_that_stay(world: World) -> None:
    other, third = free_port(), free_port()
    former = world.first(f"--listen=127.0.0.1:{other}")
    with queries(world.server.port) as load:
        time.sleep(0.2)
        later = world.start(f"--listen=127.0.0.1:{third}", succeeds=True)
        assert world.code(former) == 0
        assert world.holder() == later
        time.sleep(0.2)
    assert load.lost() == []
    question = dns.message.make_query("www.example.com.", "A")
    for tcp in (dns.query.udp, dns.query.tcp):
        assert values(tcp(question, "127.0.0.1", 5, third))
        with pytest.raises((OSError, dns.exception.Timeout)):
            tcp(question, "127.0.0.1", 0.3, other)


def test_what_waits_at_an_address_that_goes_is_answered(world: World) -> None:
    """None is lost of what was asked before the last answer; afterwards nobody is there."""
    port = free_port()
    former = world.first(f"--listen=127.0.0.1:{port}")
    with queries(port) as load:
        time.sleep(0.2)
        later = world.start(succeeds=True)
        assert world.code(former) == 0
    assert world.holder() == later
    answered = {load.sent[number] for number in load.answered}
    assert len(answered) > 100
    assert [at for at in load.lost() if at < max(answered)] == []


@pytest.mark.parametrize(("before", "then"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1")])
def test_a_wildcard_takes_the_place_of_an_address_and_the_other_way_round(
    tmp_path: Path, before: str, then: str
) -> None:
    world = World(tmp_path)
    try:
        port = world.server.port
        world.server._command[5] = f"--listen={before}:{port}"
        former = world.first()
        with queries(port) as load:
            time.sleep(0.2)
            world.server._command[5] = f"--listen={then}:{port}"
            later = world.start(succeeds=True)
            assert world.code(former) == 0
            time.sleep(0.2)
        assert world.holder() == later
        assert load.lost() == []
    finally:
        world.end()


def test_an_address_that_is_taken_leaves_the_one_before_in_its_place(world: World) -> None:
    former = world.first()
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert world.code(world.start(f"--listen={address}", succeeds=True)) == 1
    assert f"cannot listen on {address}: Address already in use" in world.server.log
    eventually(world.answers)
    assert world.holder() == former


def test_one_worker_becomes_two_and_two_become_one_without_a_loss(world: World) -> None:
    former = world.first()
    second = Server(world.folder.parent, "--reuse-port", name="nameserver-1")
    second._command[5] = f"--listen=127.0.0.1:{world.server.port}"
    second.port = world.server.port
    disk.write(second.snapshot, SNAPSHOT)
    with queries(world.server.port) as load:
        time.sleep(0.2)
        both = world.start("--reuse-port", succeeds=True)
        assert world.code(former) == 0
        with started(second):
            eventually(lambda: "nameserver ready" in second.log)
            time.sleep(0.3)
            assert second.stop() == 0
        time.sleep(0.2)
        world.start(succeeds=True)
        assert world.code(both) == 0
        time.sleep(0.2)
    assert load.lost() == []
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", world.server.port))
