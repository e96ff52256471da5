"""clouddns: Google Cloud DNS. A service is a record set for each type, with a routing policy where it takes one.

Google's libraries are imported when an account is opened, and not before.
"""

import warnings
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from gslb.model.expressible import Feature, Rendering
from gslb.model.options import Options, PathText
from gslb.model.recordset import RecordSet
from gslb.model.steering import Steering
from providers.base import Account, Capabilities, Throttle
from providers.clouddns.limits import MAX_CHARACTERS, MAX_SETS, problems
from providers.clouddns.render import render
from providers.clouddns.windows import MAX_WEIGHT
from providers.names import by_origin

_CAPABILITIES = Capabilities(
    publication=10.0,
    propagation=60.0,
    features=frozenset(),
    policies=("wrr", "geo"),
    max_weight=MAX_WEIGHT,
    nesting=False,
    batch_size=MAX_SETS,
    batch_characters=MAX_CHARACTERS,
    rate=5.0,
    burst=10,
)
"""Google promises no times, and writes nowhere how high the quota for requests is at first: these are cautious."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class CloudDns(Options):
    """A project of Google Cloud DNS; see ``providers.base.Provider``."""

    project: Annotated[
        str | None, Field(min_length=1, description="id of the project; default: that of the credentials")
    ] = None
    credentials: Annotated[
        PathText | None,
        Field(
            description="key file of a service account; default: Google's own chain (Application Default Credentials)"
        ),
    ] = None
    impersonate: Annotated[
        str | None,
        Field(pattern=r"^[^@\s/]+@[^@\s/]+$", description="service account to act as, by its e-mail address"),
    ] = None
    zones: Annotated[
        dict[str, Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]],
        AfterValidator(by_origin),
        Field(description="managed zone for an origin, by its name, where the project has several for it"),
    ] = {}  # noqa: RUF012  pydantic copies it
    private: Annotated[bool, Field(description="private zones are meant, not public ones")] = False
    endpoint: Annotated[
        str, Field(pattern=r"^https?://[^/?#@\s]+$", description="where the API is, of an emulator say")
    ] = "https://dns.googleapis.com"
    anonymous: Annotated[bool, Field(description="ask without credentials, for an emulator; project is needed")] = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.anonymous and (self.credentials or self.impersonate):
            raise ValueError("has anonymous with credentials or impersonate; keep one of them")
        if self.anonymous and self.project is None:
            raise ValueError("has anonymous without project; write the id that the emulator goes by")
        url = URL(self.endpoint)
        if url.scheme == "http" and url.host not in _LOOPBACK and not self.anonymous:
            raise ValueError("has an endpoint that is sent tokens without TLS; write https, or anonymous = true")
        return self

    @property
    def capabilities(self) -> Capabilities:
        """What Cloud DNS can do."""
        return _CAPABILITIES

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        """``steering`` as record sets, and what of it cannot be said."""
        return render(steering, without)

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        """What would be refused about ``records``."""
        return tuple(problems(records))

    def open(self, throttle: Throttle) -> Account:
        """The API. Google's own chain of credentials is gone through by the first request, since it takes a while.

        Raises:
            AuthFailedError: the file of the credentials cannot be used.
            RejectedError: nobody says which project.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # api_core misses grpcio-status, which is not used here
            from providers.clouddns.account import CloudDnsAccount  # noqa: PLC0415  not before it is needed
        return CloudDnsAccount(self, throttle)
