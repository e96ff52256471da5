"""All servers of the comparison, in the order of the table."""

from tests.bench.dns.server import Server
from tests.bench.dns.servers.bind import Bind
from tests.bench.dns.servers.gdnsd import Gdnsd
from tests.bench.dns.servers.gslb import BOUNDLESS, Gslb
from tests.bench.dns.servers.knot import Knot
from tests.bench.dns.servers.nsd import Nsd
from tests.bench.dns.servers.powerdns import PowerDNS

REFERENCE = Gdnsd().name
"""Whom the others are compared with."""
SERVERS: tuple[Server, ...] = (Gdnsd(), Gslb(), Gslb(BOUNDLESS), Knot(), Nsd(), Bind(), PowerDNS())
