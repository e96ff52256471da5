"""What is to be answered, and whose word that is: what `gslb plan` starts from.

of a service                                      it is planned by
a running daemon has decided                      that decision
none runs, and one has decided before             the last decision, as it was stored
... and the file means something else since then  what is answered while all endpoints are up
nothing was decided                               likewise
its addresses are known to a daemon alone         nothing: it is left out
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from gslb.cli.client import find_daemon
from gslb.config.load import load
from gslb.config.sources import read_accepted
from gslb.control.planning import LATEST
from gslb.errors import ConfigError, DaemonError
from gslb.model.names import ServiceName
from gslb.model.rehearsal import Rehearsal, Situation
from gslb.model.steering import Steering
from gslb.store.beside import last_steerings

if TYPE_CHECKING:
    from gslb.config.configuration import Configuration


class Source(StrEnum):
    """Whose decisions they are."""

    DAEMON = "daemon"
    """one that runs"""
    STORED = "stored"
    """the last ones that were stored"""
    NOBODY = "nobody"
    """there are none"""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be answered.

    Attributes:
        steerings: by service.
        source: who has decided those that are not assumed.
        lease: number of the lease that the running daemon holds, or a later one than any.
        assumed: services as if all endpoints were up, for nothing was decided.
        changed: services likewise, for the file means something else since they were decided.
        unknown: services of which nothing can be said.
        note: why it is not the running daemon's word; empty: it is, or none runs.
    """

    steerings: dict[ServiceName, Steering]
    source: Source
    lease: int = LATEST
    assumed: tuple[ServiceName, ...] = ()
    changed: tuple[ServiceName, ...] = ()
    unknown: tuple[ServiceName, ...] = ()
    note: str = ""


class _Told(msgspec.Struct):
    """What a daemon says of its decisions."""

    services: dict[ServiceName, Steering]
    lease: int | None = None


def decided(configuration: "Configuration", api: str | None) -> Decided:
    """What is to be answered by ``configuration``.

    Args:
        configuration: what is to be published.
        api: address of a daemon that is to be asked; None: GSLB_API, or that of the configuration.

    Raises:
        DaemonError: the daemon that is named does not tell.
        StateError: no daemon runs, and what was stored cannot be read.
    """
    told, note = _asked(configuration, api)
    found = told.services if told else {it.service: it.newest for it in last_steerings(configuration.database)}
    services = configuration.topology.services
    stated = {name: found[name] for name in services if name in found}
    changed = _changed(configuration, stated)
    calm = {name: _calm(configuration, name) for name in services if name not in stated or name in changed}
    assumed = {name: steering for name, steering in calm.items() if steering is not None}
    source = Source.DAEMON if told else Source.STORED
    return Decided(
        steerings={name: it for name, it in stated.items() if name not in changed} | assumed,
        source=source if len(stated) > len(changed) else Source.NOBODY,
        lease=LATEST if told is None or told.lease is None else told.lease,
        assumed=tuple(name for name in assumed if name not in changed),
        changed=tuple(name for name in assumed if name in changed),
        unknown=tuple(name for name in calm if name not in assumed),
        note=note,
    )


def _asked(configuration: "Configuration", api: str | None) -> tuple[_Told | None, str]:
    """What the daemon of this configuration has decided, or why one that runs does not say so."""
    is_named = bool(api or os.environ.get("GSLB_API"))
    try:
        return msgspec.convert(find_daemon(api, None, configuration.path).get("/v1/decisions"), _Told), ""
    except msgspec.ValidationError as error:
        reason = str(error)
    except DaemonError as error:
        if error.status is None and not is_named:
            return None, ""  # none runs
        if error.status is None:
            raise
        reason = str(error).partition("\n")[0]
    text = f"the running daemon does not say what it has decided: {reason}"
    if is_named:
        raise DaemonError(text, "if it is of an older version: gslb upgrade CONFIG")
    return None, text


def _changed(configuration: "Configuration", names: Iterable[ServiceName]) -> frozenset[ServiceName]:
    """Those of ``names`` that the configuration under which they were decided meant otherwise."""
    accepted = read_accepted(configuration.run_folder)
    if accepted is None or accepted.are(configuration.sources):
        return frozenset()
    try:
        former = load(configuration.path.absolute(), sources=accepted)
    except ConfigError:
        return frozenset()  # of an older version, say: nobody knows what it meant
    known = (name for name in names if name in former.topology.services)
    return frozenset(name for name in known if _calm(former, name) != _calm(configuration, name))


def _calm(configuration: "Configuration", name: ServiceName) -> Steering | None:
    """What is answered while all endpoints are up; None where only a running daemon can tell their addresses."""
    topology = configuration.topology
    service = topology.services[name]
    if any(not endpoint.publish for endpoint in topology.all_endpoints_of(service)):
        return None
    vantages = {vantage: setup.areas for vantage, setup in configuration.vantages.items()}
    everybody = frozenset(member.region for member in service.members)
    return Rehearsal(service, topology.regions, vantages).answers(Situation(everybody))
