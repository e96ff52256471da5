"""How one regional gateway is set up."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from gslb.model.address import Address
from gslb.model.names import RegionName


def _loopback() -> tuple[IPv4Network | IPv6Network, ...]:
    return ip_network("127.0.0.0/8"), ip_network("::1/128")


@dataclass(frozen=True, slots=True)
class Gateway:
    """Settings of the gateway of one region. Durations are seconds, sizes bytes.

    Attributes:
        listen: addresses it takes requests on.
        upstreams: servers it forwards to, in turn.
        capacity: requests per second it is built for; saturation is load / capacity. None: saturation stays 0.
        health_path: where the health document is.
        metrics_path: where Prometheus metrics are, for clients within ``metrics_allow`` only.
        drain_delay: on SIGTERM, how long it says 'draining' and still takes new requests.
        drain_timeout: how long it then waits for requests in flight.
        connect_timeout: to connect to an upstream.
        idle_timeout: longest silence of an upstream within a response.
        max_connections: at most so many to all upstreams together.
        max_body: largest request body.
        upstream_retry: how long an upstream that could not be connected to is left alone.
    """

    region: RegionName
    listen: tuple[Address, ...]
    upstreams: tuple[Address, ...]
    capacity: float | None = None
    health_path: str = "/healthz"
    metrics_path: str = "/metrics"
    metrics_allow: tuple[IPv4Network | IPv6Network, ...] = field(default_factory=_loopback)
    drain_delay: float = 0.0
    drain_timeout: float = 30.0
    connect_timeout: float = 1.0
    idle_timeout: float = 30.0
    max_connections: int = 1000
    max_body: int = 64 * 1024 * 1024
    upstream_retry: float = 1.0
