"""grpc: up when the health service says SERVING, whatever else a server may send."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, WindowUpdated
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.observation import Cause, Observation
from probes.base import Target
from probes.grpc import Grpc
from probes.net.http2 import MAX_FRAMES, MAX_OCTETS, Call, Http2Error
from probes.net.trust import TlsOptions
from tests.probes.attempts import attempt, attempt_of, networking
from tests.probes.servers import BRIEF, DEADLINE, HOST, open_files, refusing, silent, target
from tests.waiting import until

HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]
SERVING = b"\0\0\0\0\2\x08\x01"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


class Peer:
    """The server's side of one connection. ``headers`` and ``body`` are those of the request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http2 = H2Connection(
            H2Configuration(client_side=False, header_encoding="utf-8", validate_outbound_headers=False)
        )
        self.headers: dict[str, str] = {}
        self.body = b""

    async def take_request(self) -> None:
        self.http2.initiate_connection()
        ended = False
        while not ended:
            for event in await self.events():
                if isinstance(event, RequestReceived):
                    self.headers = {str(name): str(value) for name, value in event.headers}
                elif isinstance(event, DataReceived):
                    self.body += event.data
                ended |= isinstance(event, StreamEnded)

    async def events(self) -> list[Event]:
        """The next ones; what is to be sent is sent first."""
        await self.flush()
        data = await self.reader.read(65536)
        if not data:
            raise ConnectionResetError
        return self.http2.receive_data(data)

    async def flush(self) -> None:
        if octets := self.http2.data_to_send():
            self.writer.write(octets)
            await self.writer.drain()

    async def say(self, octets: bytes) -> None:
        await self.flush()
        if octets:
            self.writer.write(octets)
            await self.writer.drain()

    async def until_gone(self) -> None:
        await self.flush()
        while await self.reader.read(65536):
            pass


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def listening(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Target]:
    """Runs ``script`` for each connection; on leaving, every client must have gone."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(peer: Peer) -> None:
        with suppress(OSError):
            await script(peer)
            await peer.flush()
        peer.writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(serve(Peer(reader, writer))))

    server = await asyncio.start_server(accept, HOST, 0, ssl=context)
    async with server:
        yield target(server.sockets[0].getsockname()[1])
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*tasks)


def answering(
    head: list[tuple[str, str]] = HEAD, body: bytes = SERVING, trailers: list[tuple[str, str]] | None = OK
) -> Script:
    """Answers like a server of gRPC; without body and trailers, with a head alone."""

    async def script(peer: Peer) -> None:
        await peer.take_request()
        peer.http2.send_headers(1, head, end_stream=not body and trailers is None)
        if body:
            peer.http2.send_data(1, body, end_stream=trailers is None)
        if trailers is not None:
            peer.http2.send_headers(1, trailers, end_stream=True)
        await peer.until_gone()

    return script


def then(act: Callable[[H2Connection], None]) -> Script:
    """Takes the request, does something, and waits until the client goes."""

    async def script(peer: Peer) -> None:
        await peer.take_request()
        act(peer.http2)
        await peer.until_gone()

    return script


def raw(octets: bytes, *, close: bool = False) -> Script:
    """Says these octets at once, and waits until the client goes, or closes."""

    async def script(peer: Peer) -> None:
        await peer.say(octets)
        if close:
            peer.writer.write_eof()
        await peer.until_gone()

    return script


async def probe(script: Script, within: float = DEADLINE, **options: Any) -> Observation:
    """What a probe with ``options`` sees, within so many seconds, of a server that follows ``script``."""
    async with listening(script) as address:
        seen = await attempt(Grpc.model_validate(options), address, within)
    assert 0 < seen.latency < within + DEADLINE
    assert seen.ok is (seen.cause is None)
    return seen


class Certificates:
    """An authority, a server's certificate of the loopback address, and contexts to serve with it."""

    def __init__(self, folder: Path) -> None:
        authority, self.ca = trustme.CA(), folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.server = authority.issue_cert(HOST, "health.example.com")

    def context(self, *protocols: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.configure_cert(context)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def tls(certificates: Certificates, **more: Any) -> Grpc:
    return Grpc(tls=TlsOptions.model_validate({"ca": str(certificates.ca)} | more))


@pytest.fixture(scope="module")
def reference(certificates: Certificates) -> Iterator[tuple[Target, Target]]:
    """A server of the reference implementation: in clear text, and with TLS."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    statuses = health_pb2.HealthCheckResponse
    for service, status in (
        ("", statuses.SERVING),
        ("shop.Cart", statuses.SERVING),
        ("shop.Mail", statuses.NOT_SERVING),
        ("shop.New", statuses.UNKNOWN),
        ("shop.Gone", statuses.SERVICE_UNKNOWN),
    ):
        servicer.set(service, status)
    credentials = grpc.ssl_server_credentials(
        [(certificates.server.private_key_pem.bytes(), certificates.server.cert_chain_pems[0].bytes())]
    )
    plain, secure = server.add_insecure_port(f"{HOST}:0"), server.add_secure_port(f"{HOST}:0", credentials)
    server.start()
    yield target(plain), target(secure)
    server.stop(None).wait()


@pytest.mark.parametrize("service", ["", "shop.Cart"])
async def test_a_server_that_says_serving_is_up(reference: tuple[Target, Target], service: str) -> None:
    seen = await attempt(Grpc(service=service), reference[0])
    assert (seen.ok, seen.cause, seen.detail) == (True, None, "SERVING")
    timing = seen.timing
    assert timing is not None
    assert timing.tls is None
    assert timing.connect is not None
    assert timing.first_byte is not None
    assert 0 < timing.connect + timing.first_byte <= seen.latency


@pytest.mark.parametrize(
    ("service", "word"),
    [("shop.Mail", "NOT_SERVING"), ("shop.New", "UNKNOWN"), ("shop.Gone", "SERVICE_UNKNOWN")],
)
async def test_a_service_that_does_not_serve_is_down(reference: tuple[Target, Target], service: str, word: str) -> None:
    seen = await attempt(Grpc(service=service), reference[0])
    assert (seen.ok, seen.cause, seen.detail) == (False, Cause.STATUS, word)


async def test_a_service_that_the_server_does_not_know_is_down(reference: tuple[Target, Target]) -> None:
    seen = await attempt(Grpc(service="shop.Typo"), reference[0])
    assert (seen.cause, seen.detail) == (
        Cause.STATUS,
        "gRPC status 5 NOT_FOUND (the server does not know the service)",
    )


async def test_a_server_without_a_health_service_says_so() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    seen = await attempt(Grpc(), target(port))
    server.stop(None).wait()
    assert seen.cause is Cause.STATUS
    assert seen.detail.startswith("gRPC status 12 UNIMPLEMENTED")
    assert seen.detail.endswith("(the server has no health service)")


async def test_tls_is_spoken_where_it_is_configured(
    reference: tuple[Target, Target], certificates: Certificates
) -> None:
    seen = await attempt(tls(certificates), reference[1])
    assert (seen.ok, seen.detail) == (True, "SERVING")
    assert seen.timing is not None
    assert seen.timing.tls is not None
    assert seen.timing.tls > 0


@pytest.mark.parametrize(
    ("options", "authority", "message"),
    [
        ({}, None, b"\0\0\0\0\0"),
        ({"service": "shop.Cart"}, None, b"\0\0\0\0\x0b\x0a\x09shop.Cart"),
        ({"service": "é" * 100}, None, b"\0\0\0\0\xcb\x0a\xc8\x01" + b"\xc3\xa9" * 100),
        ({"authority": "health.example.com"}, "health.example.com", b"\0\0\0\0\0"),
    ],
)
async def test_the_request_is_as_the_protocol_says(
    options: dict[str, Any], authority: str | None, message: bytes
) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await answering()(peer)

    async with listening(script) as address:
        assert (await attempt(Grpc.model_validate(options), address)).ok
    assert peers[0].headers == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": authority or address.name,
        "te": "trailers",
        "content-type": "application/grpc",
        "user-agent": "gslb",
    }
    assert peers[0].body == message


def response(message: bytes) -> bytes:
    return struct.pack("!BI", 0, len(message)) + message


@pytest.mark.parametrize(
    "message",
    [
        b"\x08\x01",
        b"\x08\x02\x08\x01",
        b"\x08\x81\x00",
        b"\x12\x03abc\x08\x01",
        b"\x19" + b"\x55" * 8 + b"\x08\x01\x25" + b"\x55" * 4,
        b"\x0a\x01x\x08\x01",
        b"\x10\x07\x08\x01",
    ],
    ids=["plain", "the last one counts", "long form", "text", "fixed lengths", "other type", "other number"],
)
async def test_unknown_fields_of_the_message_are_skipped(message: bytes) -> None:
    assert (await probe(answering(body=response(message)))).ok


@pytest.mark.parametrize(
    "kind", ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8", "Application/gRPC"]
)
async def test_every_form_of_the_content_type_passes(kind: str) -> None:
    assert (await probe(answering([(":status", "200"), ("content-type", kind)]))).ok


async def test_a_response_in_small_pieces_is_read() -> None:
    async def script(peer: Peer) -> None:
        await peer.take_request()
        peer.http2.send_headers(1, HEAD)
        for octet in SERVING:
            peer.http2.send_data(1, bytes([octet]))
        peer.http2.send_headers(1, OK, end_stream=True)
        for octet in peer.http2.data_to_send():
            await peer.say(bytes([octet]))
        await peer.until_gone()

    assert (await probe(script)).ok


async def test_interim_responses_pings_and_unknown_frames_are_no_answer_and_do_no_harm() -> None:
    async def script(peer: Peer) -> None:
        await peer.take_request()
        peer.http2.ping(b"12345678")
        peer.http2.send_headers(1, [(":status", "103")])
        await peer.say(b"\0\0\3\xaa\0\0\0\0\0abc")
        await answering_now(peer)

    assert (await probe(script)).ok


async def answering_now(peer: Peer) -> None:
    peer.http2.send_headers(1, HEAD)
    peer.http2.send_data(1, SERVING)
    peer.http2.send_headers(1, OK, end_stream=True)
    await peer.until_gone()


async def test_what_has_been_received_is_acknowledged_so_that_more_can_come() -> None:
    """The window of a stream is one octet less than what is read (RFC 9113, section 6.9.2): half of it must do."""
    filler = b"\x12" + b"\xa0\x9c\x01" + b"x" * 20_000  # field 2, a text
    acknowledged: list[WindowUpdated] = []

    async def script(peer: Peer) -> None:
        await peer.take_request()
        message = filler * 2 + b"\x08\x01"
        body = response(message)
        peer.http2.send_headers(1, HEAD)
        for at in range(0, 40_000, 10_000):
            peer.http2.send_data(1, body[at : at + 10_000])
        while not acknowledged:
            acknowledged.extend(e for e in await peer.events() if isinstance(e, WindowUpdated) and e.stream_id == 1)
        peer.http2.send_data(1, body[40_000:])
        peer.http2.send_headers(1, OK, end_stream=True)
        await peer.until_gone()

    assert (await probe(script)).ok
    assert acknowledged


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ([("grpc-status", "14")], "gRPC status 14 UNAVAILABLE"),
        (
            [("grpc-status", "14"), ("grpc-message", "no%20shard%3a %E2%82%AC")],
            "gRPC status 14 UNAVAILABLE: no shard: €",
        ),
        ([("grpc-status", "2"), ("grpc-message", "a%0Ab%1B[2J%FF")], "gRPC status 2 UNKNOWN: a\ufffdb\ufffd[2J\ufffd"),
        ([("grpc-status", "2"), ("grpc-message", "x" * 1000)], "gRPC status 2 UNKNOWN: " + "x" * 200),
        ([("grpc-status", "99")], "gRPC status 99"),
        (
            [("grpc-status", "12"), ("grpc-message", "unknown service")],
            "gRPC status 12 UNIMPLEMENTED: unknown service (the server has no health service)",
        ),
    ],
    ids=["number", "with a message", "control characters", "long message", "unknown number", "no health service"],
)
@pytest.mark.parametrize("form", ["head alone", "trailers", "trailers after a message"])
async def test_a_call_that_fails_is_down_and_says_why(fields: list[tuple[str, str]], detail: str, form: str) -> None:
    if form == "head alone":
        script = answering([*HEAD, *fields], b"", None)
    else:
        script = answering(body=b"" if form == "trailers" else SERVING, trailers=fields)
    seen = await probe(script)
    assert (seen.ok, seen.cause, seen.detail) == (False, Cause.STATUS, detail)


@pytest.mark.parametrize(
    ("script", "cause", "detail"),
    [
        (answering([(":status", "503")], b"sorry", None), Cause.STATUS, "HTTP 503"),
        (answering([(":status", "404"), *OK], b"", None), Cause.STATUS, "HTTP 404"),
        (answering(body=response(b"\x08\x09")), Cause.STATUS, "serving status 9"),
        (answering(body=response(b"")), Cause.STATUS, "UNKNOWN"),
        (
            answering([(":status", "200"), ("content-type", "text/html")]),
            Cause.PROTOCOL,
            "content type text/html, not application/grpc",
        ),
        (
            answering([(":status", "200"), ("content-type", "application/grpc-web")]),
            Cause.PROTOCOL,
            "content type application/grpc-web, not application/grpc",
        ),
        (answering([(":status", "200")]), Cause.PROTOCOL, "content type missing, not application/grpc"),
        (answering(trailers=None), Cause.PROTOCOL, "no grpc-status"),
        (answering([*HEAD, *OK], trailers=None), Cause.PROTOCOL, "no grpc-status"),
        (answering(trailers=[("x-other", "1")]), Cause.PROTOCOL, "no grpc-status"),
        (answering(trailers=[("grpc-status", "fine")]), Cause.PROTOCOL, "grpc-status fine"),
        (answering(trailers=[("grpc-status", "-1")]), Cause.PROTOCOL, "grpc-status -1"),
        (answering(trailers=[("grpc-status", "0" * 5000)]), Cause.PROTOCOL, "grpc-status " + "0" * 388),
        (answering([*HEAD, *OK], b"", None), Cause.PROTOCOL, "no message"),
        (answering(body=b""), Cause.PROTOCOL, "no message"),
        (answering(body=SERVING[:4]), Cause.PROTOCOL, "message is cut off"),
        (answering(body=SERVING[:6]), Cause.PROTOCOL, "message of 1 octets is said to have 2"),
        (answering(body=SERVING * 2), Cause.PROTOCOL, "message of 9 octets is said to have 2"),
        (answering(body=b"\1" + SERVING[1:]), Cause.PROTOCOL, "message is compressed, which was not asked for"),
        *(
            (answering(body=response(message)), Cause.PROTOCOL, "message is no HealthCheckResponse")
            for message in (b"\x08", b"\x08" + b"\x80" * 11, b"\x0b", b"\x0f\x01", b"\x12\x05abc", b"\x19\x00")
        ),
    ],
)
async def test_an_answer_that_does_not_pass_says_why(script: Script, cause: Cause, detail: str) -> None:
    seen = await probe(script)
    assert (seen.ok, seen.cause, seen.detail) == (False, cause, detail)
    assert seen.timing is not None
    assert seen.timing.first_byte is not None


def farewell(last: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> bytes:
    return b"\0\0\x08\x07\0\0\0\0\0" + struct.pack("!II", last, code)


@pytest.mark.parametrize("last", [1, 0x7FFFFFFF])
async def test_a_server_being_drained_may_still_answer(last: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.take_request()
        await peer.say(farewell(last))
        await answering_now(peer)

    assert (await probe(script)).ok


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (
            then(lambda http2: http2.reset_stream(1, ErrorCodes.REFUSED_STREAM)),
            "the server reset the request (RST_STREAM, REFUSED_STREAM)",
        ),
        (then(lambda http2: http2.reset_stream(1, 0xBAD)), "the server reset the request (RST_STREAM, error 2989)"),
        (
            then(lambda http2: http2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, last_stream_id=1)),
            "the server ends the connection (GOAWAY, ENHANCE_YOUR_CALM)",
        ),
        (
            then(lambda http2: http2.close_connection(last_stream_id=0)),
            "the server ends the connection (GOAWAY, NO_ERROR)",
        ),
        (raw(SETTINGS + b"\0\0\1\7\0\0\0\0\0x"), "HTTP/2: Frame data missing or invalid"),
        (raw(SETTINGS + b"\0\0\1\0\0\0\0\0\1x"), "HTTP/2: cannot receive data before headers"),
        (raw(SETTINGS + b"\0\0\0\1\5\0\0\0\1"), "HTTP/2: "),
        (raw(SETTINGS + b"\0\0\1\1\5\0\0\0\1\xff"), "HTTP/2: Error decoding header block"),
        (raw(SETTINGS + b"\0\0\5\5\4\0\0\0\1\0\0\0\2\x88"), "HTTP/2: Received pushed stream"),
        (raw(SETTINGS + b"\0\x40\1\0\0\0\0\0\1"), "frame of 16385 octets"),
        (raw(b"\0\0\1\0\0\0\0\0\1x"), "not HTTP/2"),
        (raw(b"\x01\0\0\4\0\0\0\0\0"), "not HTTP/2"),
        (raw(b"\x15\x03\x03\x00\x02\x02\x46"), "not HTTP/2"),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "not HTTP/2"),
        (raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", close=True), "HTTP/1 instead of HTTP/2"),
    ],
    ids=[
        "reset",
        "reset with an unknown code",
        "farewell with an error",
        "farewell without our request",
        "farewell cut off",
        "body before head",
        "head without fields",
        "broken head",
        "push",
        "frame too long",
        "no settings first",
        "settings too long",
        "tls alert",
        "ssh",
        "http/1.1",
    ],
)
async def test_what_breaks_the_protocol_is_a_protocol_failure(script: Script, detail: str) -> None:
    seen = await probe(script)
    assert (seen.ok, seen.cause) == (False, Cause.PROTOCOL)
    assert seen.detail.startswith(detail)


@pytest.mark.parametrize(
    ("octets", "detail"),
    [
        (SETTINGS + b"\0\x0f\xff\x06\0\0\0\0\0", "HTTP/2: "),
        (SETTINGS + (b"\0\x3f\xff\xaa\0\0\0\0\0" + b"x" * 16383) * 5, f"more than {MAX_OCTETS} octets"),
        (SETTINGS + b"\0\0\x08\x06\0\0\0\0\0pingping" * MAX_FRAMES, f"more than {MAX_FRAMES} frames"),
    ],
    ids=["long ping", "many octets", "many frames"],
)
async def test_a_server_that_says_too_much_is_not_listened_to(octets: bytes, detail: str) -> None:
    if detail == "HTTP/2: ":
        octets += b"x" * 4095
    seen = await probe(raw(octets))
    assert seen.cause is Cause.PROTOCOL
    assert seen.detail.startswith(detail)


async def test_a_message_without_end_is_not_read_to_the_end() -> None:
    async def script(peer: Peer) -> None:
        await peer.take_request()
        peer.http2.send_headers(1, HEAD)
        while True:
            while peer.http2.local_flow_control_window(1) < 16_000:
                await peer.events()
            peer.http2.send_data(1, b"x" * 16_000)
            await peer.flush()

    seen = await probe(script)
    assert (seen.cause, seen.detail) == (Cause.PROTOCOL, f"more than {MAX_OCTETS} octets")


@pytest.mark.parametrize(
    ("octets", "detail"),
    [
        (b"", "no HTTP/2 settings in time"),
        (b"HT", "no HTTP/2 settings in time"),
        (SETTINGS[:8], "no HTTP/2 settings in time"),
        (SETTINGS, "no response in time"),
        (SETTINGS + b"\0\0\1\1\4\0\0\0\1", "no response in time"),
    ],
    ids=["nothing", "two octets", "part of the settings", "settings", "part of a head"],
)
async def test_a_slow_server_is_a_time_out_that_says_what_was_missing(octets: bytes, detail: str) -> None:
    seen = await probe(raw(octets), BRIEF)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, detail)
    assert seen.latency >= BRIEF * 0.9


async def test_a_response_that_does_not_end_is_a_time_out() -> None:
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.take_request()
        peer.http2.send_headers(1, HEAD)
        peer.http2.send_data(1, SERVING)
        await peer.flush()
        begun.set()
        await peer.until_gone()

    async with listening(script) as address:
        with networking() as network:
            session, outcomes = Grpc().session(address, network), list[Observation]()
            under_way = session.start(DEADLINE, outcomes.append)
            await begun.wait()
            await until(lambda: under_way._call is not None and under_way._call.body == SERVING)
            seen = under_way.expire()
            session.close()
    assert (seen.cause, seen.detail, outcomes) == (Cause.TIMEOUT, "no complete response in time", [])
    assert seen.timing is not None
    assert seen.timing.first_byte is not None


async def test_a_silent_address_is_a_time_out() -> None:
    with silent() as hole:
        seen = await attempt(Grpc(), hole, BRIEF)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no connection in time")


async def test_a_server_that_does_not_shake_hands_is_a_time_out(certificates: Certificates) -> None:
    async with listening(raw(b"")) as address:
        with networking() as network:
            session = tls(certificates).session(address, network)
            under_way = session.start(DEADLINE, lambda _: pytest.fail("there is no outcome"))
            stream = under_way._stream
            await until(lambda: stream.connect_time is not None)
            seen = under_way.expire()
            session.close()
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no TLS handshake in time")


async def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with refusing() as closed:
        seen = await attempt(Grpc(), closed)
    assert (seen.cause, seen.detail) == (Cause.REFUSED, "Connection refused")


@pytest.mark.parametrize("octets", [b"", SETTINGS, SETTINGS + b"\0\0\5\1"], ids=["at once", "settled", "in a frame"])
async def test_an_early_end_is_no_response(octets: bytes) -> None:
    seen = await probe(raw(octets, close=True))
    assert (seen.cause, seen.detail) == (Cause.RESET, "closed before the response was complete")


async def test_a_reset_of_the_connection_is_told_as_such() -> None:
    async def script(peer: Peer) -> None:
        await peer.take_request()
        await peer.flush()
        connection = peer.writer.get_extra_info("socket")
        connection.setsockopt(ssl.SOL_SOCKET, 13, struct.pack("ii", 1, 0))  # SO_LINGER

    assert (await probe(script)).cause is Cause.RESET


async def test_a_certificate_of_somebody_else_is_a_certificate_failure(
    certificates: Certificates, tmp_path: Path
) -> None:
    other = Certificates(tmp_path)
    async with listening(answering(), certificates.context("h2")) as address:
        assert (await attempt(tls(other), address)).cause is Cause.CERTIFICATE
        assert (await attempt(tls(certificates, name="other.example.com"), address)).cause is Cause.CERTIFICATE
        assert (await attempt(tls(other, verify=False), address)).ok


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)], ids=["silence", "another protocol"])
async def test_a_server_that_does_not_agree_on_http2_is_a_protocol_failure(
    certificates: Certificates, protocols: tuple[str, ...]
) -> None:
    async with listening(answering(), certificates.context(*protocols)) as address:
        seen = await attempt(tls(certificates), address)
    assert (seen.cause, seen.detail) == (Cause.PROTOCOL, "the server does not agree on HTTP/2 (ALPN)")


async def test_a_server_that_refuses_http2_within_the_handshake_is_a_protocol_failure(
    certificates: Certificates,
) -> None:
    alert = b"\x15\x03\x03\0\2\2\x78"  # fatal, no_application_protocol (RFC 7301, section 3.2)
    async with listening(raw(alert)) as address:
        seen = await attempt(tls(certificates), address)
    assert (seen.cause, seen.detail) == (Cause.PROTOCOL, "the server does not agree on HTTP/2 (ALPN)")


@pytest.mark.parametrize(
    ("authority", "name", "shown"),
    [
        (None, None, HOST),
        ("health.example.com:443", None, "health.example.com"),
        ("health.example.com", None, "health.example.com"),
        ("[2001:db8::1]:443", None, "2001:db8::1"),
        ("[2001:db8::1]", None, "2001:db8::1"),
        ("other.example.com", "health.example.com", "health.example.com"),
    ],
)
async def test_the_certificate_must_be_of_the_authority_unless_another_name_is_given(
    certificates: Certificates, authority: str | None, name: str | None, shown: str
) -> None:
    names = []
    context = certificates.context("h2")
    context.sni_callback = lambda _, shown, __: names.append(shown)
    async with listening(answering(), context) as address:
        options = TlsOptions.model_validate({"ca": str(certificates.ca), "name": name})
        seen = await attempt(Grpc(authority=authority, tls=options), address)
    assert seen.cause is (Cause.CERTIFICATE if ":" in shown else None)
    assert names == ([shown] if shown.endswith(".com") else [None])  # addresses are not sent (RFC 6066, section 3)


@pytest.mark.parametrize(("resume", "second"), [("1h", True), ("0s", False)])
async def test_a_tls_session_is_resumed_where_that_is_configured(
    certificates: Certificates,
    resume: str,
    second: bool,  # noqa: FBT001
) -> None:
    resumed: list[bool] = []

    async def script(peer: Peer) -> None:
        resumed.append(peer.writer.get_extra_info("ssl_object").session_reused)
        await answering()(peer)

    async with listening(script, certificates.context("h2")) as address:
        with networking() as network:
            session = tls(certificates, resume=resume).session(address, network)
            for _ in range(2):
                assert (await attempt_of(session, network)).ok
            session.close()
    assert resumed == [False, second]


async def test_nothing_is_left_open_whatever_the_outcome(certificates: Certificates) -> None:
    async def round_of_attempts() -> None:
        await probe(answering())
        await probe(answering(trailers=None))
        await probe(raw(b""), BRIEF / 10)
        await probe(raw(b"", close=True))
        with refusing() as closed:
            await attempt(Grpc(), closed)
        async with listening(answering(), certificates.context()) as address:
            await attempt(tls(certificates), address)

    await round_of_attempts()  # the loop opens descriptors of its own with the first connection
    tasks, before = asyncio.all_tasks(), open_files()
    for _ in range(5):
        await round_of_attempts()
    await until(lambda: open_files() <= before and asyncio.all_tasks() <= tasks)


CALL = ((":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"))
FRAMES = st.tuples(
    st.integers(0, 20), st.sampled_from([0, 1, 4, 5, 8, 9]), st.sampled_from([0, 1, 2]), st.binary(max_size=20)
)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def outcome(pieces: list[bytes]) -> tuple[object, ...]:
    call = Call(CALL, b"")
    try:
        for piece in pieces:
            call.receive(piece)
    except Http2Error as error:
        return str(error), call.head, call.body
    return call.ended, call.head, call.body, call.trailers


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(1, 30), max_size=20))
def test_the_outcome_does_not_depend_on_how_the_stream_is_cut(
    frames: list[tuple[int, int, int, bytes]], sizes: list[int]
) -> None:
    """And whatever the frames are, it is an outcome or an Http2Error."""
    stream = SETTINGS + b"".join(frame(*fields) for fields in frames)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(stream[at : at + size])
        at += size
    assert outcome([*pieces, stream[at:]]) == outcome([stream])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"authority": ""}, "authority"),
        ({"authority": "a b"}, "authority"),
        ({"authority": "user@host/path?x"}, "authority"),
        ({"authority": "2001:db8::1"}, "authority"),
        ({"authority": "[...]"}, "has no IPv6 address in its brackets"),
        ({"authority": "a\r\nx: y"}, "authority"),
        ({"service": "x" * 256}, "service"),
        ({"tls": {"key": "key.pem"}}, "key is given without certificate"),
        ({"port": 1}, "port"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Grpc.model_validate(options)
