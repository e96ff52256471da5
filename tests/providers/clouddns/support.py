"""Accounts at a fake Cloud DNS."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet
from gslb.model.zone_plan import Change, batches, plan_zone
from providers.base import Account, HostedZone, Lane, Throttle
from providers.clouddns import CloudDns
from tests.fakes.clouddns import FakeCloudDns

ORIGIN, ZONE = "example.com.", "example-com"
HOSTED = HostedZone(ORIGIN, ZONE)
API = ServiceName("api.example.com.")


class Turnstile:
    """Lets everybody through at once, and counts."""

    def __init__(self) -> None:
        self.taken: list[Lane] = []
        self.outcomes: list[str] = []

    async def take(self, lane: Lane) -> None:
        self.taken.append(lane)

    def throttled(self) -> None:
        self.outcomes.append("throttled")

    def succeeded(self) -> None:
        self.outcomes.append("succeeded")


def options(fake: FakeCloudDns, **others: Any) -> CloudDns:
    table = {"project": fake.project, "endpoint": fake.url, "anonymous": True} | others
    return CloudDns.model_validate({name: value for name, value in table.items() if value is not None})


@asynccontextmanager
async def opened(provider: CloudDns, throttle: Throttle | None = None) -> AsyncIterator[Account]:
    account = provider.open(throttle or Turnstile())
    try:
        yield account
    finally:
        await account.close()


def address(name: str = API, *values: str, ttl: int = 30) -> RecordSet:
    return RecordSet(name, "A", values or ("192.0.2.1",), ttl)


def adding(*records: RecordSet) -> list[Change]:
    return [Change(API, (), records)]


def removing(*records: RecordSet) -> list[Change]:
    return [Change(API, records, ())]


async def publish(
    account: Account, desired: dict[ServiceName, Sequence[RecordSet]], fence: int = 1, zone: HostedZone = HOSTED
) -> int:
    """Write what is desired; how many requests it took."""
    plan = plan_zone(zone.origin, await account.read(zone, Lane.ROUTINE), desired, "us", fence)
    assert plan.conflicts == ()
    requests = list(batches(plan.changes, 1000, 100_000))
    for changes in requests:
        await account.apply(zone, changes, 10.0, Lane.ROUTINE)
    return len(requests)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that answers everything so; where it is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


def http(body: str, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
