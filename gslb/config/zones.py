"""[zones.NAME]: what this controller publishes for a zone, and through which providers."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gslb.config.names import absolute
from gslb.config.transfer import TransferSection
from gslb.config.ttl import Ttl
from gslb.model.options import IPText, Key, Options

NameserverName = Annotated[str, AfterValidator(absolute)]
NameserverAddresses = Annotated[list[IPText], Field(max_length=16)]


class ZoneSection(Options):
    """One zone."""

    providers: Annotated[
        list[Key], Field(min_length=1, description="where the zone is published; embedded is the own nameserver")
    ] = ["embedded"]  # noqa: RUF012  pydantic copies it
    nameservers: Annotated[
        dict[NameserverName, NameserverAddresses],
        Field(description="names for the NS record set, with the addresses of those inside the zone"),
    ] = {}  # noqa: RUF012  pydantic copies it
    file: Annotated[str | None, Field(description="standard master file with static records")] = None
    ttl: Annotated[Ttl, Field(description="TTL of the NS records made from nameservers")] = 3600.0
    negative_ttl: Annotated[Ttl, Field(description="SOA minimum, for a zone whose file has no SOA record")] = 60.0
    transfer: Annotated[
        TransferSection, Field(description="who may transfer the zone, and who is told when it has changed")
    ] = TransferSection()
