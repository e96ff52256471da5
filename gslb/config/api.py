"""[api]: where the HTTP API listens."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gslb.model.address import Address
from gslb.model.options import AddressText, Options


def _loopback(address: Address) -> Address:
    if isinstance(address.host, str) or not address.host.is_loopback:
        raise ValueError(f"{address} is not a loopback address; the API has no TLS, so use 127.0.0.1 or [::1]")
    return address


class ApiSection(Options):
    """The HTTP API and the metrics."""

    listen: Annotated[
        AddressText,
        AfterValidator(_loopback),
        Field(description="address of the API, on loopback", validate_default=True),
    ] = "127.0.0.1:8053"  # type: ignore[assignment]  # parsed like a value from the file
