"""http with ``keep_alive``: one connection for many attempts, and no failure for what servers do to idle ones."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import pytest

from gslb.model.observation import Cause, Observation
from probes.http import Http, Https
from probes.net.network import Network
from tests.probes.attempts import attempt_of, networking
from tests.probes.certificates import Authority
from tests.probes.listening import Script, gone, head_of, heard, listening, reset
from tests.probes.servers import DEADLINE
from tests.waiting import until

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\nX: y\r\n\r\n"


class Server:
    """Answers every request with ``answers`` in turn, the last one again and again."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.requests: list[int] = []
        """the connection that each request came over"""
        self.connections = self.ended = 0

    def __call__(self, connection: socket.socket) -> None:
        number, self.connections = self.connections, self.connections + 1
        try:
            while head_of(connection):
                answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
                self.requests.append(number)
                connection.sendall(answer)
        finally:
            self.ended += 1


class Client:
    """A session with a server."""

    def __init__(self, network: Network, start: Callable[[], Any]) -> None:
        self.network, self.session = network, start()

    async def attempt(self, within: float = DEADLINE) -> Observation:
        return await attempt_of(self.session, self.network, within)

    async def attempts(self, number: int) -> None:
        """So many in a row, all of which succeed."""
        for _ in range(number):
            seen = await self.attempt()
            assert seen.ok, seen


@asynccontextmanager
async def probing(script: Script, **options: Any) -> AsyncIterator[Client]:
    with listening(script) as target, networking() as network:
        probe = Http.model_validate({"keep_alive": True} | options)
        client = Client(network, lambda: probe.session(target, network))
        try:
            yield client
        finally:
            client.session.close()
            assert not network.reactor._handlers


@pytest.mark.parametrize("options", [{}, {"contains": "fine"}], ids=["by its head", "by its body"])
@pytest.mark.parametrize(
    "answer",
    [LENGTH, CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n" + LENGTH],
    ids=["length", "chunks", "empty", "after an interim response"],
)
async def test_the_connection_is_used_again(answer: bytes, options: dict[str, Any]) -> None:
    if b"fi" not in answer:
        options = {}
    server = Server(answer)
    async with probing(server, **options) as client:
        await client.attempts(5)
    assert server.requests == [0] * 5


async def test_a_connection_used_again_takes_no_time_to_connect() -> None:
    async with probing(Server(LENGTH)) as client:
        first, second = await client.attempt(), await client.attempt()
    assert first.timing is not None
    assert second.timing is not None
    assert first.timing.connect is not None
    assert (second.timing.connect, second.timing.tls) == (None, None)
    assert second.timing.first_byte is not None
    assert 0 < second.timing.first_byte <= second.latency


async def test_a_tls_connection_is_used_again(authority: Authority) -> None:
    server = Server(LENGTH)
    with listening(server, authority.server()) as target, networking() as network:
        probe = Https.model_validate({"keep_alive": True, "tls": authority.trust})
        client = Client(network, lambda: probe.session(target, network))
        await client.attempts(3)
        client.session.close()
    assert server.requests == [0] * 3


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 400\r\n\r\n"),
    ],
)
async def test_a_response_that_has_no_body_whatever_its_headers_say_keeps_the_connection(
    method: str, answer: bytes
) -> None:
    server = Server(answer)
    async with probing(server, method=method, expect=["200-399"]) as client:
        await client.attempts(3)
    assert server.requests == [0] * 3


@pytest.mark.parametrize(
    "answer",
    [
        LENGTH.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"),
        LENGTH.replace(b"OK\r\n", b"OK\r\nConnection: Foo, Close\r\n"),
        LENGTH.replace(b"1.1", b"1.0"),
        LENGTH.replace(b"1.1 200 OK\r\n", b"1.0 200 OK\r\nConnection: keep-alive\r\n"),
        LENGTH + b"more than that",
        LENGTH + LENGTH,
        b"HTTP/1.1 200 OK\r\n\r\nfine",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nfine",
    ],
    ids=["close", "close among others", "1.0", "1.0 kept", "surplus", "two responses", "no length", "gzip"],
)
async def test_a_connection_that_cannot_or_should_not_be_used_again_is_not(answer: bytes) -> None:
    server = Server(answer)
    async with probing(server) as client:
        await client.attempts(3)
    assert server.requests == [0, 1, 2]
    assert server.ended == 3


async def test_without_the_option_every_attempt_has_a_new_connection() -> None:
    server = Server(LENGTH)
    async with probing(server, keep_alive=False) as client:
        await client.attempts(3)
    assert server.requests == [0, 1, 2]


