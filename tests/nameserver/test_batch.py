"""Packets in batches, over real sockets: what comes in, where it goes out, and when it cannot be done that way."""

import contextlib
import ctypes
import errno
import gc
import os
import socket
import struct
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver import batch as module
from gslb.nameserver import disk
from gslb.nameserver.batch import MAX_PACKET, SIZE, UNSENT, Batch, obstacle, pin
from gslb.nameserver.parts import MAX_TAIL_AT, Parts, as_they_are, whole
from gslb.nameserver.responder import Responder
from gslb.nameserver.udp import UdpListener, open_udp
from tests.nameserver.support import SNAPSHOT, Server, ipv6, running, started, values

SHORT = struct.pack("@ll", 0, 50_000)
"""what a batch waits for at most, where it is to find nothing"""
SAID = b"a response"
"""as short as one can be, without its id"""
MEANWHILE = 10.0
"""seconds that a client waits at most for what is to come"""


@contextlib.contextmanager
def receiver(host: str = "127.0.0.1", *, wildcard: bool = False) -> Iterator[tuple[Batch, tuple[str, int]]]:
    """A batch of a socket as a nameserver has it, and where to send to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    any_ = "::" if ":" in host else "0.0.0.0"
    with open_udp(family, any_ if wildcard else host, 0, reuse_port=False) as sock:
        yield Batch(sock, destination=wildcard), (host, sock.getsockname()[1])


@contextlib.contextmanager
def client(address: tuple[str, int], source: str | None = None) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(MEANWHILE)
        if source:
            sock.bind((source, 0))
        sock.connect(address)
        yield sock


def received(batch: Batch, count: int) -> list[bytes]:
    """So many packets, which are there already and come in one batch; as copies of the keys."""
    assert batch.receive() == count
    return [bytes(memoryview(key)) for key in batch.keys[:count]]


def send(batch: Batch, responses: Sequence[bytes | None]) -> None:
    unsent = [index for index, response in enumerate(responses) if response is None]
    parts = [None if response is None else whole(b"id" + response) for response in responses]
    batch.send(b"".join(UNSENT if made is None else pin(made) for made in parts), unsent)


# What comes in


LENGTHS = (0, 1, 2, 3, 11, 12, 13, 40, 512, MAX_PACKET - 1, MAX_PACKET, MAX_PACKET + 1, 4000)


def test_packets_of_any_length_are_read_up_to_the_most_that_is() -> None:
    with receiver() as (batch, address), client(address) as sock:
        for _ in range(3):
            packets = [bytes(1 + i % 255 for i in range(length)) for length in LENGTHS]
            for packet in packets:
                sock.send(packet)
            cut = [packet[:MAX_PACKET] for packet in packets]
            assert received(batch, len(packets)) == [bytes(min(2, len(it))) + it[2:] for it in cut]
            assert [batch.packet(index) for index in range(len(packets))] == cut
            for sent in reversed(packets):
                sock.send(sent[::-1])
            assert [batch.packet(index) for index in range(batch.receive())] == [
                it[::-1][:MAX_PACKET] for it in reversed(packets)
            ]


@given(st.lists(st.lists(st.binary(max_size=1300), min_size=1, max_size=20), max_size=5))
def test_whatever_comes_is_a_key_like_any_other_bytes(rounds: list[list[bytes]]) -> None:
    with receiver() as (batch, address), client(address) as sock:
        for packets in rounds:
            for packet in packets:
                sock.send(packet)
            count = batch.receive()
            assert count == len(packets)
            for index, packet in enumerate(packets):
                key, real = batch.keys[index], bytes(min(2, len(packet))) + packet[2:MAX_PACKET]
                assert key == real
                assert real == key
                assert hash(key) == hash(real)
                assert {real: "found"}[key] == "found"
                assert len(key) == len(real)
                assert {key: "found"}[real] == "found"
                assert batch.packet(index) == packet[:MAX_PACKET]
                assert (key > real, key < real + b"\1", key[5:9], key.find(7)) == (False, True, real[5:9], real.find(7))
                del key  # before the batch


def test_a_key_that_is_copied_stays_as_it_was_while_the_places_are_used_again() -> None:
    with receiver() as (batch, address), client(address) as sock:
        kept: dict[bytes, int] = {}
        for number in range(300):
            sock.send(struct.pack(">HI", number, number))
            (copy,) = received(batch, 1)
            kept[copy] = number
        assert kept == {bytes(2) + struct.pack(">I", number): number for number in range(300)}
        sock.send(struct.pack(">HI", 7, 123))
        batch.receive()
        assert kept[batch.keys[0]] == 123


def test_a_key_that_is_kept_for_longer_than_its_batch_does_no_harm() -> None:
    before = len(module._HELD)
    with receiver() as (batch, address), client(address) as sock:
        sock.send(b"..kept")
        assert batch.receive() == 1
        key = batch.keys[0]
    del batch
    gc.collect()
    assert len(module._HELD) == before + 1
    assert key == b"\0\0kept"


def test_more_than_fit_in_one_batch_come_in_several() -> None:
    with receiver() as (batch, address), client(address) as sock:
        for number in range(2 * SIZE + 5):
            sock.send(struct.pack(">HI", 9, number))
        number = 0
        for expected in (SIZE, SIZE, 5):
            assert batch.receive() == expected
            send(batch, [SAID + key[2:] for key in batch.keys[:expected]])
            for _ in range(expected):
                assert sock.recv(99) == struct.pack(">H", 9) + SAID + struct.pack(">I", number)
                number += 1


def test_it_waits_no_longer_than_it_is_told_to() -> None:
    with receiver() as (batch, address), client(address) as sock:
        batch_socket = socket.socket(fileno=batch._descriptor)
        try:
            batch_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, SHORT)
        finally:
            batch_socket.detach()
        assert batch.receive() == 0
        sock.send(b"12345")
        assert received(batch, 1) == [b"\0\x00345"]
        assert batch.receive() == 0


def test_a_socket_that_is_of_no_use_is_told() -> None:
    sock = open_udp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False)
    batch = Batch(sock, destination=False)
    sock.close()
    with pytest.raises(OSError, match="Bad file descriptor") as raised:
        batch.receive()
    assert raised.value.errno == errno.EBADF


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=ipv6)])
def test_it_tells_who_sent_each_packet(host: str) -> None:
    sources = ["127.0.0.3", "127.0.0.200", "127.1.2.3"] if host == "127.0.0.1" else ["::1"] * 3
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with receiver(host) as (batch, address):
        for source in sources:
            with client(address, source) as sock:
                sock.send(b"hello")
        assert batch.receive() == 3
        assert batch.hosts(3) == tuple(socket.inet_pton(family, source) for source in sources)
        assert batch.hosts(2) == batch.hosts(3)[:2]
        assert batch.hosts(0) == ()
        assert [batch.source(index) for index in range(3)] == sources


# What goes out


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=ipv6)])
@pytest.mark.parametrize("wildcard", [False, True])
def test_each_client_gets_its_response_with_its_id(host: str, *, wildcard: bool) -> None:
    with receiver(host, wildcard=wildcard) as (batch, address), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(address)) for _ in range(20)]
        for round_ in range(3):
            for number, sock in enumerate(clients):
                sock.send(struct.pack(">HB", 1000 * round_ + number, number))
            assert batch.receive() == len(clients)
            send(batch, [b"response %02d of %d" % (index, round_) for index in range(len(clients))])
            for number, sock in enumerate(clients):
                expected = struct.pack(">H", 1000 * round_ + number) + b"response %02d of %d" % (number, round_)
                assert sock.recv(99) == expected


@pytest.mark.parametrize("length", [10, 11, 12, 500, 1230, 8000])
def test_responses_may_be_of_any_length(length: int) -> None:
    with receiver() as (batch, address), client(address) as sock:
        sock.send(b"ab?")
        assert batch.receive() == 1
        send(batch, [b"x" * length])
        assert sock.recv(9000) == b"ab" + b"x" * length


PARTS = {
    # a question of some packet, and where its tail is: the same as the packet has it, or given
    Parts(b"0123456789", b"body", 12): None,
    Parts(b"0123456789", b"", 30): None,
    Parts(b"0123456789", b"body" * 99, 200): None,
    Parts(b"0123456789", b"body", 200, 200, 24): None,
    Parts(b"0123456789", b"", 31, MAX_TAIL_AT, 3): None,
    Parts(b"0123456789", b"body", 30, 59, 24): bytes(range(100, 124)),
    Parts(b"0123456789", b"", 30, MAX_TAIL_AT, 24): bytes(range(100, 124)),
}


def test_a_response_may_have_parts_of_its_packet() -> None:
    packet = b"id" + bytes(range(2, 250))
    with receiver() as (batch, address), client(address) as sock:
        for _ in range(2):
            for _ in PARTS:
                sock.send(packet)
            assert batch.receive() == len(PARTS)
            records = [pin(parts) for parts in PARTS]
            for index, tail in enumerate(PARTS.values()):
                if tail is not None:
                    batch.echo(index, records[index], tail)
            batch.send(b"".join(records))
            for parts, tail in PARTS.items():
                own = packet[parts.tail_at : parts.tail_at + parts.tail_size] if tail is None else tail
                expected = b"id" + parts.head + packet[12 : parts.question_end] + parts.body + own
                assert sock.recv(999) == expected == b"id" + parts.joined(packet, tail)


def test_some_get_no_response() -> None:
    for holes in ([], [0], [9], [0, 1, 2], [3, 4, 9], list(range(10)), [0, 2, 4, 6, 8], [1, 3, 5, 7, 9]):
        with receiver() as (batch, address), client(address) as sock:
            for number in range(10):
                sock.send(bytes([0, number, number]))
            assert batch.receive() == 10
            send(batch, [None if index in holes else SAID + bytes([index]) for index in range(10)])
            sock.send(b"..last")
            assert batch.receive() == 1
            send(batch, [b"the last one"])
            answered = [sock.recv(99) for _ in range(11 - len(holes))]
            assert answered == [
                *(bytes([0, n]) + SAID + bytes([n]) for n in range(10) if n not in holes),
                b"..the last one",
            ]


def test_those_that_cannot_be_reached_keep_nobody_else_from_an_answer() -> None:
    """Port 0, addresses without a route, one that a socket may not send to, ports that are closed."""
    with receiver() as (batch, address), contextlib.ExitStack() as stack:
        good = [stack.enter_context(client(address)) for _ in range(6)]
        gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        gone.connect(address)
        for number, sock in enumerate((good[0], good[1], gone, good[2], good[3], good[4], good[5])):
            sock.send(bytes([0, number]) + b"?")
        gone.close()
        for _ in range(3):
            assert batch.receive() == 7
            names = memoryview(batch._names).cast("B")
            for index, (port, host) in {1: (0, "127.0.0.1"), 3: (5, "255.255.255.255"), 6: (5, "240.0.0.1")}.items():
                names[32 * index + 2 : 32 * index + 8] = struct.pack(">H", port) + socket.inet_aton(host)
            send(batch, [SAID] * 7)
            for index, sock in {0: good[0], 4: good[3], 5: good[4]}.items():
                assert sock.recv(99) == bytes([0, index]) + SAID
            for number, sock in enumerate((good[0], good[1], good[1], good[2], good[3], good[4], good[5])):
                sock.send(bytes([0, number]) + b"?")


# Where it leaves from


@dataclass(frozen=True)
class Asked:
    """Somebody who asks several addresses of one machine, and takes note of where answers come from."""

    sock: socket.socket
    port: int

    def send(self, host: str, content: bytes) -> None:
        self.sock.sendto(content, (host, self.port))

    def responses(self, count: int) -> dict[bytes, str]:
        found = {}
        for _ in range(count):
            content, sender = self.sock.recvfrom(99)
            found[content] = sender[0]
        return found


@pytest.mark.parametrize("batches", [1, 3])
def test_responses_leave_from_the_address_that_each_packet_was_sent_to(batches: int) -> None:
    with receiver(wildcard=True) as (batch, (_, port)), socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(MEANWHILE)
        asked = Asked(sock, port)
        for round_ in range(batches):
            hosts = [f"127.0.{round_}.{1 + number * 7 % 250}" for number in range(60)]
            for number, host in enumerate(hosts):
                asked.send(host, bytes([round_, number]))
            assert batch.receive() == len(hosts)
            assert batch.hosts(1) == (b"\x7f\0\0\1",)
            send(batch, [SAID] * len(hosts))
            assert asked.responses(len(hosts)) == {
                bytes([round_, number]) + SAID: host for number, host in enumerate(hosts)
            }


@ipv6
def test_responses_over_ipv6_leave_from_there_as_well() -> None:
    with (
        receiver("::1", wildcard=True) as (batch, (_, port)),
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(MEANWHILE)
        sock.bind(("::1", 0))
        for number in range(9):
            sock.sendto(bytes([0, number]), ("::1", port))
        assert batch.receive() == 9
        send(batch, [SAID] * 9)
        assert Asked(sock, port).responses(9) == {bytes([0, number]) + SAID: "::1" for number in range(9)}


@ipv6
def test_any_interface_leads_back_but_for_addresses_of_one_link() -> None:
    """RFC 4007: an address of one link means something on that link only."""
    with receiver("::1", wildcard=True) as (batch, _):
        assert batch._infos is not None
        control = memoryview(batch._control).cast("B")
        for index, host in enumerate(["2001:db8::1", "fe80::1", "::1", "fe80::2"]):
            information = socket.inet_pton(socket.AF_INET6, host) + struct.pack("=I", 7)
            control[64 * index + 16 : 64 * index + 36] = information
        batch._infos.turn(4)
        assert [struct.unpack_from("=I", control, 64 * index + 32)[0] for index in range(4)] == [0, 7, 0, 7]
        batch._infos.turn(1)
        assert struct.unpack_from("=I", control, 32)[0] == 0


# Whether it can be done


def test_it_can_be_done_here() -> None:
    assert obstacle() == ""


@pytest.mark.parametrize(
    ("of", "attribute", "value", "said"),
    [
        (module, "HEAD", 40, "laid out in another way"),
        (module, "HEAD", 33, "laid out in another way"),
        (sys, "byteorder", "big", "not a little-endian machine of 64 bits"),
        (sys, "implementation", SimpleNamespace(name="pypy"), "pypy without the usual interpreter lock"),
        (sysconfig, "get_config_var", lambda _: 1, "without the usual interpreter lock"),
        (module, "_is_usual", lambda _: False, "laid out in another way"),
        (ctypes, "CDLL", lambda *_, **__: SimpleNamespace(), "batched system calls fail"),
        (ctypes, "sizeof", {ctypes.c_void_p: 4, ctypes.c_uint64: 8}.get, "not a little-endian machine of 64 bits"),
    ],
)
def test_what_stands_in_the_way_is_said(
    monkeypatch: pytest.MonkeyPatch, of: object, attribute: str, value: object, said: str
) -> None:
    monkeypatch.setattr(of, attribute, value)
    reason = obstacle()
    monkeypatch.undo()
    assert said in reason


def test_a_system_call_that_is_not_allowed_stands_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        ctypes.set_errno(errno.ENOSYS)
        return -1

    monkeypatch.setattr(module, "_calls", lambda: (refused, refused))
    assert "Function not implemented" in obstacle()


def test_a_call_that_does_something_else_stands_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module._calls()
    monkeypatch.setattr(module, "_calls", lambda: (lambda *_: 4, real[1]))
    assert obstacle() == "packets did not come through"
    monkeypatch.setattr(module, "_calls", lambda: (real[0], lambda *_: 4))
    assert "timed out" in obstacle()


_WITHOUT = """
import sys
from gslb.nameserver import batch, process
batch.HEAD = 40
sys.argv = ["gslb-nameserver", *sys.argv[1:]]
from gslb.cli.nameserver import main
sys.exit(main())
"""


def test_a_nameserver_that_cannot_says_so_and_answers_all_the_same(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server._command = [sys.executable, "-c", _WITHOUT, *(it for it in server._command[3:] if it != "--plain")]
    disk.write(server.snapshot, SNAPSHOT)
    with started(server):
        for _ in range(5):
            assert len(values(server.ask("www.example.com."))) == 2
        assert "packets are read one by one" in server.log
        assert "bytes are laid out in another way" in server.log


def test_a_nameserver_that_is_told_to_reads_them_one_by_one_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, "--plain") as server:
        for _ in range(5):
            assert len(values(server.ask("www.example.com."))) == 2
        assert "one by one" not in server.log


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_a_listener_that_dies_says_so_and_one_that_is_stopped_does_not(*, batched: bool, stopped: bool) -> None:
    died = threading.Event()
    with open_udp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False) as sock:
        listener = UdpListener(sock, Responder(pin=pin if batched else as_they_are), died.set, batched=batched)
        listener.start()
        with client(("127.0.0.1", sock.getsockname()[1])) as asking:
            asking.send(bytes(12))
            assert len(asking.recv(99)) == 12
        if not stopped:
            with Path(os.devnull).open("rb") as nothing:
                os.dup2(nothing.fileno(), sock.fileno())  # which is no socket
            assert died.wait(20)
        listener.stop()
        assert died.is_set() is not stopped


_MANY_BATCHES = """
import resource, socket, struct
from gslb.nameserver.batch import Batch, pin
from gslb.nameserver.parts import whole
from gslb.nameserver.udp import open_udp

def use():
    with open_udp(socket.AF_INET, "0.0.0.0", 0, reuse_port=False) as sock:
        batch = Batch(sock, destination=True)
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.connect(("127.0.0.1", sock.getsockname()[1]))
            for number in range(20):
                client.send(struct.pack(">HI", number, number) * 20)
            count = batch.receive()
            assert count == 20
            found = {bytes(memoryview(key)): index for index, key in enumerate(batch.keys[:count])}
            assert [found[key] for key in batch.keys[:count]] == list(range(20))
            answers = [whole(key) for key in batch.keys[:count]]
            batch.send(b"".join(map(pin, answers)))
            assert [client.recv(999)[:2] for _ in range(20)] == [struct.pack(">H", number) for number in range(20)]
    return found

for _ in range(20):
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kept = [use() for _ in range(200)]
assert all(list(found.values()) == list(range(20)) for found in kept)
assert all(key[2:6] == struct.pack(">I", index) for found in kept for key, index in found.items())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_batches_come_and_go_without_a_trace() -> None:
    """Each has 300 KiB; what is kept of them here are copies of keys."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _MANY_BATCHES],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8 * 1024  # KiB
