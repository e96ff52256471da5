"""Clients that keep to what they are told: each asks the resolver, and holds the answer for exactly its TTL.

Requests start at a steady pace, whatever becomes of those before. Each has a connection of its own, as those of clients
that do not come back soon: who keeps a connection open goes on with an address that is in no answer any more.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode

from tests.e2e.resolver import LOCAL

SERVICE = "api.example.com"
PATIENCE = 2.0
"""Seconds that a client gives a question, and a request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the resolver said. Times are monotonic seconds.

    Attributes:
        ttl: seconds that it may be held, from ``asked`` on: so it is not held for longer where this machine stalls.
        address: None where there is none; ``fault`` says why.
    """

    asked: float
    ttl: int
    address: str | None
    fault: str = ""

    def held(self, now: float) -> bool:
        """Whether it may be used without asking again."""
        return now < self.asked + self.ttl


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        client: number of the client.
        sent: when it was due to set out, in monotonic seconds: before the resolver was asked, where it had to be.
        address: where it went; None where it had nowhere to go.
        fault: what went wrong; empty for a request that was served.
    """

    client: int
    sent: float
    address: str | None
    fault: str


class Client:
    """One client with a cache of its own.

    Args:
        number: of the client.
        resolver: port of loopback that it asks.
        port: of the addresses that it is told.
        requests: where it notes what became of its requests.
    """

    def __init__(self, number: int, resolver: int, port: int, requests: list[Request]) -> None:
        self.number, self.answer = number, Answer(0.0, 0, None)
        self._resolver, self._port, self._requests = resolver, port, requests
        self._asking = asyncio.Lock()

    async def request(self) -> None:
        """Send one, and note what became of it."""
        sent = time.monotonic()
        answer = await self._resolve()
        fault = answer.fault if answer.address is None else await self._fetch(answer.address)
        self._requests.append(Request(self.number, sent, answer.address, fault))

    async def _resolve(self) -> Answer:
        async with self._asking:
            if not self.answer.held(time.monotonic()):
                self.answer = await self._ask()
            return self.answer

    async def _ask(self) -> Answer:
        asked, question = time.monotonic(), dns.message.make_query(SERVICE, "A")
        try:
            response = await dns.asyncquery.udp(question, LOCAL, PATIENCE, self._resolver)
        except (OSError, dns.exception.DNSException) as error:
            return Answer(asked, 0, None, f"resolver: {type(error).__name__}")
        if not response.answer:
            return Answer(asked, 0, None, f"resolver: {dns.rcode.to_text(response.rcode())}")
        return Answer(asked, response.answer[-1].ttl, response.answer[-1][0].to_text())

    async def _fetch(self, address: str) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(address, self._port)
                try:
                    writer.write(f"GET / HTTP/1.1\r\nHost: {SERVICE}\r\nConnection: close\r\n\r\n".encode())
                    return _fault(await reader.read(-1))
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            return type(error).__name__


def _fault(response: bytes) -> str:
    """What is wrong with it; empty for a whole one with status 200."""
    head, _, body = response.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not status.startswith("HTTP/1.1 200 "):
        return status or "closed without a word"
    return "" if headers.get("content-length") == str(len(body)) else "cut short"


class Crowd:
    """Many clients at work, in a thread of their own.

    Attributes:
        requests: of all clients, in the order in which they ended.
    """

    def __init__(self, resolver: int, port: int, count: int, rate: float) -> None:
        self.requests: list[Request] = []
        self.clients = [Client(number, resolver, port, self.requests) for number in range(count)]
        self._pause, self._stop = 1 / rate, threading.Event()

    @property
    def failed(self) -> list[Request]:
        """The requests that were not served."""
        return [request for request in self.requests if request.fault]

    def between(self, since: float, until: float) -> list[Request]:
        """The requests that were sent in a time span, in that order."""
        return sorted((r for r in self.requests if since <= r.sent < until), key=lambda request: request.sent)

    def run(self) -> None:
        """Be at work until told to stop."""
        asyncio.run(self._all())

    def stop(self) -> None:
        """Begin no further request."""
        self._stop.set()

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for client in self.clients:
                group.create_task(self._work(client, group))

    async def _work(self, client: Client, group: asyncio.TaskGroup) -> None:
        """At its own part of the pause between two requests, so that the clients do not come all at once."""
        due = time.monotonic() + self._pause * client.number / len(self.clients)
        while not self._stop.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(client.request())
            due += self._pause


@contextmanager
def crowd(resolver: int, port: int, *, count: int = 20, rate: float = 10.0) -> Iterator[Crowd]:
    """So many clients, each with ``rate`` requests a second, at work while the context lasts."""
    made = Crowd(resolver, port, count, rate)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()
