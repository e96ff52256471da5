"""[nameserver]: where the embedded nameserver listens, and in how many processes."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gslb.model.address import Address
from gslb.model.options import AddressText, Options


def _numeric(address: Address) -> Address:
    if isinstance(address.host, str):
        raise ValueError(f"{address} names a host; write the IP address to listen on, for example 0.0.0.0:53")  # noqa: TRY004  pydantic collects ValueErrors only
    return address


Listen = Annotated[AddressText, AfterValidator(_numeric)]


class NameserverSection(Options):
    """The embedded authoritative nameserver."""

    listen: Annotated[
        list[Listen], Field(min_length=1, max_length=64, description="addresses for UDP and TCP", validate_default=True)
    ] = ["127.0.0.1:5300"]  # type: ignore[list-item]  # noqa: RUF012  parsed like a value from the file
    workers: Annotated[
        int, Field(ge=1, le=64, description="processes that share the addresses; with two, one may crash unnoticed")
    ] = 2
