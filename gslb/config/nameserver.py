"""[nameserver]: where the embedded nameserver listens, and in how many processes."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gslb.model.address import Address
from gslb.model.options import AddressText, Options


def _numeric(address: Address) -> Address:
    if isinstance(address.host, str):
        raise ValueError(f"{address} names a host; write the IP address to listen on, for example 0.0.0.0:53")  # noqa: TRY004  pydantic collects ValueErrors only
    return address


Listen = Annotated[AddressText, AfterValidator(_numeric)]


Account = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]


def _check_overlap(address: Address, others: list[Address]) -> None:
    """One socket for each address: a wildcard takes what is sent to all others of its family and port."""
    if address in others:
        raise ValueError(f"{address} is listed twice; list each address once")
    for other in others:
        is_wildcard = isinstance(other.host, IPv4Address | IPv6Address) and other.host.is_unspecified
        if is_wildcard and other.port == address.port and type(other.host) is type(address.host):
            raise ValueError(f"{other} takes what is sent to {address} too; keep one of them")


class NameserverSection(Options):
    """The embedded authoritative nameserver."""

    listen: Annotated[
        list[Listen], Field(min_length=1, max_length=64, description="addresses for UDP and TCP", validate_default=True)
    ] = ["127.0.0.1:5300"]  # type: ignore[list-item]  # noqa: RUF012  parsed like a value from the file
    workers: Annotated[
        int, Field(ge=1, le=64, description="processes that share the addresses; with two, one may crash unnoticed")
    ] = 2
    user: Annotated[
        Account | None,
        Field(description="user that gslb run goes on as, if root starts it; keeps the right to bind low ports"),
    ] = None
    group: Annotated[
        Account | None, Field(description="group that it goes on with; default: the primary group of user")
    ] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.group is not None and self.user is None:
            raise ValueError("group needs a user; write user too, or remove group")
        for index, address in enumerate(self.listen):
            _check_overlap(address, self.listen[:index] + self.listen[index + 1 :])
        return self
