"""What a zone holds of services, as it was read, and changed by what was written since."""

from collections.abc import Collection, Iterable, Iterator

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, by_key, markers, read_marker
from gslb.model.zone_plan import Change, by_service


class Image:
    """A zone, of which only what concerns services is kept.

    Args:
        read: all record sets.
        services: names that are published there; besides, those count that are marked as ``owner``'s.
        owner: this installation.
    """

    def __init__(self, read: Iterable[RecordSet], services: Collection[ServiceName], owner: str) -> None:
        held = by_key(read)
        marked = markers(held.values())
        self.owner, self.size = owner, len(held)
        self._ours = {service for service, (marker, _) in marked.items() if marker.owner == owner}
        every = self._ours.union(services)
        self._held = by_service(held, every)
        for service in every & marked.keys():
            self._held[service] = (*self._held[service], marked[service][1])

    @property
    def ours(self) -> frozenset[ServiceName]:
        """Services that are marked as ours."""
        return frozenset(self._ours)

    def knows(self, service: ServiceName) -> bool:
        """Whether it is known what there is of a service."""
        return service in self._held

    def of(self, service: ServiceName) -> tuple[RecordSet, ...]:
        """All that there is of a service, the marker among it."""
        return self._held.get(service, ())

    def records(self, services: Iterable[ServiceName]) -> Iterator[RecordSet]:
        """All that there is of ``services``."""
        for service in services:
            yield from self.of(service)

    def apply(self, changes: Iterable[Change]) -> None:
        """These were written."""
        for change in changes:
            self.size += len(change.added) - len(change.removed)
            self._held[change.service] = change.after
            marker = next((found for record in change.after if (found := read_marker(record))), None)
            (self._ours.add if marker is not None and marker.owner == self.owner else self._ours.discard)(
                change.service
            )
