"""A log of some of the queries, as JSON lines: sampled, bounded, and never in the way of answers.

What a listener hands over is kept as it is; taking it apart and writing it is the work of a thread of its own.
"""

import errno
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import structlog

from gslb.files import of_worker
from gslb.nameserver.settings import QueryLog

log = structlog.get_logger(__name__)

WAITING = 10_000
"""queries that wait to be written; of more, the newest are left out and counted"""

PAUSE = 0.5
"""seconds between two writes"""

PATIENCE = 5.0
"""seconds that the end of a log is waited for"""


class Exchange(NamedTuple):
    """A query and what became of it.

    Attributes:
        at: seconds since 1970.
        source: where it came from.
        transport: ``udp`` or ``tcp``.
        query: the packet.
        response: None where there was none.
    """

    at: float
    source: str
    transport: str
    query: bytes
    response: bytes | None


class QueryLogger:
    """Takes every query, and writes down some.

    Args:
        plan: where to, how many, and how much of it is kept.
        worker: name of the process, which goes into the name of the file.
        random: which queries are taken.
        former: whose place it takes: that ends first.

    Attributes:
        lost: queries that were taken and not written, those of ``former`` among them.

    Raises:
        RuntimeError: there can be no further thread.
    """

    def __init__(self, plan: QueryLog, worker: str, random: Random, former: "QueryLogger | None" = None) -> None:
        self.file = of_worker(Path(plan.file), worker)
        self.lost: int = former.lost if former else 0
        self._former = former
        self._share, self._most, self._draw = plan.sample, plan.max_bytes, random.random
        self._waiting: deque[Exchange] = deque()
        self._stopping = threading.Event()
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="query log", daemon=True)
        self._thread.start()

    def take(self, source: str, transport: str, query: bytes, response: bytes | None) -> None:
        """Maybe write this one down. Any thread may call it."""
        if self._draw() >= self._share:
            return
        if len(self._waiting) >= WAITING:
            self.lost += 1
            return
        self._waiting.append(Exchange(time.time(), source, transport, query, response))

    def stop(self) -> None:
        """Write what waits, and end. Returns at once."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until that is so, but not for a disk that hangs."""
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        if self._former is not None:  # two must not write to one file
            self._former.join()
            self._former = None
        while not self._stopping.wait(PAUSE):
            self._write()
        self._write()

    def _write(self) -> None:
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not taken:
            return
        written = 0
        try:
            if self.file.exists() and self.file.stat().st_size >= self._most:
                self.file.replace(self.file.with_name(f"{self.file.name}.1"))
            lines = "".join(f"{json.dumps(line)}\n" for line in map(described, taken)).encode()
            # In one call of the kernel's: while one process takes the place of another, both write to one file.
            with open(self.file, "ab", buffering=0, opener=_private) as output:
                count = output.write(lines)
            written = lines.count(b"\n", 0, count)
            _check_whole(count, len(lines))
        except Exception as error:  # noqa: BLE001  whatever it is, what comes later can still be written
            self.lost += len(taken) - written
            if not self._failed:
                log.error("query log cannot be written", file=str(self.file), reason=repr(error))  # noqa: TRY400  no trace needed
            self._failed = True
        else:
            self._failed = False


def _check_whole(count: int, size: int) -> None:
    """A disk that runs full takes a part."""
    if count != size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _private(path: str, flags: int) -> int:
    """It says who asks for what, which is not for everybody."""
    return os.open(path, flags, 0o640)


def described(exchange: Exchange) -> dict[str, object]:
    """What is written of it: of a packet that cannot be read, its octets."""
    moment = datetime.fromtimestamp(exchange.at, UTC).isoformat(timespec="milliseconds")
    return {
        "at": moment,
        "client": exchange.source,
        "transport": exchange.transport,
        **dict(_of_query(exchange.query)),
        **dict(_of_response(exchange.response)),
    }


def _of_query(packet: bytes) -> Iterator[tuple[str, object]]:
    try:
        query = dns.message.from_wire(packet, keyring=False)
    except (dns.exception.DNSException, ValueError):
        yield "packet", packet[:512].hex()
        return
    yield "id", query.id
    for question in query.question[:1]:
        yield "name", question.name.to_text()
        yield "type", dns.rdatatype.to_text(question.rdtype)
    subnets = [option for option in query.options if isinstance(option, dns.edns.ECSOption)]
    for subnet in subnets[:1]:
        yield "subnet", f"{subnet.address}/{subnet.srclen}"
    if query.edns >= 0:
        yield "edns", {"size": query.payload, "do": bool(query.ednsflags & dns.flags.DO)}


def _of_response(packet: bytes | None) -> Iterator[tuple[str, object]]:
    if packet is None:
        yield "rcode", None
        return
    yield "size", len(packet)
    if packet[2] & dns.flags.TC >> 8:
        yield "truncated", True
    try:
        response = dns.message.from_wire(packet, keyring=False, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):  # a client subnet without address, which dnspython does not know
        yield "rcode", dns.rcode.to_text(dns.rcode.Rcode(packet[3] & 0xF))
        return
    yield "rcode", dns.rcode.to_text(response.rcode())
    answers = [rdata.to_text() for rrset in response.answer for rdata in rrset]
    if answers:
        yield "answers", answers[:16]
