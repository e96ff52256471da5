"""[gateways.REGION]: the regional gateway that comes with gslb, as `gslb gateway` runs it."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field

from gslb.config.nameserver import Listen
from gslb.model.gateway import Gateway
from gslb.model.names import RegionName
from gslb.model.options import AddressText, Duration, NetworkText, Options, PositiveDuration

Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]


class GatewaySection(Options):
    """One regional gateway."""

    listen: Annotated[list[Listen], Field(min_length=1, description="addresses that it takes requests on")]
    upstreams: Annotated[list[AddressText], Field(min_length=1, description="servers that it forwards to, in turn")]
    health_path: Annotated[Path, Field(description="where the health document is")] = "/healthz"
    metrics_path: Annotated[Path, Field(description="where metrics are, for metrics_allow only")] = "/metrics"
    metrics_allow: Annotated[list[NetworkText], Field(description="networks that may read metrics")] = [  # noqa: RUF012  pydantic copies it
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    ]
    drain_delay: Annotated[
        Duration, Field(description="on SIGTERM: how long it says 'draining' and still takes new requests")
    ] = 0.0
    drain_timeout: Annotated[Duration, Field(description="then: how long it waits for requests in flight")] = 30.0
    connect_timeout: Annotated[PositiveDuration, Field(description="longest to connect to an upstream")] = 1.0
    idle_timeout: Annotated[PositiveDuration, Field(description="longest silence of an upstream")] = 30.0
    max_connections: Annotated[int, Field(ge=1, le=100_000, description="connections to all upstreams together")] = 1000
    max_body_megabytes: Annotated[int, Field(ge=1, le=100_000, description="largest request body")] = 64
    upstream_retry: Annotated[
        PositiveDuration, Field(description="how long an upstream that refused a connection is left alone")
    ] = 1.0

    def gateway(self, region: RegionName, capacity: float | None) -> Gateway:
        """The settings as the gateway takes them."""
        return Gateway(
            region=region,
            listen=tuple(self.listen),
            upstreams=tuple(self.upstreams),
            capacity=capacity,
            health_path=self.health_path,
            metrics_path=self.metrics_path,
            metrics_allow=tuple(self.metrics_allow),
            drain_delay=self.drain_delay,
            drain_timeout=self.drain_timeout,
            connect_timeout=self.connect_timeout,
            idle_timeout=self.idle_timeout,
            max_connections=self.max_connections,
            max_body=self.max_body_megabytes * 1024 * 1024,
            upstream_retry=self.upstream_retry,
        )
