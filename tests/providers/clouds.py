"""Providers with an SDK that blocks, each with a fake of its API, for what they have in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gslb.model.zone_plan import Change
from providers.base import HostedZone, Provider
from providers.clouddns import CloudDns
from providers.route53 import Route53
from tests.fakes.clouddns import Delay, FakeCloudDns
from tests.fakes.route53 import UNLIMITED, FakeRoute53, faults
from tests.providers.clouddns.support import ORIGIN, ZONE, adding, address
from tests.providers.route53.support import hosted

LONG = 60.0
ADDED = address()
ADDING: list[Change] = adding(ADDED)


@dataclass(frozen=True, slots=True)
class Cloud:
    """A provider whose API has one zone.

    Attributes:
        name: of its package and its threads.
        provider: its table, with which requests may take long.
        made: Python that makes the provider.
        zone: which it has.
        reads, writes: actions that read record sets, and change them.
        slow: has requests of an action wait for so many seconds, before they are processed, or with True after that.
        count: how many requests of an action there were.
    """

    name: str
    provider: Provider
    made: str
    zone: HostedZone
    reads: str
    writes: str
    slow: Callable[[str, float, bool], object]
    count: Callable[[str], int]


@contextmanager
def route53() -> Iterator[Cloud]:
    with FakeRoute53(quota=UNLIMITED) as fake:

        def slow(action: str, seconds: float, after: bool) -> object:  # noqa: FBT001
            return fake.faults.always(faults.slow(after=seconds) if after else faults.slow(before=seconds), action)

        yield Cloud(
            "route53",
            Route53.model_validate({"endpoint": fake.url, "read_timeout": "60s"}),
            f"Route53(endpoint={fake.url!r}, read_timeout='60s')",
            hosted(fake),
            "ListResourceRecordSets",
            "ChangeResourceRecordSets",
            slow,
            fake.count,
        )


@contextmanager
def clouddns() -> Iterator[Cloud]:
    with FakeCloudDns() as fake:

        def slow(action: str, seconds: float, after: bool) -> object:  # noqa: FBT001
            return fake.faults.add(action, Delay(seconds, after), times=None)

        fake.create(ZONE, ORIGIN)
        yield Cloud(
            "clouddns",
            CloudDns(project=fake.project, endpoint=fake.url, anonymous=True),
            f"CloudDns(project={fake.project!r}, endpoint={fake.url!r}, anonymous=True)",
            HostedZone(ORIGIN, ZONE),
            "resourceRecordSets.list",
            "changes.create",
            slow,
            fake.count,
        )


CLOUDS = {"route53": route53, "clouddns": clouddns}
