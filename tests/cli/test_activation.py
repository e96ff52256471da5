"""Which passed sockets are taken, and what is said of others. Descriptors 3 and on are a process's own, so each test
has a process of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

SCRIPT = """
import fcntl, json, os, sys
from gslb.cli.activation import missing, passed_sockets
from gslb.errors import ListenError
from gslb.model.address import parse_address
listen, environment, *descriptors = map(json.loads, sys.argv[1:])
high = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in descriptors]
for index, number in enumerate(high):
    os.dup2(number, 3 + index)
environment = {name: value.replace("SELF", str(os.getpid())) for name, value in environment.items()}
listen = [parse_address(text) for text in listen]
try:
    found = passed_sockets(listen, environment)
except ListenError as error:
    sys.exit(str(error))
inherited = all(os.get_inheritable(each.descriptor) for each in found)
rest = [f"{kind.name} {address}" for address, kind in missing(listen, found)]
print(json.dumps([[each.argument for each in found], rest, sorted(environment), inherited]))
"""
ROOT = Path(__file__).parents[2]


def take(
    listen: Sequence[str], *sockets: socket.socket, names: str = "", pid: str = "SELF"
) -> subprocess.CompletedProcess[str]:
    environment = {"LISTEN_PID": pid, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": names, "OTHER": "x"}
    numbers = [sock.fileno() for sock in sockets]
    arguments = [json.dumps(listen), json.dumps(environment), *map(str, numbers)]
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, cwd=ROOT, pass_fds=numbers, capture_output=True, text=True, check=False)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def pair(stack: ExitStack, host: str = "127.0.0.1") -> tuple[str, socket.socket, socket.socket]:
    """An address, and UDP and TCP sockets that are bound to it."""
    tcp = stack.enter_context(socket.create_server((host, 0)))
    udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    udp.bind((host, tcp.getsockname()[1]))
    return f"{host}:{tcp.getsockname()[1]}", udp, tcp


def test_sockets_of_named_addresses_are_taken_and_the_rest_is_to_be_bound(stack: ExitStack) -> None:
    address, udp, tcp = pair(stack)
    done = take([address, "127.0.0.1:1"], udp, tcp)
    arguments, rest, environment, inherited = json.loads(done.stdout)
    inodes = [os.fstat(sock.fileno()).st_ino for sock in (udp, tcp)]
    assert arguments == [f"--passed=3:{inodes[0]}", f"--passed=4:{inodes[1]}"]
    assert rest == ["SOCK_DGRAM 127.0.0.1:1", "SOCK_STREAM 127.0.0.1:1"]
    assert environment == ["OTHER"]
    assert inherited


def test_sockets_that_were_passed_to_another_process_are_not_ours(stack: ExitStack) -> None:
    address, udp, _ = pair(stack)
    assert json.loads(take([address], udp, pid="1").stdout)[:3] == [
        [],
        [f"SOCK_DGRAM {address}", f"SOCK_STREAM {address}"],
        ["OTHER"],
    ]


def test_a_socket_that_no_address_names_is_refused_by_its_name(stack: ExitStack) -> None:
    address, udp, _ = pair(stack)
    said = take(["127.0.0.1:53"], udp, names="gslb.socket").stderr
    assert f"nameserver.listen: cannot listen on passed socket 3 (gslb.socket): is UDP {address}" in said
    assert "ListenDatagram=" in said


def test_two_sockets_of_one_address_are_refused(stack: ExitStack) -> None:
    address, udp, _ = pair(stack)
    assert "passed socket 4: is the second one of its address" in take([address], udp, udp).stderr


def test_a_connection_and_a_unix_socket_are_refused(stack: ExitStack) -> None:
    address, _, tcp = pair(stack)
    client = stack.enter_context(socket.create_connection(tcp.getsockname()))
    accepted, _ = tcp.accept()
    stack.enter_context(accepted)
    assert "is a connection" in take([address], accepted).stderr
    assert "does not name" in take([address], client).stderr
    unix = stack.enter_context(socket.socket(socket.AF_UNIX))
    assert "is no UDP or TCP socket" in take([address], unix).stderr


def test_a_socket_of_both_families_is_refused_with_the_setting_of_the_unit(stack: ExitStack) -> None:
    both = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.bind(("::", 0))
    said = take([f"[::]:{both.getsockname()[1]}"], both).stderr
    assert "takes IPv4 too" in said
    assert "BindIPv6Only=ipv6-only" in said
