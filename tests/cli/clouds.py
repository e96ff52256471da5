"""Zones at a fake of each cloud, configurations that publish there, commands that look at them, and writers."""

import asyncio
import io
import itertools
import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

import pytest
from prometheus_client import CollectorRegistry

from gslb.cli.decided import decided
from gslb.cli.main import main
from gslb.cli.plan_report import record_view
from gslb.config.load import load
from gslb.control.clock import Clock
from gslb.control.outlets import writer_setups
from gslb.control.visiting import visiting
from gslb.control.writing.fleet import Writers
from gslb.control.writing.setup import WriterSetup
from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, read_marker
from gslb.model.steering import Steering
from gslb.store.store import open_store
from tests.config.files import REMOVED, Table, design, to_toml
from tests.control.loops import running
from tests.control.writing.rig import Told
from tests.fakes.clouddns import FakeCloudDns
from tests.fakes.route53 import FakeRoute53
from tests.fakes.route53 import RecordSet as Route53RecordSet
from tests.nameserver.support import service
from tests.store import samples
from tests.waiting import until

View = dict[str, Any]

ISTANBUL, ANKARA = "127.0.1.1", "127.0.2.1"
BOTH = {"regions": {"istanbul": 10, "ankara": 90}}
"""What makes of ``api`` another service."""


class Cloud(Protocol):
    """A fake, in which there may be many zones."""

    type: str
    url: str

    def create(self, origin: str) -> None:
        """Make a zone."""

    def put(self, origin: str, label: str, value: str, kind: str = "A") -> None:
        """Somebody else makes a record set, with a TTL of 300 s."""

    def fill(self, origin: str, count: int) -> None:
        """Somebody else makes many."""

    @property
    def options(self) -> Table:
        """Of its type, in its table."""

    @property
    def writes(self) -> list[str]:
        """Requests that would change something."""


class Aws:
    """Route 53."""

    type = "route53"

    def __init__(self, fake: FakeRoute53) -> None:
        self.fake, self.url, self._ids = fake, fake.url, dict[str, str]()

    def create(self, origin: str) -> None:
        self._ids[origin] = self.fake.zone(origin)

    def put(self, origin: str, label: str, value: str, kind: str = "A") -> None:
        self.fake.put(self._ids[origin], Route53RecordSet(f"{label}.{origin}.", kind, ttl=300, values=(value,)))

    def fill(self, origin: str, count: int) -> None:
        self.fake.fill(self._ids[origin], count)

    @property
    def options(self) -> Table:
        return {"endpoint": self.url}

    @property
    def writes(self) -> list[str]:
        return [it.action for it in self.fake.log() if not it.action.startswith(("List", "Get"))]


class Google:
    """Cloud DNS."""

    type = "clouddns"

    def __init__(self, fake: FakeCloudDns) -> None:
        self.fake, self.url = fake, fake.url

    def create(self, origin: str) -> None:
        self.fake.create(origin.replace(".", "-"), f"{origin}.")

    def put(self, origin: str, label: str, value: str, kind: str = "A") -> None:
        added = {"name": f"{label}.{origin}.", "type": kind, "ttl": 300, "rrdatas": [value]}
        self.fake.apply(origin.replace(".", "-"), {"additions": [added]})

    def fill(self, origin: str, count: int) -> None:
        self.fake.fill(origin.replace(".", "-"), count)

    @property
    def options(self) -> Table:
        return {"endpoint": self.url, "anonymous": True, "project": self.fake.project}

    @property
    def writes(self) -> list[str]:
        return [it.action for it in self.fake.log if it.action.endswith((".create", ".patch", ".delete", ".update"))]


