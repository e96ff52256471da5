"""What people order: what is in force, its lifting and its expiry."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from gslb.control.clock import Clock
from gslb.errors import RefusedError
from gslb.model.override import Key, Kind, Override
from gslb.model.record import OrderRecord, OverrideRecord

MOST = 1_000
"""Orders in force at most."""


class Orders:
    """The orders in force, in the order in which they were given.

    Args:
        clock: both clocks.
        record: takes what was ordered, lifted or ran out, for the history.
        keep: takes all orders in force after each change, to restart from.
    """

    def __init__(
        self,
        clock: Clock,
        record: Callable[[OrderRecord], None],
        keep: Callable[[Iterable[OverrideRecord]], object],
    ) -> None:
        self._clock, self._record, self._keep = clock, record, keep
        self._orders: dict[Key, Override] = {}
        self.in_force: tuple[Override, ...] = ()
        """All orders, the newest last."""

    def restore(self, records: Iterable[OverrideRecord]) -> None:
        """Take over what was in force before a restart."""
        for record in records:
            order = self._restored(record)
            self._orders[order.key] = order
        self.in_force = tuple(self._orders.values())

    def _restored(self, record: OverrideRecord) -> Override:
        clock, now = self._clock, self._clock.monotonic()
        drain = record.drain
        if drain is not None:
            shift = clock.to_monotonic(record.saved_utc) - record.saved_at
            drain = replace(drain, since=min(now, drain.since + shift))
        return Override(
            kind=record.kind,
            target=record.target,
            author=record.author,
            reason=record.reason,
            created=min(now, clock.to_monotonic(record.created_utc)),  # the wall clock may have been set back
            expires=None if record.expires_utc is None else clock.to_monotonic(record.expires_utc),
            value=record.value,
            service=record.service,
            drain=drain,
        )

    def put(self, order: Override, forced: tuple[str, ...] = ()) -> None:
        """Put an order into force, in place of one that is about the same; ``forced`` past these rules.

        Raises:
            RefusedError: there are too many.
        """
        if order.key not in self._orders and len(self._orders) >= MOST:
            raise RefusedError("too-many", f"{MOST} orders are in force", "lift those that are over: gslb orders")
        self._orders.pop(order.key, None)  # the newest is the last
        self._orders[order.key] = order
        self._note(order.kind.value, order, forced=forced, at=order.created)  # before what is decided by it
        self._changed()

    def find(self, key: Key) -> Override | None:
        """The order in force that is about this."""
        return self._orders.get(key)

    def progress(self, drains: Iterable[Override]) -> None:
        """These drains have come a step further."""
        for after in drains:
            assert after.drain is not None  # noqa: S101  only drains make progress
            self._orders[after.key] = after
            self._note(after.drain.phase.value, after, at=after.drain.since)
        self._changed()

    def lift(self, target: str, author: str, kinds: Iterable[Kind], service: str | None = None) -> tuple[Override, ...]:
        """Lift the orders of these kinds that were given for exactly this target; returns them.

        Raises:
            RefusedError: there is none.
        """
        wanted = tuple(kinds)
        found = tuple(
            order
            for order in self.in_force
            if (order.target, order.service) == (target, service) and order.kind in wanted
        )
        if not found:
            orders = [order for order in self.in_force if order.kind in wanted]
            known = ", ".join(f"{o.target} (--service {o.service})" if o.service else o.target for o in orders)
            what = " or ".join(kind.value for kind in wanted)
            raise RefusedError("unknown", f"no order ({what}) for {target} is in force", f"in force: {known or 'none'}")
        self.drop(found, "lifted", author)
        return found

    def drop(self, orders: Iterable[Override], action: str, author: str | None = None) -> None:
        """These orders are over; ``action`` says how."""
        for order in orders:
            del self._orders[order.key]
            self._note(action, order, author, at=order.expires if action == "expired" else None)
        self._changed()

    def expire(self) -> tuple[Override, ...]:
        """Drop the orders whose time is over; returns them."""
        now = self._clock.monotonic()
        over = tuple(order for order in self.in_force if not order.active(now))
        if over:
            self.drop(over, "expired")
        return over

    def _note(
        self,
        action: str,
        order: Override,
        author: str | None = None,
        forced: tuple[str, ...] = (),
        at: float | None = None,
    ) -> None:
        self._record(
            OrderRecord(
                at_utc=self._clock.to_utc(self._clock.monotonic() if at is None else at),
                action=action,
                target=order.target,
                author=author or order.author,
                reason=order.reason,
                expires_utc=self._utc(order.expires),
                value=order.value,
                service=order.service,
                forced=forced,
            )
        )

    def _changed(self) -> None:
        self.in_force = tuple(self._orders.values())
        self.save()

    def save(self) -> None:
        """Keep all orders in force to restart from."""
        now, utc = self._clock.monotonic(), self._clock.utc()
        self._keep([self._stored(order, now, utc) for order in self.in_force])

    def _stored(self, order: Override, now: float, utc: datetime) -> OverrideRecord:
        return OverrideRecord(
            kind=order.kind,
            target=order.target,
            author=order.author,
            reason=order.reason,
            created_utc=self._clock.to_utc(order.created),
            expires_utc=self._utc(order.expires),
            value=order.value,
            service=order.service,
            drain=order.drain,
            saved_utc=utc,
            saved_at=now,
        )

    def _utc(self, moment: float | None) -> datetime | None:
        return None if moment is None else self._clock.to_utc(moment)
