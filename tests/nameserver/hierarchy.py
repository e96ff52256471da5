"""A DNS from the root down, as data: what leads to a zone of gslb's and what that delegates, and the zone itself.

Addresses are such as nameservers on the internet could have, for tools find fault with private ones. They are to be
used only where no packet gets out (``world``).
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from gslb.config.sources import Sources
from gslb.config.zonefile import complete, read_zone_file
from gslb.config.zones import ZoneSection
from gslb.model.steering import RecordType, address_type
from gslb.nameserver.settings import RateLimit, Settings
from gslb.nameserver.snapshot import Snapshot, Zone
from tests.nameserver.support import service

ZONE, LAME = "example.com.", "lame.com."
"""delegated to gslb, which serves the first one only"""
CHILD = "sub.example.com."
"""delegated by gslb"""

Servers = Mapping[str, list[str]]
"""Names of nameservers, and the addresses of each."""

OWN: Servers = {
    "ns1.example.com.": ["11.53.1.53", "2a11:53:1::53"],
    "ns2.example.com.": ["12.53.2.53", "2a12:53:2::53"],
}
_CHILD: Servers = {
    "ns1.sub.example.com.": ["11.53.1.54", "2a11:53:1::54"],
    "ns2.sub.example.com.": ["12.53.2.54", "2a12:53:2::54"],
}
_ROOT: Servers = {"a.root-servers.net.": ["198.41.0.4", "2001:503:ba3e::2:30"]}
"""as in the real one, which some tools insist on"""
_TOP: Servers = {"a.gtld-servers.net.": ["192.5.6.30", "2001:503:a83e::2:30"]}

_SYSTEMS = "asnlookup.zonemaster.net."
"""where Zonemaster asks for the autonomous system of an address"""
_SOA = "nstld.verisign-grs.com. 1 14400 3600 604800 86400"

_MASTER_FILE = f"""\
$TTL 300
@         IN MX    10 mail
@         IN TXT   "v=spf1 mx -all"
@         IN CAA   0 issue "ca.example.net"
mail      IN A     11.53.1.25
mail      IN AAAA  2a11:53:1::25
www       IN CNAME api
*.apps    IN CNAME api
_sip._tcp IN SRV   10 60 5060 mail
_dmarc    IN TXT   "v=DMARC1; p=reject"
long      IN TXT   {" ".join(f'"{"x" * 250}"' for _ in range(8))}
sub       IN NS    ns1.sub
sub       IN NS    ns2.sub
"""


def hints() -> str:
    """Where the root is."""
    return _text([*_names(".", _ROOT), *_addresses(_ROOT)])


class Part(NamedTuple):
    """What one process serves beside gslb, and at which addresses; ``zones`` are master files by origin."""

    addresses: tuple[str, ...]
    zones: Mapping[str, str]


def parts() -> tuple[Part, Part, Part]:
    """The root, the zones below it that lead to gslb or tell of its addresses, and the child of gslb's zone.

    None of them is at the address of another one, for who serves a zone answers in place of its parent.
    """
    delegations = [*_names(ZONE, OWN), *_names(LAME, OWN), *_addresses(OWN)]
    top = [line for zone in ("com.", "arpa.", _SYSTEMS) for line in _names(zone, _TOP)]
    root = {".": _zone(".", _ROOT, *_addresses(_ROOT), *top, *_addresses(_TOP))}
    below = {
        "com.": _zone("com.", _TOP, *delegations),
        "arpa.": _zone("arpa.", _TOP, *_pointers()),
        _SYSTEMS: _zone(_SYSTEMS, _TOP, *_systems()),
    }
    child = {CHILD: _zone(CHILD, _CHILD, *_addresses(_CHILD), f"www.{CHILD} 300 IN A 11.53.1.83")}
    return Part(_where(_ROOT), root), Part(_where(_TOP), below), Part(_where(_CHILD), child)


def own_addresses() -> tuple[str, ...]:
    """Where gslb's nameserver listens."""
    return _where(OWN)


def snapshot(folder: Path) -> Snapshot:
    """What gslb serves: a zone as its file and the configuration make it, and services at its apex and below."""
    file = folder / "example.com.zone"
    file.write_text(_MASTER_FILE + _text(_addresses(_CHILD)))
    section = ZoneSection.model_validate({"nameservers": OWN})
    records = complete(ZONE, section, read_zone_file(file, ZONE, Sources()).records)
    both = (RecordType.A, RecordType.AAAA)
    services = (
        service(ZONE, (60, ["11.53.1.80", "2a11:53:1::80"]), (40, ["12.53.2.80", "2a12:53:2::80"]), types=both),
        service(f"api.{ZONE}", (1, ["11.53.1.81", "2a11:53:1::81"]), (1, ["12.53.2.81"]), types=both),
        service(f"*.any.{ZONE}", (1, ["11.53.1.82"])),
        service(f"many.{ZONE}", (1, [f"11.53.1.{n}" for n in range(100, 200)]), answers=100),
    )
    settings = Settings(identity="istanbul-1", cookie_secrets=("00" * 16,), rate_limit=RateLimit(1000, 1000))
    return Snapshot(1, (Zone(ZONE, records),), services, settings=settings, serials={ZONE: 2026010101})


def _zone(origin: str, servers: Servers, *lines: str) -> str:
    soa = f"{origin} 86400 IN SOA {next(iter(servers))} {_SOA}"
    return _text([soa, *_names(origin, servers), *lines])


def _where(servers: Servers) -> tuple[str, ...]:
    return tuple(chain.from_iterable(servers.values()))


def _names(zone: str, servers: Servers) -> list[str]:
    return [f"{zone} 86400 IN NS {name}" for name in servers]


def _addresses(servers: Servers) -> list[str]:
    return [
        f"{name} 86400 IN {address_type(address).value} {address}"
        for name, both in servers.items()
        for address in map(ip_address, both)
    ]


def _pointers() -> Iterator[str]:
    for name, both in (*OWN.items(), *_CHILD.items()):
        for address in both:
            yield f"{ip_address(address).reverse_pointer}. 86400 IN PTR {name}"


def _systems() -> Iterator[str]:
    """Each nameserver of a zone is in a system and a network of its own."""
    for servers in (OWN, _CHILD):
        for number, both in enumerate(servers.values(), 65001):
            for address in map(ip_address, both):
                labels = address.reverse_pointer.rsplit(".", 2)[0]
                origin, length = ("origin", 24) if address.version == 4 else ("origin6", 48)
                network = ip_network((address, length), strict=False)
                yield f'{labels}.{origin}.{_SYSTEMS} 86400 IN TXT "{number} | {network} | TR | ripencc |"'


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