async def test_a_body_to_the_end_of_the_connection_is_judged_whole_and_ends_it() -> None:
    def script(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nfi")
        connection.sendall(b"ne")

    async with probing(script, contains="fine") as client:
        await client.attempts(3)


async def test_an_idle_connection_that_the_server_closes_costs_nothing() -> None:
    closed = Event()

    def script(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(LENGTH)
        connection.close()
        closed.set()

    async with probing(script) as client:
        for _ in range(3):
            closed.clear()
            await client.attempts(1)
            await until(closed.is_set)
            await until(lambda: not client.network.reactor._handlers)


@pytest.mark.parametrize(
    "farewell",
    [
        socket.socket.close,
        reset,
        lambda connection: connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"),
    ],
    ids=["closes", "resets", "says 408"],
)
async def test_a_server_that_ends_an_idle_connection_just_as_the_request_is_sent_costs_no_failure(
    farewell: Script,
) -> None:
    connections: list[int] = []

    def script(connection: socket.socket) -> None:
        connections.append(len(connections))
        head_of(connection)
        connection.sendall(LENGTH)
        if head_of(connection):
            farewell(connection)

    async with probing(script) as client:
        await client.attempts(4)
    assert connections == [0, 1, 2, 3]


async def test_only_an_idle_connection_is_given_a_second_try() -> None:
    """One that was new, or whose server has begun to answer, fails."""
    connections: list[int] = []

    def script(connection: socket.socket) -> None:
        connections.append(len(connections))
        head_of(connection)
        connection.sendall(LENGTH)
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200")

    async with probing(script) as client:
        await client.attempts(1)
        seen = await client.attempt()
    assert (seen.cause, seen.detail) == (Cause.RESET, "closed before the response was complete")
    assert connections == [0]


async def test_a_new_connection_that_says_408_fails() -> None:
    async with probing(Server(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")) as client:
        assert (await client.attempt()).detail == "HTTP 408"


async def test_the_rest_of_a_response_may_come_after_the_verdict() -> None:
    server_goes_on, connections = Event(), []

    def script(connection: socket.socket) -> None:
        connections.append(1)
        head_of(connection)
        connection.sendall(LENGTH[:-2])
        server_goes_on.wait(DEADLINE)
        connection.sendall(LENGTH[-2:])
        while head_of(connection):
            connection.sendall(LENGTH)

    async with probing(script) as client:
        await client.attempts(1)
        server_goes_on.set()
        await until(lambda: client.session.keeper._kept)
        await client.attempts(2)
    assert connections == [1]


async def test_a_response_that_is_still_coming_in_at_the_next_attempt_has_had_its_time() -> None:
    ends: list[int] = []

    def script(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(LENGTH[:-2])
        gone(connection)
        ends.append(1)

    async with probing(script) as client:
        await client.attempts(3)
        await until(lambda: len(ends) == 2)
    assert len(ends) == 3


@pytest.mark.parametrize(
    "rest", [b"zz\r\n", b"1;" + b"x" * 700_000, b"20000\r\n" + b"x" * 0x20000], ids=["broken", "endless", "too long"]
)
async def test_a_response_that_goes_wrong_after_the_verdict_only_costs_the_connection(rest: bytes) -> None:
    server_goes_on, ends = Event(), []

    def script(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(CHUNKED.partition(b"2\r\nfi")[0])
        server_goes_on.wait(DEADLINE)
        try:
            connection.sendall(rest)
            gone(connection)
        finally:
            ends.append(1)

    async with probing(script) as client:
        await client.attempts(1)
        server_goes_on.set()
        await until(lambda: ends)
        assert not client.network.reactor._handlers
        await client.attempts(1)


async def test_a_server_that_speaks_without_being_asked_loses_its_connection() -> None:
    speak, ends = Event(), []

    def script(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(LENGTH)
        speak.wait(DEADLINE)
        connection.sendall(LENGTH)
        gone(connection)
        ends.append(1)

    async with probing(script) as client:
        await client.attempts(1)
        speak.set()
        await until(lambda: ends)
        await client.attempts(1)


async def test_attempts_that_overlap_have_a_connection_each_and_one_is_kept() -> None:
    server = Server(LENGTH)
    async with probing(server) as client:
        seen = await asyncio.gather(*(client.attempt() for _ in range(3)))
        assert all(one.ok for one in seen)
        assert len(client.network.reactor._handlers) == 1
        await client.attempts(2)
    assert sorted(server.requests[:3]) == [0, 1, 2]
    assert len(set(server.requests[3:])) == 1


async def test_overlapping_responses_that_trickle_leave_one_connection() -> None:
    async with probing(heard(LENGTH[:-1], then=gone)) as client:
        seen = await asyncio.gather(*(client.attempt() for _ in range(3)))
        assert all(one.ok for one in seen)
        assert len(client.network.reactor._handlers) == 1


async def test_a_time_out_ends_the_connection() -> None:
    server = Server(LENGTH, b"", LENGTH)
    async with probing(server) as client:
        await client.attempts(1)
        seen = await client.attempt(0.05)
        assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no response in time")
        await client.attempts(1)
    assert server.requests == [0, 0, 1]


@pytest.mark.parametrize("answer", [LENGTH, LENGTH[:-2]], ids=["idle", "still coming in"])
async def test_close_ends_the_connection_that_was_kept(answer: bytes) -> None:
    server = Server(answer)
    async with probing(server) as client:
        await client.attempts(1)
        client.session.close()
        await until(lambda: server.ended == 1)


@pytest.mark.parametrize("answer", [LENGTH, LENGTH[:-2]], ids=["idle", "still coming in"])
async def test_an_attempt_that_outlives_its_session_leaves_nothing_behind(answer: bytes) -> None:
    server = Server(answer)
    async with probing(server) as client:
        outcome: list[Observation] = []
        client.session.start(DEADLINE, outcome.append)
        client.session.close()
        await until(lambda: outcome)
        assert outcome[0].ok
        await until(lambda: server.ended == 1)


async def test_closing_the_session_while_the_outcome_is_taken_leaves_nothing_behind() -> None:
    server = Server(LENGTH)
    async with probing(server) as client:
        client.session.start(DEADLINE, lambda _: client.session.close())
        await until(lambda: server.ended == 1)
