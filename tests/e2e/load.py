"""Queries at a steady rate from one client, and which of them were not answered."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.message


@dataclass
class Load:
    """What became of the queries. Times are monotonic seconds.

    Attributes:
        sent: when each query was sent, by its number.
        answered: numbers of those with a positive answer.
    """

    sent: dict[int, float] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)

    def lost(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """When the unanswered queries were sent, of those sent in a time span."""
        return sorted(at for n, at in self.sent.items() if n not in self.answered and since <= at < until)

    def count(self, since: float, until: float) -> int:
        """How many were sent in a time span."""
        return sum(since <= at < until for at in self.sent.values())


class _Sender:
    """Paces the queries and reads the answers; every query has a number, carried in its id and its source port."""

    def __init__(self, port: int, rate: int, sockets: int) -> None:
        self.load, self.stop = Load(), threading.Event()
        self._rate = rate
        self._wire = dns.message.make_query("api.example.com", "A", id=0).to_wire()[2:]
        self._clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(sockets)]
        for client in self._clients:
            client.connect(("127.0.0.1", port))
            client.setblocking(False)

    def run(self) -> None:
        started, number = time.monotonic(), 0
        while not self.stop.is_set():
            while number < (time.monotonic() - started) * self._rate:
                self._send(number)
                number += 1
            self._read()
            time.sleep(0.002)
        deadline = time.monotonic() + 1.0
        while self.load.lost() and time.monotonic() < deadline:
            self._read()
            time.sleep(0.01)
        for client in self._clients:
            client.close()

    def _send(self, number: int) -> None:
        query_id, index = divmod(number, len(self._clients))
        self.load.sent[number] = time.monotonic()
        with suppress(ConnectionRefusedError):  # of an earlier query; this one is not sent and counts as lost
            self._clients[index].send(query_id.to_bytes(2, "big") + self._wire)

    def _read(self) -> None:
        for index, client in enumerate(self._clients):
            with suppress(BlockingIOError, ConnectionRefusedError):
                while True:
                    self._note(client.recv(2048), index)

    def _note(self, answer: bytes, index: int) -> None:
        if answer[3] & 0x0F == 0 and answer[6:8] != b"\0\0":
            self.load.answered.add(int.from_bytes(answer[:2], "big") * len(self._clients) + index)


@contextmanager
def queries(port: int, rate: int = 2000, sockets: int = 50) -> Iterator[Load]:
    """Ask for api.example.com ``rate`` times a second while the context lasts, from ``sockets`` source ports."""
    sender = _Sender(port, rate, sockets)
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield sender.load
    finally:
        sender.stop.set()
        thread.join()
