"""route53: Amazon Route 53. Steerings become record sets with routing policies, and trees of aliases.

Options:
    profile          of the AWS configuration files; default: whatever the AWS SDK finds
    role             ARN of a role to act in
    external_id      that its trust policy asks for
    region           that requests are signed for; default ``us-east-1``
    endpoint         URL of something that stands for AWS
    zones            ids of hosted zones by origin; default: they are looked for by name
    private          private zones are meant, not public ones; default ``false``
    connect_timeout  for a connection to be there; default ``3s``
    read_timeout     for an answer to go on; default ``10s``

Credentials are found by the AWS SDK, when the first request is made: they are in its environment variables, its files,
or come with the machine; never in this configuration.
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from gslb.model.expressible import Feature, Rendering
from gslb.model.options import Options, PositiveDuration
from gslb.model.recordset import RecordSet
from gslb.model.steering import MAX_WEIGHT, Steering
from providers.base import Account, Capabilities, Throttle
from providers.names import by_origin
from providers.route53.limits import MAX_CHARACTERS, MAX_RECORDS, problems
from providers.route53.render import BY_VPC, FEATURES, PRIVATE_FEATURES, render

_ZONE = re.compile(r"[A-Z0-9]{1,32}")
_ENDPOINT = r"^(https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?)?$"

Timeout = Annotated[PositiveDuration, Field(le=60.0)]


class Route53(Options):
    """Publishes to hosted zones of Amazon Route 53."""

    profile: Annotated[str, Field(description="profile of the AWS configuration files")] = ""
    role: Annotated[
        str, Field(pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+)?$", description="ARN of a role to act in")
    ] = ""
    external_id: Annotated[
        str, Field(max_length=1224, description="external id that the role's trust policy asks for")
    ] = ""
    region: Annotated[
        str, Field(pattern=r"^[a-z]{2}[a-z0-9-]+$", description="region that requests are signed for")
    ] = "us-east-1"
    endpoint: Annotated[
        str,
        Field(pattern=_ENDPOINT, description="URL of something that stands for AWS, STS included"),
    ] = ""
    zones: Annotated[dict[str, str], Field(description="ids of hosted zones by origin")] = {}  # noqa: RUF012  pydantic copies it
    private: Annotated[bool, Field(description="private zones are meant, not public ones")] = False
    connect_timeout: Annotated[Timeout, Field(description="for a connection to be there")] = 3.0
    read_timeout: Annotated[Timeout, Field(description="for an answer to go on")] = 10.0

    @field_validator("zones")
    @classmethod
    def _by_origin(cls, zones: dict[str, str]) -> dict[str, str]:
        """Origins absolute and in lower case."""
        for zone in zones.values():
            if not _ZONE.fullmatch(zone):
                raise ValueError(f"{zone!r} is no id of a hosted zone; write one such as Z0123456789ABCDEFGHIJ")
        return by_origin(zones)

    @model_validator(mode="after")
    def _role_for_external_id(self) -> "Route53":
        if self.external_id and not self.role:
            raise ValueError("external_id is for a role: set role, or remove external_id")
        return self

    @property
    def capabilities(self) -> Capabilities:
        """What it can do: "generally within 60 seconds", as Amazon says, and five requests a second."""
        return Capabilities(
            publication=5.0,
            propagation=60.0,
            features=self._features,
            policies=("simple", "weighted", "multivalue", "geolocation", "geoproximity", "ip-based"),
            max_weight=MAX_WEIGHT,
            batch_size=MAX_RECORDS,
            batch_characters=MAX_CHARACTERS,
            rate=5.0,
            burst=10,
        )

    @property
    def _features(self) -> frozenset[Feature]:
        return PRIVATE_FEATURES if self.private else FEATURES

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        """See Provider."""
        return render(steering, without, self._features, BY_VPC if self.private else frozenset())

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        """See Provider."""
        return tuple(problems(records))

    def open(self, throttle: Throttle) -> Account:
        """See Provider. The SDK looks for credentials with the first request, and again once they were refused."""
        from providers.route53.account import Route53Account  # noqa: PLC0415  imports the SDK: not before it is needed

        return Route53Account(self, throttle)
