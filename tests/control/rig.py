"""A controller with real parts around it: configuration, state database, journal, endpoints that listen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gslb.config.load import load
from gslb.control.clock import Clock
from gslb.control.controller import Controller
from gslb.control.guard import Consent
from gslb.control.ordering import Request
from gslb.model.distribution import distribution
from gslb.model.override import Kind, Override
from gslb.model.record import HistoryRecord
from gslb.model.steering import RecordType
from gslb.store.journal import Journal
from gslb.store.store import open_store
from gslb.telemetry.metrics import Metrics
from providers.embedded import Embedded
from tests.control.bench import API
from tests.control.loops import running
from tests.waiting import until

ISTANBUL, ANKARA = "127.0.1.1", "127.0.2.1"

TOML = """
[node]
name  = "istanbul-1"
state = "sqlite:///gslb.db"

[zones."example.com"]
nameservers = {{ "ns1.example.com." = ["127.0.0.1"] }}

[regions.istanbul]
endpoints = ["{istanbul}"]

[regions.ankara]
endpoints = ["{ankara}"]

[probes.edge]
type     = "tcp"
interval = "30ms"
timeout  = "30ms"
confirm  = "5ms"

[services."api.example.com"]
regions = ["istanbul", "ankara"]
probes  = ["edge"]
hold    = "60s"
"""


class Endpoint:
    """Takes connections on a port of its own, until it is killed."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.host, self.port = host, port
        self._server: asyncio.Server | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def start(self) -> "Endpoint":
        self._server = await asyncio.start_server(self._take, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def kill(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    @staticmethod
    async def _take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()


class Lab:
    """A folder with a configuration, and the endpoints that it names."""

    def __init__(self, folder: Path, istanbul: Endpoint, ankara: Endpoint) -> None:
        self.file = folder / "gslb.toml"
        self.istanbul, self.ankara = istanbul, ankara
        self.write()

    def write(self, edit: Callable[[str], str] = lambda text: text, more: str = "") -> None:
        """The configuration, after ``edit`` and with ``more`` at its end."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(edit(TOML.format(istanbul=self.istanbul, ankara=self.ankara)) + more)
        fresh.replace(self.file)  # a controller that reads it just now sees the one or the other

    @asynccontextmanager
    async def controller(
        self, *nameservers: Path, clock: Clock | None = None, run: bool = True
    ) -> AsyncIterator[Controller]:
        """A controller that starts from the state in the folder and, if it is to ``run``, decides."""
        configuration, metrics = load(self.file, {}), Metrics()
        configuration.run_folder.mkdir(mode=0o700, exist_ok=True)
        async with AsyncExitStack() as stack:
            store = open_store(configuration.database, metrics.registry)
            stack.callback(store.close)
            journal = Journal(configuration.run_folder / "journal", metrics.registry)
            stack.callback(journal.close)
            embedded = Embedded(nameservers, configuration.zones)
            controller = Controller(configuration, store, journal, embedded, metrics, clock or Clock())
            controller.restore(store.load_state())
            if run:
                await stack.enter_async_context(running(controller.run()))
            yield controller


@asynccontextmanager
async def two_regions(folder: Path) -> AsyncIterator[Lab]:
    """Both endpoints listen."""
    istanbul, ankara = await Endpoint(ISTANBUL).start(), await Endpoint(ANKARA).start()
    try:
        yield Lab(folder, istanbul, ankara)
    finally:
        await istanbul.kill()
        await ankara.kill()


def answers(controller: Controller) -> set[str]:
    """Addresses that api.example.com is decided to answer with; none before the first decision."""
    decision = controller.engine.decisions.get(API)
    return set(distribution(decision.steering, RecordType.A)) if decision else set()


def drain(
    controller: Controller, target: str = "istanbul", duration: float | None = None, *, force: bool = False
) -> Override:
    """Take ``target`` out of the answers at once."""
    consent = Consent(force=force)
    order = Request(Kind.DRAIN, target, "ayse", "kernel update", duration, at_once=True, consent=consent)
    return controller.order(order)


async def decided(controller: Controller) -> None:
    """Wait for the first decision of api.example.com."""
    await until(lambda: API in controller.engine.decisions)


async def history(controller: Controller) -> tuple[HistoryRecord, ...]:
    return await controller.store.history(controller.started_utc.replace(year=2020))
