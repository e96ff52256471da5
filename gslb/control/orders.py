"""What people order: drains, their lifting and their expiry."""

from collections.abc import Callable, Iterable
from datetime import datetime

from gslb.control.clock import Clock
from gslb.errors import RefusedError
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Override, guard_drain
from gslb.model.record import OrderRecord, OverrideRecord
from gslb.model.topology import Endpoint, Topology

Fit = Callable[[ServiceName, Endpoint], bool]


class Orders:
    """The orders in force.

    Args:
        clock: both clocks.
        record: takes what was ordered, lifted or ran out, for the history.
        keep: takes all orders in force after each change, to restart from.
    """

    def __init__(
        self,
        clock: Clock,
        record: Callable[[OrderRecord], None],
        keep: Callable[[Iterable[OverrideRecord]], None],
    ) -> None:
        self._clock, self._record, self._keep = clock, record, keep
        self._overrides: dict[str, Override] = {}

    @property
    def in_force(self) -> tuple[Override, ...]:
        """All orders, in the order in which they were given."""
        return tuple(self._overrides.values())

    def restore(self, records: Iterable[OverrideRecord]) -> None:
        """Take over what was in force before a restart."""
        for record in records:
            expires = None if record.expires_utc is None else self._clock.to_monotonic(record.expires_utc)
            created = self._clock.to_monotonic(record.created_utc)
            self._overrides[record.target] = Override(record.target, record.author, record.reason, created, expires)

    def drain(
        self, topology: Topology, target: str, author: str, reason: str, duration: float | None, fit: Fit | None
    ) -> Override:
        """Take a region or an endpoint out of all answers.

        Args:
            topology: must hold the target.
            target: name of a region or an endpoint.
            author: who orders it.
            reason: why.
            duration: seconds until it is lifted by itself; None for never.
            fit: whether an endpoint could answer for a service; None drains even the last one.

        Raises:
            RefusedError: no such target, or it is the last one that could answer for a service.
        """
        now = self._clock.monotonic()
        expires = None if duration is None else now + duration
        order = Override(find_target(topology, target), author, reason, now, expires)
        if fit is not None:
            guard_drain(topology, self.in_force, order, now, fit)
        self._overrides[order.target] = order
        self._note("drain", order)
        return order

    def undrain(self, target: str, author: str) -> Override:
        """Lift an order.

        Raises:
            RefusedError: there is none for ``target``.
        """
        order = self._overrides.pop(target, None)
        if order is None:
            remedy = f"drained: {', '.join(self._overrides) or 'nothing'}"
            raise RefusedError("unknown", f"{target} is not drained", remedy)
        self._note("undrain", order, author)
        return order

    def expire(self) -> tuple[Override, ...]:
        """Drop the orders whose time is over; returns them."""
        now = self._clock.monotonic()
        over = tuple(order for order in self.in_force if not order.active(now))
        for order in over:
            del self._overrides[order.target]
            self._note("expired", order)
        return over

    def _note(self, action: str, order: Override, author: str | None = None) -> None:
        at_utc, expires = self._clock.to_utc(self._clock.monotonic()), self._utc(order.expires)
        record = OrderRecord(at_utc, action, order.target, author or order.author, order.reason, expires)
        self._record(record)
        self.save()

    def save(self) -> None:
        """Keep all orders in force to restart from."""
        self._keep(
            OverrideRecord(o.target, o.author, o.reason, self._clock.to_utc(o.created), self._utc(o.expires))
            for o in self.in_force
        )

    def _utc(self, moment: float | None) -> datetime | None:
        return None if moment is None else self._clock.to_utc(moment)


def find_target(topology: Topology, target: str) -> RegionName | EndpointName:
    """``target`` as the name of a region or an endpoint.

    Raises:
        RefusedError: there is none of this name.
    """
    names = list(topology.regions) + [endpoint.name for endpoint in topology.endpoints]
    if target not in names:
        raise RefusedError("unknown", f"no region or endpoint {target!r}", f"known: {', '.join(names)}")
    return RegionName(target)
