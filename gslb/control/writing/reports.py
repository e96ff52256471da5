"""What people are told of a zone: each thing once, when it begins and when it is over."""

from collections.abc import Iterable

from gslb.control.writing.draft import Trouble
from gslb.control.writing.site import Site
from gslb.model.names import ServiceName
from providers.base import AuthFailedError, NotOwnedError, ProviderError, RejectedError

LASTING = (AuthFailedError, RejectedError, NotOwnedError)
"""Errors that do not pass by themselves."""
TOLD_AFTER = 3
"""Failures in a row that may pass by themselves, before people are told."""


class Reports:
    """Tells what has changed since it was told last.

    Args:
        site: the zone.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._logged: type[ProviderError] | None = None
        self._told: type[ProviderError] | None = None
        self._blocked: dict[ServiceName, str] = {}
        self._unsaid: dict[ServiceName, str] = {}
        self._drifted: tuple[ServiceName, ...] = ()

    def failed(self, error: ProviderError, failures: int) -> None:
        """A request has failed, after so many others in a row."""
        kind = type(error)
        if self._logged is not kind:
            self._logged = kind
            self._site.log.warning("request failed", reason=error.message, remedy=error.remedy)
        if self._told is not kind and (isinstance(error, LASTING) or failures >= TOLD_AFTER):
            self._told = kind
            self._tell(error.message)

    def worked(self) -> None:
        """A request was answered."""
        if self._logged is not None:
            self._site.log.info("requests are answered again")
        if self._told is not None:
            self._tell("requests are answered again")
        self._logged = self._told = None

    def blocked(self, service: ServiceName, trouble: Trouble) -> None:
        """A service cannot be written."""
        if self._blocked.get(service) != trouble.text:
            self._blocked[service] = trouble.text
            self._site.trouble(f"{service.removesuffix('.')}: {trouble.text}", trouble.remedy, trouble.error)

    def free(self, services: Iterable[ServiceName]) -> None:
        """These are there as they are wanted."""
        for service in services:
            if self._blocked.pop(service, None) is not None:
                self._tell(f"{service.removesuffix('.')}: published again")

    def said(self, services: Iterable[ServiceName]) -> None:
        """What can be said of these has been looked at."""
        for service in services:
            standing = self._site.standings.get(service)
            text = "; ".join(fault.text for fault in standing.unsaid) if standing is not None else ""
            if text and self._unsaid.get(service) != text:
                remedy = "its answers of that type stay as they are; degrade it, or publish it elsewhere"
                self._site.trouble(f"{service.removesuffix('.')}: cannot be said there: {text}", remedy)
            self._unsaid.pop(service, None)
            if text:
                self._unsaid[service] = text

    def drifted(self) -> None:
        """It was looked whether somebody else has changed something."""
        present = tuple(sorted(name for name, standing in self._site.standings.items() if standing.drifted))
        if present != self._drifted:
            self._drifted = present
            self._site.log.warning("drift", services=present) if present else self._site.log.info("no drift any more")
            self._site.tell.drift(self._site.setup.provider, self._site.setup.zone, present)

    def _tell(self, text: str) -> None:
        self._site.tell.trouble(self._site.setup.provider, self._site.setup.zone, text)
