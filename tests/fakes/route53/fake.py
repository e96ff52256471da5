"""The fake as tests use it: a server with an event loop and a thread of its own, and what it holds at hand."""

import asyncio
import itertools
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self

from aiohttp import web

from gslb.model.location import Client
from tests.fakes.route53.answers import Odds, View, odds
from tests.fakes.route53.faults import Faults
from tests.fakes.route53.journal import Entry, Hook
from tests.fakes.route53.names import canonical, within
from tests.fakes.route53.quota import Buckets, Quota
from tests.fakes.route53.records import RecordSet
from tests.fakes.route53.service import Service
from tests.fakes.route53.signature import Access
from tests.fakes.route53.store import Settings, Store
from tests.fakes.route53.zone import Zone

HOST = "127.0.0.1"


class FakeRoute53:
    """An account of Route 53 on loopback, from the start of the ``with`` block to its end.

    Args:
        port: to listen on; 0: a free one.
        quota: requests that are welcome, for each action.
        settings: how the account behaves.
        access: who may do what.
        clock: seconds since 1970, for quotas and propagation. Signatures are judged by the time of day.
        tls: serve HTTPS with this.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        quota: Quota | None = None,
        settings: Settings | None = None,
        access: Access | None = None,
        clock: Callable[[], float] = time.time,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.settings = settings or Settings()
        self.access = access or Access()
        self.store = Store(self.settings, clock)
        self._service = Service(self.store, buckets=Buckets(quota or Quota()), access=self.access)
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fake-route53", daemon=True)
        self._references = itertools.count(1)

    @property
    def url(self) -> str:
        """Endpoint, for ``endpoint_url`` or AWS_ENDPOINT_URL_ROUTE_53."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._service.faults

    @property
    def hooks(self) -> list[Hook]:
        """What is called at each phase of each request."""
        return self._service.hooks

    @property
    def quota(self) -> Quota:
        """Requests that are welcome; may be set while it runs."""
        return self._service.buckets.quota

    @quota.setter
    def quota(self, quota: Quota) -> None:
        self._service.buckets = Buckets(quota)

    def log(self, action: str | None = None, zone: str | None = None) -> list[Entry]:
        """All requests, oldest first; of one action and one zone if they are named."""
        return self._service.journal.of(action, zone)

    def count(self, action: str | None = None, zone: str | None = None) -> int:
        """How many requests there were."""
        return len(self.log(action, zone))

    def zone(self, name: str, *, private: bool = False) -> str:
        """Make a zone past HTTP; its id."""
        vpcs = (("us-east-1", "vpc-1a2b3c4d"),) if private else ()
        with self.store.lock:
            return self.store.create_zone(name, f"made-{next(self._references)}", "", vpcs, private=private).id

    def fill(self, zone: str, count: int, label: str = "foreign") -> list[RecordSet]:
        """Put records into a zone that belong to somebody else: ``foreign-0.example.com.`` and so on."""
        with self.store.lock:
            name = self.store.zone(zone).name
            made = [
                RecordSet(
                    f"{label}-{number}.{name}", "A", ttl=300, values=(f"198.51.{number // 250 % 250}.{number % 250}",)
                )
                for number in range(count)
            ]
            self.store.put(self.store.zone(zone), made)
            return made

    def put(self, zone: str, *record_sets: RecordSet) -> None:
        """Write record sets past all rules."""
        with self.store.lock:
            self.store.put(self.store.zone(zone), record_sets)

    def remove(self, zone: str, *record_sets: RecordSet) -> None:
        """Remove record sets past all rules; those that are not there are no matter."""
        with self.store.lock:
            self.store.put(self.store.zone(zone), without=record_sets)

    def record_sets(self, zone: str, at: float | None = None) -> list[RecordSet]:
        """What a zone holds, in Route 53's order; ``at`` some moment by the fake's clock, or now."""
        with self.store.lock:
            nodes = self.store.nodes(self.store.zone(zone), None, at)
            every = (record_set for node in nodes.values() for record_set in node.values())
            return sorted(every, key=lambda record_set: record_set.place)

    def history(self, zone: str) -> list[list[RecordSet]]:
        """What a zone held when it was made, and after each commit, in no order."""
        with self.store.lock:
            held = self.store.zone(zone)
            states = [dict(held.nodes)]
            for commit in reversed(held.commits):
                states.append({**states[-1], **commit.before})
        return [[each for node in nodes.values() for each in node.values()] for nodes in reversed(states)]

    def commits(self, zone: str) -> list[float]:
        """When the zone was changed, by the fake's clock, oldest first."""
        with self.store.lock:
            return [commit.at for commit in self.store.zone(zone).commits]

    def answers(
        self,
        name: str,
        kind: str = "A",
        client: Client | None = None,
        *,
        zone: str | None = None,
        server: int | None = None,
        at: float | None = None,
        latency: Mapping[str, float] | None = None,
    ) -> Odds:
        """How often each value is in what a client is answered; empty if there is no answer.

        Args:
            name: asked for.
            kind: record type.
            client: who asks; None: somebody of whom nothing is known.
            zone: id; None: of the public zone that the name is in.
            server: name server, counted from 0, which may be behind; None: what was committed.
            at: when, by the fake's clock; None: now.
            latency: milliseconds from the client to each region; None: by distance.
        """
        with self.store.lock:
            found = self.store.zone(zone) if zone else self._zone_of(name)
            if found is None:
                return {}
            nodes = self.store.nodes(found, server, at)
            return odds(View(found.id, found.name, nodes, self.store.collections, client, latency), name, kind)

    def _zone_of(self, name: str) -> Zone | None:
        full = canonical(name)
        around = [zone for zone in self.store.zones.values() if not zone.private and within(full, zone.name)]
        return max(around, key=lambda zone: len(zone.name), default=None)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError("the fake does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(self._give_up())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _give_up(self) -> None:
        """Requests that were to wait longer than the fake is there."""
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _serve(self) -> None:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._service.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.port, ssl_context=self._tls, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        self._listening.set()
        try:
            await self._stopped.wait()
        finally:
            await runner.cleanup()
