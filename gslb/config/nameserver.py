"""[nameserver]: where the embedded nameserver listens, and in how many processes."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gslb.model.address import Address
from gslb.model.options import AddressText, Duration, Options
from gslb.nameserver.limits import DEFAULT, TcpLimits


def _numeric(address: Address) -> Address:
    if isinstance(address.host, str):
        raise ValueError(f"{address} names a host; write the IP address to listen on, for example 0.0.0.0:53")  # noqa: TRY004  pydantic collects ValueErrors only
    return address


Listen = Annotated[AddressText, AfterValidator(_numeric)]


class TcpSection(Options):
    """Connections over TCP, in each worker."""

    connections: Annotated[
        int, Field(ge=16, le=100_000, description="open at a time; further ones are let in by closing idle ones")
    ] = DEFAULT.connections
    per_client: Annotated[
        int, Field(ge=1, le=100_000, description="of them from one IPv4 address or IPv6 network of 64 bits")
    ] = DEFAULT.per_client
    idle: Annotated[
        Duration,
        Field(
            ge=1.0, le=3600.0, description="time for a whole message or for reading; down to a tenth of it in a rush"
        ),
    ] = DEFAULT.idle
    queries: Annotated[
        int, Field(ge=1, le=1_000_000_000, description="answered on one connection before it is closed")
    ] = DEFAULT.queries


class NameserverSection(Options):
    """The embedded authoritative nameserver."""

    listen: Annotated[
        list[Listen], Field(min_length=1, max_length=64, description="addresses for UDP and TCP", validate_default=True)
    ] = ["127.0.0.1:5300"]  # type: ignore[list-item]  # noqa: RUF012  parsed like a value from the file
    workers: Annotated[
        int, Field(ge=1, le=64, description="processes that share the addresses; with two, one may crash unnoticed")
    ] = 2
    tcp: Annotated[TcpSection, Field(description="bounds of connections over TCP")] = TcpSection()

    @property
    def tcp_limits(self) -> TcpLimits:
        """Bounds of one worker's connections."""
        return TcpLimits(self.tcp.connections, self.tcp.per_client, self.tcp.idle, self.tcp.queries)
