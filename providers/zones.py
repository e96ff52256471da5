"""Which zone the configuration means by an origin, where an account may have several: private ones are asked for."""

from collections.abc import Sequence

from providers.base import HostedZone, RejectedError


def named(origin: str, zone: HostedZone, *, private: bool) -> HostedZone:
    """``zone``, which the option ``zones`` names for ``origin``.

    Args:
        origin: absolute, in lower case.
        zone: as the account has it.
        private: a private zone is meant.

    Raises:
        RejectedError: it is for another origin, or is not meant.
    """
    if zone.origin != origin:
        remedy = f"correct zones in [providers.NAME]: the id for {_short(origin)}"
        raise RejectedError(f"zone {zone.id} is for {zone.origin}, not {origin}", remedy)
    if zone.private is not private:
        raise RejectedError(f"zone {zone.id} for {origin} is {_kind(zone.private)}", _other(private=private))
    return zone


def only(origin: str, found: Sequence[HostedZone], remedy: str, *, private: bool) -> HostedZone:
    """The one zone of those for ``origin`` that is meant.

    Args:
        origin: absolute, in lower case.
        found: all that the account has for it.
        remedy: where it has none.
        private: a private zone is meant.

    Raises:
        RejectedError: there is none, or there are several.
    """
    zones = [zone for zone in found if zone.private is private]
    if not zones:
        remedy = _other(private=private) if found else remedy
        raise RejectedError(f"there is no {_kind(private)} zone for {origin}", remedy)
    if len(zones) > 1:
        ids = sorted(zone.id for zone in zones)
        remedy = f'write zones = {{ "{_short(origin)}" = "{ids[0]}" }}, or another id, in [providers.NAME]'
        raise RejectedError(f"there are {len(zones)} {_kind(private)} zones for {origin}: {', '.join(ids)}", remedy)
    return zones[0]


def _kind(private: bool) -> str:  # noqa: FBT001  it is all that there is to say
    return "private" if private else "public"


def _other(*, private: bool) -> str:
    return f"write private = {'false' if private else 'true'} in [providers.NAME], if that one is meant"


def _short(origin: str) -> str:
    return origin.removesuffix(".")