@contextmanager
def silence() -> Iterator[tuple[str, Callable[[], object]]]:
    """Where requests are taken, and never answered; and whether one has come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", lambda: select.select([server], [], [], 0)[0]


_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


def gslb(*arguments: str | Path, answer: str = "") -> Ended:
    """Run a command in this process; ``answer`` is what is typed."""
    out, err, words = io.StringIO(), io.StringIO(), ["gslb", *map(str, arguments)]
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "argv", words),
        patch.object(sys, "stdin", io.StringIO(answer)),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@dataclass
class Site:
    """A zone at a cloud, and a configuration that publishes there.

    Attributes:
        cloud: where.
        file: the configuration.
        origin: of the zone; no other test has it.
        table: what its provider's table has beside type and options.
    """

    cloud: Cloud
    file: Path
    origin: str = field(default_factory=lambda: f"t{next(_numbers)}.example.com")
    table: Table = field(default_factory=lambda: {"witness": False, "rate": 1000.0, "burst": 1000})

    def __post_init__(self) -> None:
        self.cloud.create(self.origin)
        self.write()

    @property
    def api(self) -> str:
        """The service that there is, unless a configuration says otherwise."""
        return f"api.{self.origin}"

    def write(self, changes: Table | None = None, **services: Table) -> None:
        """Write the configuration: these services by label, ``api`` by default, or else with ``changes``."""
        each = services or {"api": {}}
        usual = {"regions": ["istanbul", "ankara"], "probes": ["edge"], "ttl": {"steady": "30s", "alert": "10s"}}
        base: Table = {
            "providers": {"cloud": {"type": self.cloud.type, **self.cloud.options, **self.table}},
            "zones": {self.origin: {"providers": ["cloud"]}},
            "regions/istanbul/areas": REMOVED,
            "regions/ankara/areas": REMOVED,
            "services": {f"{label}.{self.origin}": usual | more for label, more in each.items()},
        }
        self.file.write_text(to_toml(design(base | (changes or {}))))

    def decide(self, *steerings: Steering) -> None:
        """A daemon that does not run any more has decided so."""
        store = open_store(self.file.with_suffix(".db"), CollectorRegistry())
        for number, steering in enumerate(steerings):
            decision = samples.decision(number, 1)
            store.record(replace(decision, service=steering.name, after=steering))
        store.close()

    def plan(self, *options: str) -> Ended:
        ended = gslb("plan", self.file, *options)
        assert all(len(line) <= 80 for line in ended.out.splitlines()) or options, ended.out
        return ended

    def planned(self, *options: str) -> tuple[int, View]:
        """Exit code, and the plan."""
        ended = self.plan("--json", *options)
        assert ended.err == ""
        view: View = json.loads(ended.out)
        return ended.code, view

    def setups(self) -> list[WriterSetup]:
        return writer_setups(load(self.file), int(time.time()))

    def steerings(self) -> Mapping[ServiceName, Steering]:
        """What is to be answered, as a plan sees it."""
        return decided(load(self.file), None).steerings

    def held(self) -> list[RecordSet]:
        """All that the zone holds."""

        async def read() -> list[RecordSet]:
            (setup,) = self.setups()
            async with visiting(setup) as visit:
                return list((await visit.read(setup))[1])

        return asyncio.run(read())

    def views(self) -> list[View]:
        """What the zone holds as plans tell of it: no markers, nor the SOA, whose serial the provider counts."""
        return [record_view(it) for it in self.held() if read_marker(it) is None and it.type != "SOA"]

    def published(self) -> None:
        """Have real writers write what is to be answered, as far as they can."""
        asyncio.run(write_all(self.setups(), self.steerings()))


async def write_all(setups: list[WriterSetup], steerings: Mapping[ServiceName, Steering]) -> None:
    """Have writers do what they can."""
    writers = Writers(Clock(), Told(), CollectorRegistry())
    writers.configure(setups)

    def done() -> bool:
        read = all(writer.site.image is not None for writer in writers._writers.values())
        return read and all(place.pending == len(place.blocked) for place in writers.places())

    async with running(writers.run()):
        writers.publish(1, steerings, time.monotonic())
        await until(done)


def answer(site: Site, *weights: tuple[int, str], label: str = "api") -> Steering:
    """Addresses by weight."""
    return service(f"{label}.{site.origin}.", *((weight, [address]) for weight, address in weights))


def actions(plan: View) -> dict[str, str]:
    """What is done, by first label."""
    changes = (change for zone in plan["zones"] for change in zone["changes"])
    return {change["service"].partition(".")[0]: change["action"] for change in changes}
