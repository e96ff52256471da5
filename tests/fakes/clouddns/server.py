"""The fake itself: an HTTP server in a thread of its own, and what tests do to it and ask of it."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from aiohttp import web

from gslb.model.geodesy import Coordinates
from gslb.model.location import Client
from tests.fakes.clouddns import change, oracle
from tests.fakes.clouddns.api import Api
from tests.fakes.clouddns.change import Change
from tests.fakes.clouddns.errors import Json
from tests.fakes.clouddns.faults import Faults
from tests.fakes.clouddns.front import Front, Hook, Logged
from tests.fakes.clouddns.quota import Quota, Rate
from tests.fakes.clouddns.records import RecordSet
from tests.fakes.clouddns.regions import REGIONS
from tests.fakes.clouddns.store import Store
from tests.fakes.clouddns.tokens import Tokens
from tests.fakes.clouddns.zone import Zone

HOST = "127.0.0.1"


class FakeCloudDns:
    """Cloud DNS v1 on a free port of loopback, while the context lasts.

    Its methods may be called from any thread, also from hooks and faults. Seconds are those of ``clock``.

    Attributes:
        url: what clients take as ``api_endpoint``.
        faults: what is to go wrong.
        tokens: bearer tokens; ``tokens.required`` has them checked.
        rates: token buckets that requests are taken from.
        log: all requests, in the order in which they came.
        clock: seconds.
    """

    def __init__(
        self,
        *projects: str,
        port: int = 0,
        quota: Quota | None = None,
        propagation: float | Mapping[str, float] = 0.0,
        unknown: Coordinates = REGIONS["us-central1"].coordinates,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """A fake that has these projects, or one named ``p``.

        Args:
            projects: their ids.
            port: 0: any that is free.
            quota: of each project.
            propagation: until all servers, or each of them by name, have a change; ``math.inf``: until ``settle``.
            unknown: where clients are of whom it is not known.
            clock: seconds, for propagation, rates and the log.
            tls: serve HTTPS with this.
        """
        self.clock = clock
        self._store = Store(clock, quota or Quota(), {project: {} for project in projects or ("p",)}, propagation)
        self._lock = threading.RLock()
        self._front = Front(Api(self._store), self._lock)
        self._unknown = unknown
        self._port, self._tls = port, tls
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="fake-clouddns", daemon=True)
        self._listening = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{HOST}:{self._port}"

    @property
    def token_uri(self) -> str:
        return f"{self.url}/token"

    @property
    def project(self) -> str:
        """The first of the projects."""
        return next(iter(self._store.projects))

    @property
    def faults(self) -> Faults:
        return self._front.faults

    @property
    def tokens(self) -> Tokens:
        return self._front.tokens

    @property
    def rates(self) -> list[Rate]:
        return self._front.rates

    @property
    def log(self) -> list[Logged]:
        return self._front.log

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()
        self._thread.join()

    async def _run(self) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._front.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._port, ssl_context=self._tls, reuse_address=True).start()
            self._port = runner.addresses[0][1]
            self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
            self._listening.set()
            await stopped.wait()
        except OSError as error:  # told where the context is entered
            self._failure = error
            self._listening.set()
        finally:
            await runner.cleanup()

    def count(self, action: str = "*") -> int:
        """How many requests came whose action matches a pattern."""
        return sum(fnmatchcase(logged.action, action) for logged in self.log)

    def on(self, hook: Hook | None) -> None:
        """Call this before, during and after each request, in a thread; False before it has its connection closed."""
        self._front.hook = hook

    def service_account(self, project: str | None = None) -> Json:
        """The key file of a new service account that gets its tokens here."""
        return self.tokens.service_account(project or self.project, self.token_uri)

    def create(self, name: str, dns_name: str, *, public: bool = True, project: str | None = None) -> Zone:
        """A new managed zone."""
        with self._lock:
            return self._store.create(project or self.project, name, dns_name, public=public)

    def zone(self, name: str, project: str | None = None) -> Zone:
        with self._lock:
            return self._store.zone(project or self.project, name)

    def apply(self, zone: str, document: Json, project: str | None = None) -> Change:
        """Make a change as somebody else would, by the same rules; the document is that of ``changes.create``."""
        with self._lock:
            held = self.zone(zone, project)
            return self._store.apply(held, change.read(document, held.origin))

    def records(self, zone: str, project: str | None = None) -> dict[tuple[str, str], RecordSet]:
        """What a zone holds now, by name and type."""
        with self._lock:
            return dict(self.zone(zone, project).held)

    def history(self, zone: str, project: str | None = None) -> list[dict[tuple[str, str], RecordSet]]:
        """What a zone held after each change, oldest first; the first one made its apex."""
        with self._lock:
            held = self.zone(zone, project)
            versions = range(len(held.changes))
            found = [{key: held.record(key, version) for key in held.history} for version in versions]
        return [{key: record for key, record in each.items() if record is not None} for each in found]

    def fill(self, zone: str, count: int, project: str | None = None) -> None:
        """Add this many records of other people, ``foreign-0`` and so on: one in ten a text, the others addresses."""
        with self._lock:
            held = self.zone(zone, project)
            held.add((_foreign(number, held.origin.name) for number in range(count)), self._store.clock())

    def propagate(self, propagation: float | Mapping[str, float]) -> None:
        """Let changes from now on take this long."""
        with self._lock:
            self._store.delays = propagation

    def settle(self) -> None:
        """Let all servers have all changes now."""
        with self._lock:
            for zones in self._store.projects.values():
                for zone in zones.values():
                    zone.settle(self._store.clock())

    def answers(
        self,
        name: str,
        kind: str,
        client: Client | None = None,
        *,
        at: float | None = None,
        server: str | None = None,
        zone: str | None = None,
    ) -> oracle.Odds:
        """How often each value is in an answer that a client is given, as a share of all answers.

        Args:
            name: asked for, absolute.
            kind: record type.
            client: who asks; None, or one without coordinates: one of whom nothing is known.
            at: moment; None: now.
            server: the nameserver that is asked, which may not have the last changes yet; None: as the API has it.
            zone: name of the one managed zone that is asked; None: all of them.
        """
        place = self._unknown if client is None else client.location.coordinates or self._unknown
        with self._lock:
            if at is None and server is not None:
                at = self._store.clock()
            zones = [each for project in self._store.projects.values() for each in project.values()]
            asked = [each for each in zones if zone in {None, each.name} and (server is None or server in each.servers)]
            view = oracle.View([(each, each.version(at, server)) for each in asked])
            return oracle.answers(view, name.lower(), kind, place)


def _foreign(number: int, origin: str) -> RecordSet:
    name = f"foreign-{number}.{origin}"
    if number % 10 == 9:
        return RecordSet(name, "TXT", 300, (f'"of somebody else, {number}"',))
    return RecordSet(name, "A", 300, (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",))
