"""[vantages.NAME]: a place to probe from, and what tells whether its own network works."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Self

from pydantic import Field, model_validator

from gslb.model.options import AddressText, AreaText, IPText, Options
from probes.net.source import Source

Namespace = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")]


class VantageSection(Options):
    """A local vantage point."""

    source: Annotated[
        list[IPText], Field(max_length=2, description="source addresses of its probes, one of each family at most")
    ] = []  # noqa: RUF012  pydantic copies it
    namespace: Annotated[
        Namespace | None, Field(description="network namespace that it probes from, as ip netns knows it")
    ] = None
    references: Annotated[
        list[AddressText],
        Field(
            max_length=32,
            description="host:port of what answers as long as the network works; with none answering it abstains",
        ),
    ] = []  # noqa: RUF012  pydantic copies it

    areas: Annotated[
        list[AreaText],
        Field(max_length=1000, description="whose latency it stands for, in policies by latency"),
    ] = []  # noqa: RUF012  pydantic copies it

    @model_validator(mode="after")
    def _one_address_of_each_family(self) -> Self:
        versions = [address.version for address in self.source]
        if len(set(versions)) < len(versions):
            raise ValueError("source has two addresses of one family; give the second one a vantage point of its own")
        if len(set(self.references)) < len(self.references):
            raise ValueError("references lists one twice; list each once")
        return self

    def make_source(self) -> Source:
        """Where its sockets come from."""
        v4 = next((ip for ip in self.source if isinstance(ip, IPv4Address)), None)
        v6 = next((ip for ip in self.source if isinstance(ip, IPv6Address)), None)
        return Source(v4, v6, self.namespace)
