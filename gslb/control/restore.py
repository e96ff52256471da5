"""From what was stored back to what the engine works with."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address

from msgspec import structs

from gslb.control.clock import Clock
from gslb.control.health import CheckState, carry_over
from gslb.model.address import IP
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.ramp import Climb, Pair
from gslb.model.record import CheckRecord, ComebackRecord, OverrideRecord, RampRecord
from gslb.model.score import score
from gslb.model.steering import Steering
from gslb.model.topology import Topology


def restored_check(record: CheckRecord, clock: Clock) -> CheckState:
    """The state of a check, with its times on this process's monotonic clock."""
    saved = min(clock.to_monotonic(record.saved_utc), clock.monotonic())  # the wall clock may have jumped
    shift = saved - record.saved_at
    latency = record.latency and structs.replace(record.latency, at=record.latency.at + shift)
    state = carry_over(record.state, shift)
    worth = score(Health.UP, latency, record.report)
    return CheckState(state, state, latency, record.report, worth, record.level)


def followed(records: Iterable[OverrideRecord], publisher: str) -> Iterator[OverrideRecord]:
    """Orders, with ``publisher`` as one that came after whatever their targets were in an answer of."""
    for record in records:
        drain = record.drain
        if drain is not None and drain.watermark is not None:
            drain = replace(drain, watermark=drain.watermark.followed_by(publisher))
        yield replace(record, drain=drain)


def restored_addresses(steering: Steering, topology: Topology) -> Iterator[tuple[str, IP]]:
    """Host names of endpoints with the address that was last answered for them."""
    hosts = {endpoint.name: endpoint.probe.host for endpoint in topology.endpoints if not endpoint.publish}
    for target in (t for rule in steering.rules for group in rule.groups for t in group.targets):
        for name in target.endpoints:
            host = hosts.get(name)
            if isinstance(host, str):
                yield host, ip_address(target.value)


def restored_comebacks(records: Iterable[ComebackRecord], clock: Clock) -> dict[Pair, Comeback]:
    """How far regions have come back, with times on this process's monotonic clock."""
    found = {}
    for record in records:
        if record.state is not None:
            shift = clock.to_monotonic(record.saved_utc) - record.saved_at
            since = min(clock.monotonic(), record.state.since + shift)
            found[record.service, record.region] = replace(record.state, since=since)
    return found


def restored_climbs(records: Iterable[RampRecord], clock: Clock) -> dict[Pair, Climb]:
    """How far ramps have come, with times on this process's monotonic clock."""
    found = {}
    for record in records:
        if record.plan is not None:
            withdrawn = None if record.withdrawn_utc is None else clock.to_monotonic(record.withdrawn_utc)
            climb = Climb(record.plan, clock.to_monotonic(record.began_utc), withdrawn, record.reason)
            found[record.service, record.region] = climb
    return found
