"""Clients who only sit there, never read, or promise more than they send, from many addresses: a process of its own.

Run with a port; attacks 127.0.0.1 until its standard input ends, then prints what it has seen as JSON.
"""

import contextlib
import json
import random
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable

from tests.nameserver.streams import framed

OPENED_AT_ONCE = 20
"""connections; about 2,000 in a second"""
QUERIES = framed("big.example.com.", "TXT") * 500
ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


def sit(sock: socket.socket) -> None:
    """Send nothing."""


def lie(sock: socket.socket) -> None:
    """Promise 64 KiB and send some."""
    sock.send(b"\xff\xff" + bytes(1000))


def stuff(sock: socket.socket) -> None:
    """Ask for much and read nothing."""
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(QUERIES)


class Attack:
    """Keeps as many connections of each kind as it can."""

    def __init__(self, port: int, wanted: dict[str, int]) -> None:
        self.seen: Counter[str] = Counter()
        self.most = 0
        self._port, self._wanted = port, wanted
        self._epoll = select.epoll()
        self._open: dict[int, tuple[socket.socket, str]] = {}
        self._have: Counter[str] = Counter()
        self._random = random.Random(1)

    def run(self) -> None:
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            for fd, _ in self._epoll.poll(0.01):
                if fd == sys.stdin.fileno():
                    return
                self._ended(fd)
            self._refill()
            self.most = max(self.most, len(self._open))

    def _refill(self) -> None:
        for _ in range(OPENED_AT_ONCE):
            kind = next((kind for kind, count in self._wanted.items() if self._have[kind] < count), None)
            if kind is None:
                return
            self._connect(kind)

    def _connect(self, kind: str) -> None:
        sock = socket.socket()
        if kind == "stuff":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(1)
        try:
            sock.bind((f"127.{self._random.randrange(1, 255)}.{self._random.randrange(255)}.1", 0))
            sock.connect(("127.0.0.1", self._port))
            sock.setblocking(False)
            KINDS[kind](sock)
        except OSError:
            self.seen[f"{kind} not connected"] += 1
            sock.close()
            time.sleep(0.01)
            return
        self.seen[f"{kind} connected"] += 1
        self._open[sock.fileno()] = sock, kind
        self._have[kind] += 1
        self._epoll.register(sock.fileno(), ENDED)

    def _ended(self, fd: int) -> None:
        self._epoll.unregister(fd)
        sock, kind = self._open.pop(fd)
        self._have[kind] -= 1
        try:
            while sock.recv(2**16):
                pass
        except BlockingIOError:
            self.seen[f"{kind} strange"] += 1
        except OSError:
            self.seen[f"{kind} RST"] += 1
        else:
            self.seen[f"{kind} FIN"] += 1
        sock.close()


KINDS: dict[str, Callable[[socket.socket], None]] = {"sit": sit, "lie": lie, "stuff": stuff}


if __name__ == "__main__":
    attack = Attack(int(sys.argv[1]), {"lie": 300, "stuff": 200, "sit": 5000})
    attack.run()
    print(json.dumps({"most": attack.most, **dict(sorted(attack.seen.items()))}))
