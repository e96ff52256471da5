"""What the engine derives from the configuration alone: which checks say how which endpoint does, and who uses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gslb.control.health import ServiceEndpoint, checks_of
from gslb.model.names import EndpointName, ProbeName, ServiceName, VantageName
from gslb.model.observation import CheckKey
from gslb.model.pacing import Pace
from gslb.model.topology import Endpoint, Topology

GRACE = 1.0
"""Seconds beyond the longest detection after which a service is decided with what is known."""


@dataclass(slots=True)
class Plan:
    """A topology with its cross-references.

    Attributes:
        topology: what is steered.
        keys: the checks of each endpoint in the use of each service; one tuple for all who use the same.
        users: the endpoints and services that each check is for.
        endpoints: by name, those of fallbacks included.
        deadline: when a service is decided with what is known, in monotonic seconds.
    """

    topology: Topology = field(default_factory=Topology)
    keys: dict[ServiceEndpoint, tuple[CheckKey, ...]] = field(default_factory=dict)
    users: dict[CheckKey, tuple[ServiceEndpoint, ...]] = field(default_factory=dict)
    endpoints: dict[EndpointName, Endpoint] = field(default_factory=dict)
    deadline: dict[ServiceName, float] = field(default_factory=dict)


def make_plan(
    topology: Topology,
    paces: Mapping[ProbeName, Pace],
    vantages: tuple[VantageName, ...],
    now: float,
    waiting: Mapping[ServiceName, float],
) -> Plan:
    """Plan for ``topology``, with every check from each of ``vantages``.

    Args:
        topology: what to steer.
        paces: timing of each probe.
        vantages: where from.
        now: monotonic seconds.
        waiting: deadlines of services that wait already: one reload after the other must not put them off for ever.
    """
    plan = Plan(topology)
    users: dict[CheckKey, list[ServiceEndpoint]] = {}
    shared: dict[tuple[tuple[ProbeName, ...], EndpointName], tuple[CheckKey, ...]] = {}
    for service in topology.services.values():
        longest = max((_verdict(paces[name]) for name in service.probes), default=0.0)
        plan.deadline[service.name] = waiting.get(service.name, now + GRACE + longest)
        for endpoint in topology.all_endpoints_of(service):
            pair, of = (service.name, endpoint.name), (service.probes, endpoint.name)
            plan.endpoints[endpoint.name] = endpoint
            if of not in shared:
                shared[of] = checks_of(service, endpoint, vantages)
            plan.keys[pair] = shared[of]
            for key in shared[of]:
                users.setdefault(key, []).append(pair)
    plan.users = {key: tuple(pairs) for key, pairs in users.items()}
    return plan


def _verdict(pace: Pace) -> float:
    """Longest time until a fresh check has a verdict, in seconds."""
    return pace.interval + pace.timeout + pace.thresholds.fall * (pace.confirm + pace.confirm_timeout)
