"""A real nameserver process, the zone it serves, and ways to ask it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest

from gslb.cli.places import worker_snapshot, worker_socket
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.steering import Group, NoAnswer, RecordType, Rule, Steering, Target
from gslb.nameserver import disk
from gslb.nameserver.snapshot import Record, Snapshot, Zone
from tests.waiting import eventually, free_port

SOA = Record("example.com.", 3600, "SOA", "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60")
STATIC = (
    SOA,
    Record("example.com.", 3600, "NS", "ns1.example.com."),
    Record("ns1.example.com.", 3600, "A", "192.0.2.53"),
    Record("www.example.com.", 300, "A", "192.0.2.80"),
    Record("www.example.com.", 300, "A", "192.0.2.81"),
    Record("www.example.com.", 300, "AAAA", "2001:db8::80"),
    Record("a.b.c.example.com.", 300, "A", "192.0.2.4"),
    Record("*.wild.example.com.", 300, "A", "192.0.2.5"),
    Record("there.wild.example.com.", 300, "TXT", '"no wildcard here"'),
    Record("*.alias.example.com.", 300, "CNAME", "www.example.com."),
    Record("alias.example.com.", 300, "CNAME", "WWW.example.com."),
    Record("to-api.example.com.", 300, "CNAME", "api.example.com."),
    Record("dangling.example.com.", 300, "CNAME", "nowhere.example.com."),
    Record("away.example.com.", 300, "CNAME", "www.example.net."),
    Record("abroad.example.com.", 300, "CNAME", "www.example.org."),
    Record("into-child.example.com.", 300, "CNAME", "www.child.example.com."),
    Record("loop1.example.com.", 300, "CNAME", "loop2.example.com."),
    Record("loop2.example.com.", 300, "CNAME", "loop1.example.com."),
    Record("child.example.com.", 300, "NS", "ns.child.example.com."),
    Record("child.example.com.", 300, "NS", "ns1.example.com."),
    Record("child.example.com.", 300, "DS", "1 13 2 " + "ab" * 32),
    Record("ns.child.example.com.", 300, "A", "192.0.2.54"),
    Record("ns.child.example.com.", 300, "AAAA", "2001:db8::54"),
    Record("old.example.com.", 300, "DNAME", "example.net."),
    Record("tight.example.com.", 300, "DNAME", "much.longer.than.tight.example.net."),
    Record("big.example.com.", 300, "TXT", " ".join(f'"{"x" * 250}"' for _ in range(8))),
    Record("api.example.com.", 300, "A", "192.0.2.99"),
    Record("api.example.com.", 300, "TXT", '"beside the service"'),
)
OTHER = (
    Record("example.net.", 3600, "SOA", "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60"),
    Record("example.net.", 3600, "NS", "ns1.example.com."),
    Record("www.example.net.", 300, "A", "198.51.100.80"),
)
INNER = (
    Record("sub.example.com.", 30, "SOA", "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60"),
    Record("sub.example.com.", 3600, "NS", "ns1.example.com."),
    Record("www.sub.example.com.", 300, "A", "192.0.2.82"),
)
ZONES = (Zone("example.com.", STATIC), Zone("example.net.", OTHER), Zone("sub.example.com.", INNER))


def service(
    name: str,
    *regions: tuple[int, list[str]],
    types: tuple[RecordType, ...] = (RecordType.A,),
    no_answer: NoAnswer = NoAnswer.SERVFAIL,
    answers: int = 8,
) -> Steering:
    """A service with regions of (weight, addresses)."""
    groups = tuple(
        Group(RegionName(f"r{i}"), weight, tuple(_target(value) for value in values))
        for i, (weight, values) in enumerate(regions)
    )
    return Steering(ServiceName(name), 30, 5, answers, types, (Rule(None, groups, no_answer=no_answer),))


def group(region: str, *values: str, weight: int = 1, place: tuple[float, float] | None = None) -> Group:
    return Group(RegionName(region), weight, tuple(_target(value) for value in values), place)


def parted(
    name: str, *rules: Rule, answers: int = 8, types: tuple[RecordType, ...] = (RecordType.A, RecordType.AAAA)
) -> Steering:
    """A service that tells clients apart."""
    return Steering(ServiceName(name), 30, 5, answers, types, rules)


def _target(value: str) -> Target:
    kind = RecordType.AAAA if ":" in value else RecordType.A
    return Target((EndpointName(f"r/{value}"),), kind, value)


API = service("api.example.com.", (60, ["203.0.113.1"]), (40, ["203.0.113.2"]))
SERVICES = (
    API,
    service("example.com.", (1, ["203.0.113.3"])),
    service("pool.example.com.", (1, [f"203.0.113.{i}" for i in range(10, 15)]), answers=2),
    service("down.example.com.", types=(RecordType.A, RecordType.AAAA)),
    service("empty.example.com.", types=(RecordType.A,), no_answer=NoAnswer.NODATA),
    service("dual.deep.example.com.", (1, ["203.0.113.6", "2001:db8::6"]), types=(RecordType.A, RecordType.AAAA)),
    service("*.any.example.com.", (1, ["203.0.113.7"])),
    service("many.example.com.", (1, [f"203.0.113.{i}" for i in range(100, 180)]), answers=80),
)
SNAPSHOT = Snapshot(7, ZONES, SERVICES)


PLAIN = ["--plain"] if os.environ.get("GSLB_PLAIN") else []
"""for all nameservers: `make test` asks them a second time where packets are read one by one"""

NAME = "nameserver-0"
CLIENT = "192.0.2.200"
"""Address that a packet comes from where that does not matter."""


class Server:
    """A nameserver process, and how to talk to it."""

    def __init__(
        self, folder: Path, *extra: str, listen: str = "127.0.0.1", host: str | None = None, name: str = NAME
    ) -> None:
        self.host, self.port = host or listen, free_port(listen)
        run = folder / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        self.socket, self.snapshot = worker_socket(run, name), worker_snapshot(run, name)
        shown = f"[{listen}]" if ":" in listen else listen
        self._command = [sys.executable, "-m", "gslb.cli.nameserver", name, str(run), f"--listen={shown}:{self.port}"]
        self._command += [*PLAIN, *extra]
        self._log = folder / f"{name}.log"
        self.descriptors: tuple[int, ...] = ()
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                pass_fds=self.descriptors,
                env=os.environ | self.environment,
            )
        eventually(lambda: self._answers() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def _answers(self) -> bool:
        try:
            self.ask("example.com.", timeout=0.2)
        except (OSError, dns.exception.Timeout):
            return False
        return True

    def ask(self, name: str, type_: str = "A", *, timeout: float = 5, **options: object) -> dns.message.Message:
        """Ask over UDP; ``options`` are those of make_query."""
        return self.send(dns.message.make_query(name, type_, **options), timeout=timeout)  # type: ignore[arg-type]

    def send(
        self, query: dns.message.Message, *, tcp: bool = False, timeout: float = 5, source: str | None = None
    ) -> dns.message.Message:
        transport = dns.query.tcp if tcp else dns.query.udp
        return transport(query, self.host, timeout, self.port, source)

    def exchange(self, packet: bytes, *, timeout: float = 5) -> bytes | None:
        """The raw answer to a raw packet; None if there is none in time."""
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((self.host, self.port))
            sock.send(packet)
            try:
                return sock.recv(65535)
            except TimeoutError:
                return None


@contextlib.contextmanager
def running(
    folder: Path,
    *extra: str,
    listen: str = "127.0.0.1",
    host: str | None = None,
    snapshot: Snapshot | None = SNAPSHOT,
) -> Iterator[Server]:
    """A nameserver that starts from ``snapshot`` on disk."""
    server = Server(folder, *extra, listen=listen, host=host)
    if snapshot:
        disk.write(server.snapshot, snapshot)
    with started(server):
        yield server


@contextlib.contextmanager
def started(server: Server) -> Iterator[Server]:
    """``server``, running; it is stopped at the end, if the test has not done so."""
    try:
        server.start()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
    assert "Traceback" not in server.log


def values(response: dns.message.Message, type_: str = "A") -> list[str]:
    """The rdata of ``type_`` in the answer section, in order."""
    wanted = dns.rdatatype.from_text(type_)
    return [rdata.to_text() for rrset in response.answer if rrset.rdtype == wanted for rdata in rrset]


def rcode(response: dns.message.Message) -> str:
    return dns.rcode.to_text(response.rcode())


def authoritative(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AA)


def soa_ttl(response: dns.message.Message) -> int | None:
    """TTL of the SOA in the authority section; None if there is none."""
    found = [rrset.ttl for rrset in response.authority if rrset.rdtype == dns.rdatatype.SOA]
    return found[0] if found else None


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
