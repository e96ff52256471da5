"""Who may be connected, for how long, and how it ends (RFC 7766, section 6.2; RFC 9210, section 4)."""

import contextlib
import itertools
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.cli.run import commands
from gslb.config.load import load
from gslb.control.changes import refuse_restart, restart_keys
from gslb.nameserver.protocol import TcpStats
from tests.nameserver.links import linked
from tests.nameserver.streams import asked, connected, ending, framed, is_open, read_message
from tests.nameserver.support import Server, running, values
from tests.waiting import eventually, until


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, "--tcp-idle=0.4") as server:
        yield server


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Server]:
    """Room for few, for so long that nobody is closed for idling."""
    with running(tmp_path, "--tcp-connections=4", "--tcp-per-client=3", "--tcp-idle=600") as server:
        yield server


CONFIG = """
[nameserver]
tcp = { connections = 300, idle = "5s" }
[zones."example.com"]
nameservers = { "ns1.example.com." = ["127.0.0.1"] }
[regions.istanbul]
endpoints = ["127.0.1.1:8080"]
[services."api.example.com"]
regions = ["istanbul"]
probes  = []
"""


def test_every_worker_is_started_with_the_limits_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "gslb.toml"
    file.write_text(CONFIG)
    lines = commands(load(file))
    given = ["--tcp-connections=300", "--tcp-per-client=100", "--tcp-idle=5.0", "--tcp-queries=10000"]
    for name in ("nameserver-0", "nameserver-1"):
        assert [word for word in lines[name] if "--tcp" in word] == given
    with running(tmp_path, *given) as server, connected(server) as sock:
        asked(sock)


@pytest.mark.parametrize("batches", [True, False])
def test_a_worker_is_told_whether_to_take_packets_in_batches(tmp_path: Path, *, batches: bool) -> None:
    file = tmp_path / "gslb.toml"
    file.write_text(CONFIG.replace("tcp = ", f"batches = {str(batches).lower()}\ntcp = "))
    assert ("--plain" in commands(load(file))["nameserver-0"]) is not batches


def test_limits_are_changed_by_other_processes(tmp_path: Path) -> None:
    file = tmp_path / "gslb.toml"
    file.write_text(CONFIG)
    before = load(file)
    file.write_text(CONFIG.replace("300", "400"))
    assert restart_keys(before, load(file)) == ("nameserver.tcp",)
    refuse_restart(before, load(file))


@pytest.mark.parametrize("sent", [b"", b"\x00", b"\x00\x20\x00", b"\xff\xff" + bytes(30_000)])
def test_who_sends_no_whole_message_is_closed(impatient: Server, sent: bytes) -> None:
    with connected(impatient) as sock:
        at = time.monotonic()
        sock.sendall(sent)
        assert ending(sock) == "FIN"
        assert time.monotonic() - at >= 0.35


def test_who_trickles_bytes_is_closed_all_the_same(impatient: Server) -> None:
    with connected(impatient) as sock:
        sock.settimeout(0.02)
        at = time.monotonic()
        sock.sendall(b"\xff\xff")
        while sends_on(sock):
            assert time.monotonic() - at < 3


def sends_on(sock: socket.socket) -> bool:
    try:
        sock.sendall(b"x")
        return sock.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_each_whole_message_gives_new_time(impatient: Server) -> None:
    with connected(impatient) as sock:
        at = time.monotonic()
        while time.monotonic() - at < 1.2:
            asked(sock)
            idle(sock, 0.1)


def test_who_does_not_read_is_closed(impatient: Server) -> None:
    with connected(impatient, small=True) as sock, pytest.raises((ConnectionResetError, BrokenPipeError)):
        sock.sendall(framed("big.example.com.", "TXT") * 1_000_000)


def test_after_its_last_query_a_connection_ends_without_losing_an_answer(tmp_path: Path) -> None:
    with running(tmp_path, "--tcp-queries=3") as server, connected(server) as sock:
        sock.sendall(b"".join(framed("www.example.com.", id_=i) for i in range(200)))
        assert [read_message(sock).id for _ in range(3)] == [0, 1, 2]
        assert ending(sock) == "FIN"


def test_a_client_with_too_many_loses_the_one_that_has_been_idle_for_longest(narrow: Server) -> None:
    with connected(narrow) as first, connected(narrow) as second, connected(narrow) as third:
        for sock in (first, second, third, first):
            asked(sock)
        with connected(narrow) as fourth:
            asked(fourth)
            assert ending(second) == "FIN"
            for sock in (first, third, fourth):
                asked(sock)


def test_when_all_room_is_taken_a_client_that_has_most_makes_some(narrow: Server) -> None:
    with contextlib.ExitStack() as stack:
        alone, one, two, other = (
            stack.enter_context(connected(narrow, source))
            for source in ("127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.4")
        )
        for sock in (alone, other, two, one):
            asked(sock)
        idle(alone, 0.2)
        asked(stack.enter_context(connected(narrow, "127.0.0.5")))
        assert ending(two) == "FIN"
        asked(stack.enter_context(connected(narrow, "127.0.0.6")))
        assert ending(alone) == "FIN"  # now nobody has more than one, and this one is idle for longest
        for sock in (one, other):
            asked(sock)


