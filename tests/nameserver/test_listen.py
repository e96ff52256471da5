"""Several addresses of both families, wildcards side by side, and sockets that were bound by somebody else."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from itertools import chain, combinations
from pathlib import Path

import dns.message
import dns.query
import pytest

from gslb.errors import ListenError
from gslb.model.address import Address, parse_address
from gslb.nameserver import disk
from gslb.nameserver.listen import listening
from gslb.nameserver.udp import open_udp
from tests.nameserver.support import SNAPSHOT, Server, ipv6, started, values
from tests.waiting import eventually, free_port

NAME = "www.example.com."
ANSWER = ["192.0.2.80", "192.0.2.81"]


def ask(host: str, port: int, *, tcp: bool) -> list[str]:
    """What is answered; dnspython refuses an answer that comes from another address than was asked."""
    transport = dns.query.tcp if tcp else dns.query.udp
    return sorted(values(transport(dns.message.make_query(NAME, "A"), host, 5, port)))


def dual_port() -> int:
    """A port that is free at the wildcard addresses of both families."""
    while True:
        port = free_port("0.0.0.0")
        try:
            with socket.create_server(("::", port), family=socket.AF_INET6):
                return port
        except OSError:
            continue


@ipv6
@pytest.mark.parametrize("reuse_port", [False, True])
def test_any_of_loopbacks_and_wildcards_of_both_families_can_be_bound_together(
    tmp_path: Path, *, reuse_port: bool
) -> None:
    one, all_ = dual_port(), dual_port()
    addresses = [f"[::1]:{one}", f"127.0.0.1:{one}", f"[::]:{all_}", f"0.0.0.0:{all_}"]
    for chosen in chain.from_iterable(combinations(addresses, size) for size in range(1, 5)):
        parsed = tuple(map(parse_address, chosen))
        with listening(parsed, tmp_path / "sock", reuse_port=reuse_port) as sockets:
            for kind in (sockets.udp, sockets.tcp):
                assert [_address(sock) for sock in kind] == list(parsed)


def _address(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return Address(ip_address(host), port)


@ipv6
@pytest.mark.parametrize("tcp", [False, True])
def test_answers_leave_from_the_address_that_was_asked_on_all_of_them_at_once(tmp_path: Path, *, tcp: bool) -> None:
    server, wild = Server(tmp_path), dual_port()
    disk.write(server.snapshot, SNAPSHOT)
    server._command += [f"--listen=[::1]:{server.port}", f"--listen=[::]:{wild}", f"--listen=0.0.0.0:{wild}"]
    with started(server):
        assert ask("127.0.0.1", server.port, tcp=tcp) == ANSWER
        assert ask("::1", server.port, tcp=tcp) == ANSWER
        for host in ("127.0.0.1", "127.0.0.9", "::1"):
            assert ask(host, wild, tcp=tcp) == ANSWER


@contextmanager
def passed(host: str = "127.0.0.1") -> Iterator[tuple[int, list[socket.socket]]]:
    """A port, and UDP and TCP sockets bound to it as a service manager has them: they do not block."""
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server((host, 0)))
        port = tcp.getsockname()[1]
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind((host, port))
        for sock in (udp, tcp):
            sock.setblocking(False)
        yield port, [udp, tcp]


def worker(folder: Path, name: str, port: int, sockets: Sequence[socket.socket], listen: str = "127.0.0.1") -> Server:
    """A worker with these sockets and no right to bind the port itself: somebody else has it."""
    server = Server(folder, listen=listen, name=name, host="127.0.0.1")
    server._command[5] = f"--listen={listen}:{port}"
    server._command += [f"--passed={sock.fileno()}:{os.fstat(sock.fileno()).st_ino}" for sock in sockets]
    server.port, server.descriptors = port, tuple(sock.fileno() for sock in sockets)
    disk.write(server.snapshot, SNAPSHOT)
    return server


def test_several_workers_share_passed_sockets_and_one_that_stops_leaves_them_to_the_others(tmp_path: Path) -> None:
    with passed() as (port, sockets):
        first, second = (worker(tmp_path, f"nameserver-{n}", port, sockets) for n in range(2))
        with started(first), started(second):
            assert first.stop() == 0
            for tcp in (False, True):
                assert [ask("127.0.0.1", port, tcp=tcp) for _ in range(20)] == [ANSWER] * 20
            assert "listener died" not in second.log


def test_what_is_asked_while_no_worker_lives_is_answered_by_the_next_one(tmp_path: Path) -> None:
    with passed() as (port, sockets), socket.socket(type=socket.SOCK_DGRAM) as client:
        with started(worker(tmp_path, "nameserver-0", port, sockets)) as server:
            assert server.stop() == 0
        query = dns.message.make_query(NAME, "A")
        client.settimeout(10)
        client.connect(("127.0.0.1", port))
        client.send(query.to_wire())
        with started(worker(tmp_path, "nameserver-0", port, sockets)):
            assert sorted(values(dns.message.from_wire(client.recv(4096)))) == ANSWER


def test_a_passed_wildcard_socket_answers_from_the_address_that_was_asked(tmp_path: Path) -> None:
    with passed("0.0.0.0") as (port, sockets), started(worker(tmp_path, "nameserver-0", port, sockets, "0.0.0.0")):
        for tcp in (False, True):
            assert ask("127.0.0.9", port, tcp=tcp) == ANSWER


def test_what_was_not_passed_is_bound(tmp_path: Path) -> None:
    with passed() as (port, (udp, tcp)):
        tcp.close()
        with started(worker(tmp_path, "nameserver-0", port, [udp])):
            assert ask("127.0.0.1", port, tcp=False) == ask("127.0.0.1", port, tcp=True) == ANSWER


def test_a_descriptor_that_is_no_socket_is_named(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        descriptor = file.fileno()
        with (
            pytest.raises(ListenError, match=f"passed socket {descriptor}"),
            listening((), tmp_path / "sock", reuse_port=False, passed=(descriptor,)),
        ):
            pass


def test_a_worker_ends_up_without_capabilities_if_it_is_not_root_and_gains_no_new_rights(tmp_path: Path) -> None:
    server = Server(tmp_path)
    disk.write(server.snapshot, SNAPSHOT)
    with started(server):
        status = Path(f"/proc/{server.process.pid}/status")
        eventually(lambda: "NoNewPrivs:\t1" in status.read_text())
        if os.geteuid() != 0:
            assert "CapPrm:\t0000000000000000" in status.read_text()


def test_news_of_a_narrow_path_are_not_believed() -> None:
    with open_udp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False) as sock:
        assert sock.getsockopt(socket.IPPROTO_IP, 10) == 5  # IP_MTU_DISCOVER is IP_PMTUDISC_OMIT


@contextmanager
def estate() -> Iterator[tuple[Address, list[socket.socket], list[socket.socket]]]:
    """An address, the sockets that a predecessor has of it, and those of who had bound them for that one."""
    with passed() as (port, given), ExitStack() as stack:
        inherited = [stack.enter_context(sock.dup()) for sock in given]
        yield parse_address(f"127.0.0.1:{port}"), inherited, given


def reuses(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))


def test_what_a_predecessor_shared_with_others_is_not_a_successors_own(tmp_path: Path) -> None:
    with estate() as (address, inherited, given):
        shared = frozenset(inherited)
        with listening(
            (address,), tmp_path / "sock", reuse_port=True, inherited=tuple(inherited), shared=shared
        ) as sockets:
            assert frozenset(sockets.all) == sockets.shared == shared
            assert not any(map(reuses, given))


def test_who_cannot_listen_leaves_what_it_was_given_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with estate() as (address, inherited, given):
        with (
            pytest.raises(ListenError),
            listening((address,), tmp_path / "file" / "sock", reuse_port=True, inherited=tuple(inherited)),
        ):
            pass
        assert not any(map(reuses, given))
