"""``gslb run`` with sockets that are passed to it as systemd does (sd_listen_fds(3))."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.e2e.load import queries
from tests.e2e.site import Site
from tests.waiting import eventually

LAUNCHER = """
import fcntl, os, sys
count, *rest = sys.argv[1:]
numbers, command = map(int, rest[: int(count)]), rest[int(count) :]
high = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in numbers]
for index, number in enumerate(high):
    os.dup2(number, 3 + index)
    os.close(number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count}
os.execv(command[0], command)
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def bound(stack: ExitStack, port: int) -> list[socket.socket]:
    """UDP and TCP sockets as systemd has them: they do not block, and with ReusePort= there may be several."""
    udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    udp.bind(("127.0.0.1", port))
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", port), reuse_port=True))
    for sock in (udp, tcp):
        sock.setblocking(False)
    return [udp, tcp]


def start(site: Site, sockets: Sequence[socket.socket]) -> None:
    numbers = [sock.fileno() for sock in sockets]
    launcher = [sys.executable, "-c", LAUNCHER, str(len(numbers)), *map(str, numbers)]
    command = [*launcher, sys.executable, "-m", "gslb", "run", str(site.config)]
    with site.log.open("ab") as log:
        site.daemon = subprocess.Popen(
            command, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=numbers
        )


def serving(site: Site) -> bool:
    """Whether it answers over UDP and TCP."""
    try:
        over_tcp = dns.query.tcp(dns.message.make_query("api.example.com", "A"), "127.0.0.1", 2, site.dns)
    except (OSError, EOFError, dns.exception.Timeout):
        return False
    return bool(over_tcp.answer) and bool(site.addresses(3))


def descriptors(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(entry.readlink()))
    return found


def inodes(sockets: Sequence[socket.socket]) -> set[str]:
    return {f"socket:[{os.fstat(sock.fileno()).st_ino}]" for sock in sockets}


def test_workers_answer_on_passed_sockets_also_after_a_crash_and_only_they_have_them(
    site: Site, stack: ExitStack
) -> None:
    sockets = bound(stack, site.dns)
    start(site, sockets)
    eventually(lambda: serving(site))
    former = {name: site.pid(name) for name in ("nameserver-0", "nameserver-1")}
    for name in former:
        site.kill(name)
    eventually(lambda: all(site.pid(name) not in {None, pid} for name, pid in former.items()) and serving(site))
    for name in former:
        pid = site.pid(name)
        assert pid is not None
        assert inodes(sockets) <= descriptors(pid)
        assert b"LISTEN_" not in Path(f"/proc/{pid}/environ").read_bytes()
    control = site.pid("control")
    assert control is not None
    assert not inodes(sockets) & descriptors(control)


def test_what_is_asked_while_the_daemon_is_away_is_answered_when_it_is_back(site: Site, stack: ExitStack) -> None:
    sockets = bound(stack, site.dns)
    start(site, sockets)
    eventually(lambda: serving(site))
    assert site.stop() == 0
    client = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    client.settimeout(20)
    client.connect(("127.0.0.1", site.dns))
    client.send(dns.message.make_query("api.example.com", "A").to_wire())
    start(site, sockets)
    assert dns.message.from_wire(client.recv(4096)).answer


def test_a_new_supervisor_adopts_workers_that_have_its_sockets_and_replaces_others(
    site: Site, stack: ExitStack
) -> None:
    first = bound(stack, site.dns)
    start(site, first)
    eventually(lambda: serving(site))
    worker = site.pid("nameserver-0")
    site.kill("supervisor")
    start(site, first)
    eventually(lambda: site.log.read_text().count('"process adopted"') >= 3)
    assert site.pid("nameserver-0") == worker
    site.kill("supervisor")
    second = bound(stack, site.dns)
    for sock in first:
        sock.close()
    start(site, second)
    eventually(lambda: site.pid("nameserver-0") not in {None, worker} and site.pid("nameserver-1"))
    eventually(lambda: serving(site))
    pid = site.pid("nameserver-0")
    assert pid is not None
    assert inodes(second) <= descriptors(pid)


def test_a_socket_of_no_use_stops_the_start(site: Site, stack: ExitStack) -> None:
    sock = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    sock.bind(("127.0.0.1", 0))
    start(site, [sock])
    assert site.daemon is not None
    assert site.daemon.wait(20) == 1
    assert "passed socket 3: is UDP 127.0.0.1:" in site.log.read_text()
    assert site.pid("supervisor") is None


def test_workers_that_are_replaced_keep_the_sockets_and_lose_no_query(site: Site, stack: ExitStack) -> None:
    sockets = bound(stack, site.dns)
    start(site, sockets)
    eventually(lambda: serving(site))
    eventually(lambda: site.gslb("status").returncode == 0)
    former = {name: site.pid(name) for name in ("nameserver-0", "nameserver-1")}
    with queries(site.dns) as load:
        site.config.write_text(site.config.read_text().replace("[nameserver]", '[nameserver]\ntcp = { idle = "5s" }'))
        result = site.gslb("reload")
        assert result.returncode == 0, result.stderr
        eventually(lambda: all(site.pid(name) not in {None, pid} for name, pid in former.items()))
    assert load.lost() == []
    for name in former:
        pid = site.pid(name)
        assert pid is not None
        assert inodes(sockets) <= descriptors(pid)
    assert serving(site)
