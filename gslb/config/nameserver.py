"""[nameserver]: where the embedded nameserver listens, in how many processes, and how it behaves."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gslb.config.reader import Reader
from gslb.config.receivers import words_of
from gslb.config.sources import Sources
from gslb.model.address import Address
from gslb.model.options import AddressText, Duration, NetworkText, Options, PathText, Share
from gslb.nameserver.limits import DEFAULT, TcpLimits
from gslb.nameserver.settings import QueryLog, RateLimit, Settings

SECRET_DIGITS = 32
MAX_SECRETS = 4

Told = Annotated[str, Field(pattern=r"^[ -~]*$", max_length=255)]
Rate = Annotated[float, Field(ge=1.0, le=1_000_000.0)]


def _numeric(address: Address) -> Address:
    if isinstance(address.host, str):
        raise ValueError(f"{address} names a host; write the IP address to listen on, for example 0.0.0.0:53")  # noqa: TRY004  pydantic collects ValueErrors only
    return address


Listen = Annotated[AddressText, AfterValidator(_numeric)]


class RateLimitSection(Options):
    """How many responses over UDP a network (IPv4 /24, IPv6 /56) gets that has not shown who it is."""

    answers: Annotated[Rate, Field(description="responses with an answer, a second")] = 200.0
    others: Annotated[Rate, Field(description="errors, referrals and responses without an answer, a second")] = 50.0
    slip: Annotated[
        int,
        Field(ge=0, le=10, description="of the others each how many-th comes truncated instead of not at all; 0: none"),
    ] = 2
    exempt: Annotated[list[NetworkText], Field(max_length=1000, description="networks that are not limited")] = []  # noqa: RUF012  pydantic copies it


class QueryLogSection(Options):
    """Some of the queries, written down as JSON lines."""

    file: Annotated[PathText, Field(description="where to; each worker puts its name into that")]
    sample: Annotated[Share, Field(description="share of the queries that are written down")] = 0.01
    max_megabytes: Annotated[
        int, Field(ge=1, le=100_000, description="of a file, which is then kept in place of the one before")
    ] = 100


Account = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]


def _check_overlap(address: Address, others: list[Address]) -> None:
    """One socket for each address: a wildcard takes what is sent to all others of its family and port."""
    if address in others:
        raise ValueError(f"{address} is listed twice; list each address once")
    for other in others:
        is_wildcard = isinstance(other.host, IPv4Address | IPv6Address) and other.host.is_unspecified
        if is_wildcard and other.port == address.port and type(other.host) is type(address.host):
            raise ValueError(f"{other} takes what is sent to {address} too; keep one of them")


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
    batches: Annotated[
        bool, Field(description="take packets in batches where that is possible; false: read them one by one")
    ] = True
    tcp: Annotated[TcpSection, Field(description="bounds of connections over TCP")] = TcpSection()
    identity: Annotated[
        Told | None,
        Field(description="what NSID and id.server say; default: the name of the node; empty: nothing"),
    ] = None
    version: Annotated[Told, Field(description="what version.bind and version.server say; empty: nothing")] = ""
    cookie_secret_file: Annotated[
        PathText | None,
        Field(
            description="secrets of DNS cookies, a line of 32 hexadecimal digits each; the first makes them, all check"
            " them. For nodes that share an address; default: a secret of this node's own"
        ),
    ] = None
    rate_limit: Annotated[
        RateLimitSection | None, Field(description="limits responses over UDP; default: they are not limited")
    ] = None
    stale_after: Annotated[
        Duration,
        Field(description="answers of services say that they are stale after so long without control; 0s: never"),
    ] = 0.0
    query_log: Annotated[
        QueryLogSection | None, Field(description="writes some of the queries down; default: none")
    ] = None
    metrics_file: Annotated[
        PathText | None,
        Field(
            description="for node_exporter's textfile collector, so that metrics are there while control is away:"
            " each worker writes its own, with its name in that"
        ),
    ] = None
    explain: Annotated[
        list[NetworkText],
        Field(max_length=100, description="networks whose questions for _explain.NAME (TXT) are answered"),
    ] = []  # noqa: RUF012  pydantic copies it
    user: Annotated[
        Account | None,
        Field(description="user that gslb run goes on as, if root starts it; keeps the right to bind low ports"),
    ] = None
    group: Annotated[
        Account | None, Field(description="group that it goes on with; default: the primary group of user")
    ] = None

    @property
    def tcp_limits(self) -> TcpLimits:
        """Bounds of one worker's connections."""
        return TcpLimits(self.tcp.connections, self.tcp.per_client, self.tcp.idle, self.tcp.queries)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.group is not None and self.user is None:
            raise ValueError("group needs a user; write user too, or remove group")
        for index, address in enumerate(self.listen):
            _check_overlap(address, self.listen[:index] + self.listen[index + 1 :])
        return self


def nameserver_settings(reader: Reader, section: NameserverSection, node: str, sources: Sources) -> Settings:
    """The settings that go to the nameserver with each snapshot."""
    limit = section.rate_limit
    rates, log = None, section.query_log
    if limit is not None:
        rates = RateLimit(limit.answers, limit.others, limit.slip, tuple(str(network) for network in limit.exempt))
    return Settings(
        identity=node if section.identity is None else section.identity,
        version=section.version,
        cookie_secrets=tuple(_cookie_secrets(reader, section.cookie_secret_file, sources)),
        rate_limit=rates,
        stale_after=section.stale_after,
        explain=tuple(str(network) for network in section.explain),
        metrics_file="" if section.metrics_file is None else str(section.metrics_file),
        query_log=None if log is None else QueryLog(str(log.file), log.sample, log.max_megabytes * 2**20),
    )


def _cookie_secrets(reader: Reader, path: Path | None, sources: Sources) -> Iterator[str]:
    if path is None:
        return
    at, remedy = ("nameserver", "cookie_secret_file"), "write one with: openssl rand -hex 16"
    try:
        lines = sources.read(path).split()
    except (OSError, ValueError) as error:
        reader.fault(at, f"{path} cannot be read: {words_of(error)}", remedy)
        return
    if not 0 < len(lines) <= MAX_SECRETS:
        reader.fault(at, f"{path} has {len(lines)} secrets, not 1 to {MAX_SECRETS}", remedy)
    for number, line in enumerate(lines, 1):
        if len(line) != SECRET_DIGITS or any(digit not in "0123456789abcdefABCDEF" for digit in line):
            reader.fault(at, f"line {number} of {path} is not {SECRET_DIGITS} hexadecimal digits", remedy)
        else:
            yield line.lower()
