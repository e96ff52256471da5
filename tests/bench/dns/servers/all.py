"""All servers of the comparison, in the order of the table."""

from tests.bench.dns.server import Server
from tests.bench.dns.servers.gdnsd import Gdnsd
from tests.bench.dns.servers.gslb import BOUNDLESS, Gslb

REFERENCE = Gdnsd().name
"""Whom the others are compared with."""
SERVERS: tuple[Server, ...] = (Gdnsd(), Gslb(), Gslb(BOUNDLESS))
