"""The API of Cloud DNS, without blocking the event loop: each request is made in a thread, when its turn has come."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gslb.model.recordset import RecordSet
from gslb.model.zone_plan import Change
from providers.attempt import LateError
from providers.base import HostedZone, Lane, Receipt, Throttle, UnavailableError
from providers.clouddns import calls, wire
from providers.clouddns.calls import SILENT, Call
from providers.clouddns.client import Client
from providers.threads import THREADS, Threads, asked
from providers.zones import named, only

if TYPE_CHECKING:
    from providers.clouddns import CloudDns

READ_LIMIT = 20.0
"""Longest to wait for an answer where nothing is written, in seconds."""
FEW = 10
"""Names that are asked for one by one: a zone has 10,000 record sets by default, which are 10 pages."""

Json = Mapping[str, Any]


class CloudDnsAccount:
    """One project; see ``providers.base.Account``.

    Args:
        options: of the provider.
        throttle: for requests, of all lanes together.

    Raises:
        AuthFailedError: the file of the credentials cannot be used.
        RejectedError: nobody says which project.
    """

    def __init__(self, options: "CloudDns", throttle: Throttle) -> None:
        self._options, self._throttle = options, throttle
        self._client = Client(options, THREADS * len(Lane))
        if options.credentials is not None or options.anonymous:
            self._client.connect()  # Google's own chain may ask the network, which takes a thread
        self._threads = Threads("clouddns")
        self._spelled: dict[str, dict[RecordSet, Json]] = {}
        """by zone: record sets that are listed in other words than they would be written in, with those words"""

    async def zones(self, lane: Lane) -> tuple[HostedZone, ...]:
        """All managed zones of the project, public and private."""
        return await self._zones("", lane)

    async def zone(self, origin: str, lane: Lane) -> HostedZone:
        """The managed zone for ``origin``: the one that ``zones`` names, or the only one that is private, or is not."""
        options = self._options
        if origin in options.zones:
            zone = await self._call(calls.get_zone(options.zones[origin]), lane)
            return named(origin, _hosted(zone), private=options.private)
        remedy = f'gcloud dns managed-zones create NAME --dns-name="{origin}"'
        return only(origin, await self._zones(origin, lane), remedy, private=options.private)

    async def _zones(self, origin: str, lane: Lane) -> tuple[HostedZone, ...]:
        pages = self._pages(partial(calls.list_zones, origin), "managedZones", lane)
        return tuple([_hosted(zone) async for zone in pages])

    async def read(self, zone: HostedZone, lane: Lane, names: Collection[str] | None = None) -> tuple[RecordSet, ...]:
        """All record sets of ``zone``, or those of ``names``."""
        wanted = [""] if names is None or len(names) > FEW else sorted(names)
        documents = [
            document
            for name in wanted
            async for document in self._pages(partial(calls.list_records, zone.id, name), "rrsets", lane)
        ]
        try:
            found = dict(map(wire.read_with_words, documents))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnavailableError(f"record sets in a form that is not known: {error!r}") from error
        spelled = {record: words for record, words in found.items() if words is not None}
        before = {} if names is None else self._spelled.get(zone.id, {})
        self._spelled[zone.id] = {record: words for record, words in before.items() if record not in found} | spelled
        return tuple(record for record in found if names is None or record.name in names)

    async def apply(self, zone: HostedZone, changes: Sequence[Change], deadline: float, lane: Lane) -> Receipt:
        """Write ``changes`` as one change, which is made as a whole or not at all."""
        spelled = self._spelled.get(zone.id, {})
        answer = await self._call(calls.create_change(zone.id, changes, spelled), lane, deadline)
        for record in (record for change in changes for record in change.added):
            spelled.pop(record, None)  # it is in our words now
        return Receipt(zone, str(answer.get("id", "")))

    async def settled(self, receipt: Receipt, lane: Lane) -> bool:
        """Whether the change is done: all servers are told, though some may not answer by it yet."""
        answer = await self._call(calls.get_change(receipt.zone.id, receipt.id), lane)
        return answer.get("status") == "done"

    async def nameservers(self, zone: HostedZone, lane: Lane) -> tuple[str, ...]:
        """Names of the servers of a public zone."""
        if zone.private:
            return ()
        answer = await self._call(calls.get_zone(zone.id), lane)
        return tuple(str(name).lower() for name in answer.get("nameServers", ()))

    async def close(self) -> None:
        """Give up what is under way."""
        self._threads.close()
        self._client.close()

    async def _pages(self, page: Callable[[str], Call], member: str, lane: Lane) -> AsyncIterator[Json]:
        """The ``member`` of each page: ``page`` makes the request for the one of a token."""
        token = ""
        while True:
            answer = await self._call(page(token), lane)
            for document in answer.get(member, ()):
                yield document
            token = answer.get("nextPageToken", "")
            if not token:
                return

    async def _call(self, call: Call, lane: Lane, limit: float | None = None) -> Json:
        work = partial(self._client.request, call)
        try:
            return await asked(self._throttle, self._threads, lane, READ_LIMIT if limit is None else limit, work)
        except LateError as error:
            raise error.told(call.action, SILENT, writes=call.writes) from None


def _hosted(document: Json) -> HostedZone:
    return HostedZone(document["dnsName"].lower(), document["name"], document.get("visibility") == "private")
