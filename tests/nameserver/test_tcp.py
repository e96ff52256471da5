"""Messages over TCP (RFC 7766): however they are cut, in order, and no faster than they are read."""

import contextlib
import socket
import statistics
import time

import dns.message
import pytest

from tests.nameserver.streams import LENGTH, asked, connected, ending, framed, read_message, read_packet
from tests.nameserver.support import Server


def test_pipelined_queries_are_answered_in_order(server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(b"".join(framed("api.example.com.", id_=i) for i in range(500)))
        assert [read_message(sock).id for _ in range(500)] == list(range(500))


def test_answers_do_not_wait_for_the_client_to_acknowledge_those_before(server: Server) -> None:
    """Clients do so after 40 ms (RFC 896, RFC 1122, section 4.2.3.2)."""
    took = []
    with connected(server) as sock:
        for _ in range(15):
            at = time.perf_counter()
            sock.sendall(framed("www.example.com.") * 100)
            for _ in range(100):
                read_packet(sock)
            took.append(time.perf_counter() - at)
    assert statistics.median(took) < 0.03


def test_messages_may_be_cut_at_any_byte(server: Server) -> None:
    both = framed("www.example.com.", id_=1) + framed("big.example.com.", "TXT", id_=2)
    with connected(server) as sock, connected(server) as other:
        for cut in range(1, len(both)):
            sock.sendall(both[:cut])
            asked(other)  # by then the first piece has been read
            sock.sendall(both[cut:])
            assert [read_message(sock).id for _ in range(2)] == [1, 2]


def test_a_message_may_come_byte_by_byte(server: Server) -> None:
    with connected(server) as sock, connected(server) as other:
        for byte in framed("www.example.com."):
            sock.sendall(bytes([byte]))
            asked(other)
        assert len(read_message(sock).answer) == 1


def test_one_connection_takes_many_queries(server: Server) -> None:
    with connected(server) as sock:
        assert all(asked(sock, id_).id == id_ for id_ in range(3000))


def test_who_has_closed_its_side_still_gets_all_its_answers_and_then_the_end(server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(b"".join(framed("big.example.com.", "TXT", id_=i) for i in range(500)))
        sock.shutdown(socket.SHUT_WR)
        assert [read_message(sock).id for _ in range(500)] == list(range(500))
        assert ending(sock) == "FIN"


@pytest.mark.parametrize("bad", [b"\x00\x00", b"\x00\x05hello", b"\x00\x0c" + b"\x00\x01\x80" + bytes(9)])
def test_a_length_below_a_header_or_a_response_ends_the_connection_after_what_came_before(
    server: Server, bad: bytes
) -> None:
    with connected(server) as sock:
        sock.sendall(framed("www.example.com.", id_=7) + bad + framed("www.example.com.", id_=8) * 100)
        assert read_message(sock).id == 7
        assert ending(sock) == "FIN"


def test_a_length_that_promises_too_much_ends_with_the_connection(server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(b"\xff\xff" + framed("www.example.com.")[2:])
        sock.shutdown(socket.SHUT_WR)
        assert ending(sock) == "FIN"


def test_the_longest_message_is_taken(server: Server) -> None:
    query = dns.message.make_query("www.example.com.", "A").to_wire()
    with connected(server) as sock:
        sock.sendall(LENGTH.pack(65535) + query + bytes(65535 - len(query)))
        assert len(read_packet(sock)) >= 12
        assert len(asked(sock).answer) == 1


def test_reading_rests_while_the_client_does_not_read_and_nothing_is_lost(server: Server) -> None:
    query = framed("big.example.com.", "TXT")
    with connected(server, small=True) as sock:
        sent = send_what_goes(sock, query * 200_000)
        assert sent < 2**20  # of 7 MB: what the buffers of both sides hold
        for _ in range(sent // len(query)):
            assert len(read_packet(sock)) > 2000
        sock.sendall(query[sent % len(query) :])
        assert len(read_packet(sock)) > 2000


def send_what_goes(sock: socket.socket, content: bytes) -> int:
    """Bytes that the other side has taken when it has taken none for a while."""
    sent, view = 0, memoryview(content)
    sock.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            sent += sock.send(view[sent : sent + 65536])
    sock.settimeout(5)
    return sent


def test_who_pipelines_much_does_not_hold_up_others(server: Server) -> None:
    with connected(server) as greedy, connected(server) as modest:
        greedy.sendall(framed("www.example.com.") * 1500)  # the kernel takes them all at once
        asked(modest)
        greedy.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            assert len(greedy.recv(2**20)) < 1500 * 60  # not all of its answers were first
