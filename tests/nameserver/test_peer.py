"""Open files that go from one process to another, and messages that are longer than what a socket takes at once."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from gslb.model.names import ServiceName
from gslb.nameserver.peer import send_descriptors
from gslb.nameserver.protocol import Handover, Left, frame
from gslb.nameserver.succession import _Line

LONG = frame(Handover((), snapshot=False, saved=True, lowered=tuple(ServiceName(f"{n:0200}.") for n in range(1000))))


def test_what_does_not_fit_into_the_socket_is_sent_as_the_other_end_reads() -> None:
    one, other = socket.socketpair()
    with one, other:
        for sock in (one, other):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        one.setblocking(False)
        received = bytearray()
        found: list[int] = []

        def read() -> None:
            while len(received) < len(LONG):
                data, descriptors, _, _ = socket.recv_fds(other, 1 << 16, 10)
                received.extend(data)
                found.extend(descriptors)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        send_descriptors(one, LONG, [one.fileno()], 10.0)
        reader.join(10)
        assert bytes(received) == LONG
        assert len(found) == 1
        os.close(found[0])


def test_an_end_that_does_not_read_is_given_up() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        one.setblocking(False)
        with pytest.raises(TimeoutError, match="does not read"):
            send_descriptors(one, LONG, [], 0.1)


def test_what_has_come_counts_although_time_is_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
        listening.listen()
        hello = b'{"type":"hello","pid":1,"version":"1","generation":null}'
        greeting = len(hello).to_bytes(4, "big") + hello

        def greet() -> None:
            accepted.append(listening.accept()[0])
            accepted[0].sendall(greeting + frame(Left()))

        accepted: list[socket.socket] = []
        greeter = threading.Thread(target=greet)
        greeter.start()
        line = _Line(tmp_path / "sock", time.monotonic() + 5)
        greeter.join()
        assert line.expect(Left, -1.0) == Left()
        with pytest.raises(TimeoutError, match="in time"):
            line.expect(Left, -1.0)
        line.close()
        accepted[0].close()
