"""Other people's nameservers as secondaries on loopback: BIND, Knot and NSD.

Debian packages ``bind9``, ``knot`` and ``nsd``; without one its tests are skipped.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest

from gslb.nameserver.content import RecordSet
from gslb.nameserver.transfer.access import TsigKey
from tests.waiting import eventually, free_port

LOCAL = "127.0.0.1"
PATH = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"

Record = tuple[str, str, int, str]
Configure = Callable[[Path, int, int, str, TsigKey | None], str]
"""From folder, own port, the primary's port, zone and key to a configuration."""


@dataclass(frozen=True, slots=True)
class Secondary:
    """One that runs."""

    port: int

    def serial(self, origin: str) -> int | None:
        """Of the zone as it answers; None while it does not."""
        try:
            answer = dns.query.udp(dns.message.make_query(origin, "SOA"), LOCAL, 1, self.port)
        except (OSError, dns.exception.Timeout):
            return None
        return answer.answer[0][0].serial if answer.answer else None

    def records(self, origin: str) -> set[Record]:
        """All that it has of the zone, names in lower case."""
        zone = dns.zone.Zone(origin)
        dns.query.inbound_xfr(LOCAL, zone, port=self.port, lifetime=10)
        return plain(zone)


def plain(zone: dns.zone.Zone) -> set[Record]:
    """The records of a zone."""
    origin = zone.origin
    assert origin is not None
    return {
        (
            name.derelativize(origin).to_text().lower(),
            dns.rdatatype.to_text(r.rdtype),
            ttl,
            r.to_text(origin, relativize=False).lower(),
        )
        for name, ttl, r in zone.iterate_rdatas()
    }


def expected(sets: tuple[RecordSet, ...]) -> set[Record]:
    """The records of sets."""
    return {(each.name, each.type, each.ttl, rdata.lower()) for each in sets for rdata in each.rdatas}


def _bind(folder: Path, port: int, primary: int, zone: str, key: TsigKey | None) -> str:
    signed = f' key "{key.name}"' if key else ""
    return f"""
{bind_options(folder, port)}
{f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};' if key else ""}
zone "{zone}" {{
    type secondary;
    primaries {{ {LOCAL} port {primary}{signed}; }};
    file "{folder}/zone.db";
}};
"""


def bind_options(folder: Path, port: int) -> str:
    return f"""
options {{
    directory "{folder}";
    pid-file none;
    lock-file none;
    session-keyfile none;
    listen-on port {port} {{ {LOCAL}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    notify no;
    dnssec-validation no;
    allow-transfer {{ {LOCAL}; }};
}};
controls {{ }};
"""


def _knot(folder: Path, port: int, primary: int, zone: str, key: TsigKey | None) -> str:
    signed = f"key: {key.name}" if key else ""
    return f"""
{knot_server(folder, port)}
{
        f'''key:
  - id: {key.name}
    algorithm: {key.algorithm}
    secret: {key.secret}'''
        if key
        else ""
    }
remote:
  - id: gslb
    address: {LOCAL}@{primary}
    {signed}
acl:
  - id: notified
    address: {LOCAL}
    action: notify
    {signed}
  - id: transferred
    address: {LOCAL}
    action: transfer
zone:
  - domain: {zone}
    master: gslb
    acl: [notified, transferred]
"""


def knot_server(folder: Path, port: int) -> str:
    return f"""
server:
    listen: {LOCAL}@{port}
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 2
    background-workers: 1
database:
    storage: {folder}
template:
  - id: default
    storage: {folder}
log:
  - target: stderr
    any: info
"""


def _nsd(folder: Path, port: int, primary: int, zone: str, key: TsigKey | None) -> str:
    by = key.name if key else "NOKEY"
    return f"""
server:
    ip-address: {LOCAL}@{port}
    do-ip6: no
    server-count: 1
    username: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    cookie-secret-file: ""
    database: ""
    xfrd-reload-timeout: 0
    verbosity: 2
remote-control:
    control-enable: no
{
        f'''key:
    name: "{key.name}"
    algorithm: {key.algorithm}
    secret: "{key.secret}"'''
        if key
        else ""
    }
zone:
    name: "{zone}"
    zonefile: "zone"
    allow-notify: {LOCAL} {by}
    request-xfr: {LOCAL}@{primary} {by}
    provide-xfr: {LOCAL} NOKEY
"""


KINDS: dict[str, tuple[str, tuple[str, ...], Configure]] = {
    "bind9": ("named", ("-g", "-n", "1", "-c"), _bind),
    "knot": ("knotd", ("-c",), _knot),
    "nsd": ("nsd", ("-d", "-c"), _nsd),
}
"""By Debian package: the program, its options, and how it is configured."""


@contextlib.contextmanager
def secondary(
    kind: str, folder: Path, primary: int, zone: str, key: TsigKey | None, port: int | None = None
) -> Iterator[Secondary]:
    """A secondary of ``zone`` on loopback that knows its primary by this port of loopback. It has the zone, or not."""
    port = port or free_port()
    with started(kind, folder, port, KINDS[kind][2](folder, port, primary, zone, key)) as running:
        yield running


@contextlib.contextmanager
def started(kind: str, folder: Path, port: int, configuration: str) -> Iterator[Secondary]:
    """One with this configuration, answering."""
    name, options, _ = KINDS[kind]
    config, log = folder / f"{name}.conf", folder / f"{name}.log"
    config.write_text(configuration)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program(name, kind), *options, str(config)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        eventually(lambda: _answers(port, process, log))
        yield Secondary(port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def program(name: str, package: str) -> str:
    """Where it is. Skips the test where it is not installed."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"there is no {name} (package {package})")
    return found


def _answers(port: int, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        dns.query.udp(dns.message.make_query(".", "NS"), LOCAL, 0.2, port)
    except (OSError, dns.exception.Timeout):
        return False
    return True
