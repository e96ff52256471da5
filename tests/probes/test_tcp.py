"""tcp: up when the three-way handshake completes in time."""

import asyncio
import socket

import pytest
from pydantic import ValidationError

from gslb.model.observation import Cause
from probes.tcp import Tcp
from tests.probes.attempts import attempt
from tests.probes.listening import gone, listening, speaks
from tests.probes.servers import BRIEF, DEADLINE, HOST, refusing, silent, target


async def test_a_port_that_accepts_is_up() -> None:
    with socket.create_server((HOST, 0)) as listener:
        seen = await attempt(Tcp(), target(listener.getsockname()[1]), DEADLINE)
        accepted, _ = listener.accept()
        with accepted:
            accepted.setblocking(False)
            assert await _ends(accepted)
    assert seen.ok
    assert seen.cause is None
    assert 0 < seen.latency < DEADLINE


async def _ends(connection: socket.socket) -> bool:
    """Whether the other side closes or resets the connection without a word."""
    async with asyncio.timeout(DEADLINE):
        try:
            return await asyncio.get_running_loop().sock_recv(connection, 1) == b""
        except ConnectionResetError:
            return True


async def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with refusing() as closed:
        seen = await attempt(Tcp(), closed, DEADLINE)
    assert (seen.ok, seen.cause) == (False, Cause.REFUSED)
    assert "refused" in seen.detail.lower() or "Connect call failed" in seen.detail
    assert 0 < seen.latency < DEADLINE


async def test_a_silent_address_is_a_time_out() -> None:
    with silent() as hole:
        seen = await attempt(Tcp(), hole, BRIEF)
    assert (seen.ok, seen.cause, seen.detail) == (False, Cause.TIMEOUT, "no connection in time")
    assert BRIEF * 0.9 <= seen.latency < DEADLINE


@pytest.mark.parametrize(
    "parts", [[b"220 mail ready"], [b"220 ", b"mail"], [b"x" * 4096] * 15 + [b"220 mail"]], ids=["one", "two", "late"]
)
async def test_a_service_that_speaks_first_is_up_once_it_has_said_what_is_expected(parts: list[bytes]) -> None:
    with listening(speaks(*parts, then=gone)) as place:
        seen = await attempt(Tcp(expect="220 mail"), place, DEADLINE)
    assert seen.ok, seen
    assert seen.timing is not None
    assert seen.timing.connect is not None
    assert seen.timing.first_byte is not None


async def test_a_service_that_is_asked_hears_what_is_configured() -> None:
    heard: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heard.append(connection.recv(64))
        connection.sendall(b"+PONG\r\n")
        gone(connection)

    with listening(script) as place:
        assert (await attempt(Tcp(send="PING\r\n", expect="+PONG"), place, DEADLINE)).ok
    assert heard == [b"PING\r\n"]


def test_sending_without_waiting_for_an_answer_is_refused() -> None:
    with pytest.raises(ValidationError, match="add expect, or remove send"):
        Tcp(send="PING\r\n")
