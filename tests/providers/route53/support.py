"""Accounts at a fake Route 53, and changes of a zone from beginning to end."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet
from gslb.model.zone_plan import Change, batches, plan_zone
from providers.base import Account, HostedZone, Lane
from providers.route53 import Route53
from tests.fakes.route53 import FakeRoute53

ORIGIN = "example.com."
SERVICE = ServiceName("api.example.com.")
DEADLINE = 10.0


def known(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Have the SDK find credentials in the environment; the file that others may be written to."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return folder / "credentials"


class Turns:
    """A throttle that lets everything through, and counts."""

    def __init__(self) -> None:
        self.taken: list[Lane] = []
        self.refused = self.welcome = 0

    async def take(self, lane: Lane) -> None:
        self.taken.append(lane)

    def throttled(self) -> None:
        self.refused += 1

    def succeeded(self) -> None:
        self.welcome += 1


@asynccontextmanager
async def account(fake: FakeRoute53, turns: Turns | None = None, **options: Any) -> AsyncIterator[Account]:
    opened = Route53(endpoint=fake.url, **options).open(turns or Turns())
    try:
        yield opened
    finally:
        await opened.close()


def hosted(fake: FakeRoute53, origin: str = ORIGIN, *, private: bool = False) -> HostedZone:
    """A new zone."""
    return HostedZone(origin, fake.zone(origin, private=private), private)


async def publish(
    at: Account, zone: HostedZone, desired: Mapping[ServiceName, Sequence[RecordSet]], fence: int = 1
) -> tuple[Change, ...]:
    """Make a zone hold what is desired, and nothing else of ours; what was written for that."""
    limits = Route53().capabilities
    plan = plan_zone(zone.origin, await at.read(zone, Lane.ROUTINE), desired, "us", fence)
    assert plan.conflicts == ()
    for batch in batches(plan.changes, limits.batch_size, limits.batch_characters):
        await at.apply(zone, batch, DEADLINE, Lane.ROUTINE)
    return plan.changes


def change(*, removed: Sequence[RecordSet] = (), added: Sequence[RecordSet] = ()) -> Change:
    return Change(SERVICE, tuple(removed), tuple(added))


def answer(label: str = "api", *values: str, kind: str = "A", ttl: int = 30) -> RecordSet:
    return RecordSet(f"{label}.{ORIGIN}", kind, values or ("192.0.2.1",), ttl)