def test_a_busy_client_keeps_more_connections_than_idle_ones(narrow: Server) -> None:
    with contextlib.ExitStack() as stack:
        alone, one, two, other = (
            stack.enter_context(connected(narrow, source))
            for source in ("127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.4")
        )
        for sock in (alone, other):
            asked(sock)
        idle(alone, 0.5)
        for sock in (one, two):
            asked(sock)
        asked(stack.enter_context(connected(narrow, "127.0.0.5")))
        assert ending(alone) == "FIN"
        for sock in (one, two, other):
            asked(sock)


def idle(sock: socket.socket, seconds: float) -> None:
    """Let time pass in which nothing comes."""
    sock.settimeout(seconds)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    sock.settimeout(5)


def test_newcomers_are_always_served(narrow: Server) -> None:
    with contextlib.ExitStack() as stack:
        for last in range(1, 100):
            asked(stack.enter_context(connected(narrow, f"127.0.1.{last}")))


def test_the_more_are_connected_the_less_they_may_idle(tmp_path: Path) -> None:
    with running(tmp_path, "--tcp-connections=16", "--tcp-idle=3") as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(server)) for _ in range(16)]
        for sock in held:
            asked(sock)
        at = time.monotonic()
        eventually(lambda: not is_open(held[0]))
        assert time.monotonic() - at < 2
        assert ending(held[0]) == "FIN"
        assert is_open(held[-1])  # there is room by now, and so the whole time for the rest


async def test_what_becomes_of_connections_is_counted(tmp_path: Path) -> None:
    with running(tmp_path, "--tcp-per-client=2", "--tcp-idle=0.5") as server:
        async with linked(server.socket) as link:
            with contextlib.ExitStack() as stack:
                held = [stack.enter_context(connected(server)) for _ in range(3)]
                assert [ending(sock) for sock in held] == ["FIN"] * 3

            def counted() -> bool:
                stats = link.stats.tcp if link.stats else TcpStats()
                return (stats.open, stats.closed_for_room, stats.closed_for_idling) == (0, 1, 2)

            await until(counted)
            assert link.stats is not None
            assert link.stats.tcp.accepted == 3
            assert link.stats.tcp.refused == 0


def test_on_sigterm_what_has_been_sent_is_answered_first(tmp_path: Path) -> None:
    with running(tmp_path) as server, connected(server) as busy, connected(server) as idle:
        asked(idle)
        busy.sendall(b"".join(framed("www.example.com.", id_=i) for i in range(1000)))
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert [read_message(busy).id for _ in range(1000)] == list(range(1000))
        assert ending(busy) == ending(idle) == "FIN"
        stopping.join()
        assert server.process.returncode == 0
        assert "cut off" not in server.log


def test_who_does_not_read_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with running(tmp_path) as server, connected(server, small=True) as sock:
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.sendall(framed("big.example.com.", "TXT") * 100_000)
        assert server.stop() == 0
        assert "cut off" in server.log


@contextlib.contextmanager
def starved(server: Server, spare: int) -> Iterator[None]:
    """``server`` can open no more than ``spare`` files."""
    pid = server.process.pid
    former = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    free = (number for number in itertools.count() if number not in used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (next(itertools.islice(free, spare, None)), former[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, former)


def cpu(server: Server) -> float:
    """Seconds of processor time that it has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_descriptors_all_else_goes_on_and_the_event_loop_does_not_spin(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        used, at = cpu(server), time.monotonic()
        with starved(server, 0), connected(server) as waiting:
            waiting.sendall(framed("www.example.com."))
            waiting.settimeout(1)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            assert values(server.ask("www.example.com."))
        assert cpu(server) - used < (time.monotonic() - at) / 2
        assert server.log.count("connections wait to be accepted") == 1
        with connected(server) as sock:
            asked(sock)


def test_without_descriptors_the_longest_idle_make_room(tmp_path: Path) -> None:
    with running(tmp_path) as server, connected(server) as kept, contextlib.ExitStack() as stack:
        asked(kept)
        with starved(server, 3):
            for last in range(1, 10):
                newcomer = stack.enter_context(connected(server, f"127.0.0.{last}"))
                asked(newcomer)
                assert values(server.ask("www.example.com."))
        assert ending(kept) == "FIN"


def test_no_more_connections_are_taken_than_there_are_descriptors_for(tmp_path: Path) -> None:
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = Server(tmp_path)
    server._command = ["prlimit", "--nofile=100:100", *server._command]
    try:
        server.start()
        assert "fewer connections for want of descriptors" in server.log
        with contextlib.ExitStack() as stack:
            for _ in range(90):
                asked(stack.enter_context(connected(server)))
        assert "connections wait" not in server.log
        assert former == resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        server.stop()
