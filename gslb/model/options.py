"""The base of every configuration section and plug-in option table, and the types their fields use.

A plug-in declares its options as a subclass of Options, so that its keys, defaults and faults read like those of any
other section.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, PlainSerializer, ValidationInfo

from gslb.model.address import IP, Address, parse_address, parse_ip
from gslb.model.area import Area, parse_area, parse_network
from gslb.model.duration import format_duration, parse_duration


class Options(BaseModel):
    """A table of options: unknown keys are refused, values are not coerced, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


_SECRET = ("auth", "cookie", "credential", "key", "pass", "pwd", "secret", "session", "signature", "token")


def is_secret(name: str) -> bool:
    """Whether a header or an environment variable of this name holds what is meant for one reader and no other."""
    return any(word in name.lower() for word in _SECRET)


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "***" if is_secret(name) else entry for name, entry in value.items()}
    return "***" if value else value


CONFIDENTIAL = PlainSerializer(_masked)
"""Marks a field that may hold credentials, as in ``Annotated[str, CONFIDENTIAL, Field(repr=False, ...)]``.

It is shown as ``***``, a table of headers or variables with that in place of each secret; problems do not repeat what
was written there, so its own validators should not either.
"""


def _from_text(parse: Callable[[str], object], example: str) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, str):
            message = f"{value!r} should be text in quotes, for example {example!r}"
            raise ValueError(message)  # noqa: TRY004  pydantic collects ValueErrors only
        return parse(value)

    return BeforeValidator(read)


Duration = Annotated[
    float, _from_text(parse_duration, "500ms"), Field(ge=0.0, le=366 * 86400.0), PlainSerializer(format_duration)
]
"""Seconds, written as ``"500ms"``, ``"30s"``, ``"2h"``."""

PositiveDuration = Annotated[Duration, Field(ge=0.001)]
"""A duration of at least a millisecond."""

AddressText = Annotated[Address, _from_text(parse_address, "127.0.0.1:8080"), PlainSerializer(str)]
"""``ip:port``, ``[v6]:port`` or ``name:port``."""

IPText = Annotated[IP, _from_text(parse_ip, "203.0.113.7"), PlainSerializer(str)]
"""An IPv4 or IPv6 address."""

NetworkText = Annotated[IPv4Network | IPv6Network, _from_text(parse_network, "192.0.2.0/24"), PlainSerializer(str)]
"""A network in CIDR form."""

AreaText = Annotated[InstanceOf[Area], _from_text(parse_area, "TR-34"), PlainSerializer(str)]
"""ISO 3166-2, ISO 3166-1, ``continent:XX``, a network, or ``AS9121``."""

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")


def parse_share(text: str) -> float:
    """Read a share in percent, ``"5%"`` or ``"0.5%"``, as 0..1.

    Raises:
        ValueError: ``text`` has another form, or is more than all.
    """
    found = _PERCENT.fullmatch(text)
    if found is None or float(found[1]) > 100:  # noqa: PLR2004  percent
        raise ValueError(f'{text!r} is no share; write one such as "5%" or "0.5%"')
    return float(found[1]) / 100


Share = Annotated[float, _from_text(parse_share, "5%"), PlainSerializer(lambda share: f"{share * 100:.12g}%")]
"""A part of the whole, 0..1, written as ``"5%"``."""

Key = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$")]
"""Name of a region, probe or provider: lower-case letters, digits, ``-`` and ``_``."""


def _read_path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} should be the path of a file, in quotes")
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / value


PathText = Annotated[Path, BeforeValidator(_read_path), PlainSerializer(str)]
"""Path of a file; a relative one is relative to the folder of the configuration file."""
