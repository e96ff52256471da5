"""The daemon at providers with which something is wrong, or that are slow, or come and go; and its own death."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from gslb.model.names import ServiceName
from tests.e2e.ailments import ORIGIN, Ailment, ward
from tests.e2e.clouds import CREDENTIALS, Aws, Cloud, Gcp, aws, gcp
from tests.e2e.daemon import SERVICE, throughout
from tests.e2e.load import queries
from tests.e2e.published import ANKARA, ISTANBUL, Published, patiently, publishing
from tests.e2e.scenarios import answers_of

QUERIES = 100
"""a second"""
LASTING = 150.0
"""Seconds within which what takes somebody to do something is tried again, after a failure or two."""
OTHER = "example.org."
OTHER_ZONE = """
[zones."example.org"]
providers = ["aws", "gcp"]

[services."www.example.org"]
regions = ["istanbul", "ankara"]
probes = ["edge"]
"""


@dataclass
class Hospital:
    """A daemon, providers that are well, and those that are not."""

    published: Published
    well: tuple[Cloud, ...]
    ill: list[Ailment]

    def is_told(self, ailment: Ailment) -> bool:
        """Whether status and log say what is wrong and what to do."""
        place = self.published.places()[ailment.name]
        if place["state"] not in {"failing", "blocked"}:
            return False
        lines = self.published.daemon.log.read_text().splitlines()
        own = [line for line in lines if f'"provider": "{ailment.name}"' in line]
        logged = any(_says(ailment, line.replace('\\"', '"')) for line in own)
        return logged and _says(ailment, f"{place['error']} {place['remedy']}")

    def answer_with(self, *addresses: str) -> None:
        """Wait until our own nameserver and the providers that are well answer with these, and no others."""
        self.published.answers_with(*addresses)
        for cloud in self.well:
            until_answered(cloud, *addresses)

    def until_told(self) -> None:
        for ailment in self.ill:
            patiently(lambda: self.is_told(ailment), 60)  # noqa: B023  called here


def _says(ailment: Ailment, text: str) -> bool:
    return ailment.error in text and ailment.remedy in text


def until_answered(cloud: Cloud, *addresses: str, service: str = SERVICE) -> None:
    patiently(lambda: set(cloud.odds(f"{service}.", "A")) == set(addresses))


@contextmanager
def hospital(folder: Path) -> Iterator[Hospital]:
    with ExitStack() as stack:
        sick = stack.enter_context(ward(folder))
        well = stack.enter_context(aws(ORIGIN)), stack.enter_context(gcp(ORIGIN))
        tables = {f"well-{cloud.name}": {"type": cloud.name, **cloud.table} for cloud in well}
        tables |= {each.name: {"type": each.type, **each.table} for each in sick.ailments}
        published = stack.enter_context(publishing(folder, tables, CREDENTIALS | sick.environment))
        yield Hospital(published, well, sick.ailments)


def test_what_is_wrong_is_told_with_its_remedy_and_holds_up_nobody_else(short_path: Path) -> None:
    with hospital(short_path) as house:
        published = house.published
        house.answer_with(ISTANBUL, ANKARA)
        with queries(published.daemon.dns, QUERIES, 1) as load:
            house.until_told()
            shown = " ".join(published.gslb("status").stdout.split())
            assert all(each.name in shown and each.remedy in shown for each in house.ill)
            published.istanbul.close()
            house.answer_with(ANKARA)
            assert not any(each.addresses() for each in house.ill)
            for ailment in house.ill:
                ailment.cure()
            published.istanbul.open()
            house.answer_with(ISTANBUL, ANKARA)
            published.ankara.close()  # what is urgent is tried at once
            house.answer_with(ISTANBUL)
            for ailment in house.ill:
                patiently(lambda: ailment.addresses() == {ISTANBUL})  # noqa: B023  called here
            patiently(lambda: {place["state"] for place in published.places().values()} == {"current"}, 30)
        assert load.lost() == []


@pytest.mark.acceptance
def test_what_is_put_right_is_published_without_anything_being_decided(short_path: Path) -> None:
    with hospital(short_path) as house:
        house.answer_with(ISTANBUL, ANKARA)
        house.until_told()
        for ailment in house.ill:
            ailment.cure()
        for ailment in house.ill:
            patiently(lambda: ailment.addresses() == {ISTANBUL, ANKARA}, LASTING)  # noqa: B023  called here
        places = house.published.places
        patiently(lambda: {place["state"] for place in places().values()} == {"current"}, 30)


@dataclass
class Office:
    """A daemon, and the two providers at which it publishes besides."""

    published: Published
    aws: Aws
    gcp: Gcp

    @property
    def clouds(self) -> tuple[Cloud, Cloud]:
        return self.aws, self.gcp

    def answer_with(self, *addresses: str) -> None:
        self.published.answers_with(*addresses)
        for cloud in self.clouds:
            until_answered(cloud, *addresses)

    @property
    def is_current(self) -> bool:
        return {place["state"] for place in self.published.places().values()} == {"current"}


@pytest.fixture
def office(short_path: Path) -> Iterator[Office]:
    with aws(ORIGIN, OTHER) as amazon, gcp(ORIGIN, OTHER) as google:
        tables = {
            "aws": {"type": amazon.name, **amazon.table},
            "gcp": {"type": google.name, **google.table},
        }
        with publishing(short_path, tables, CREDENTIALS) as published:
            office = Office(published, amazon, google)
            office.answer_with(ISTANBUL, ANKARA)
            patiently(lambda: office.is_current)
            yield office


def test_exposure_ends_when_both_have_said_that_all_their_servers_have_it(office: Office) -> None:
    published = office.published
    office.aws.fake.settings.propagation = inf
    office.gcp.fake.propagate(inf)
    published.istanbul.close()
    office.answer_with(ANKARA)
    patiently(lambda: any(each["provider"] == "embedded" for each in failover(published)))
    office.aws.fake.settings.propagation = 0.0
    patiently(lambda: any(each["provider"] == "aws/example.com" for each in failover(published)))
    throughout(3.0, lambda: not published.history("exposure"))  # the TTL, and the ledger's allowance
    office.gcp.fake.settle()
    patiently(lambda: published.history("exposure"))
    (confirmed,) = (each for each in failover(published) if each["provider"] == "gcp/example.com")
    (ended,) = published.history("exposure")
    assert ended["endpoint"].startswith("istanbul/")
    assert ended["at"] > confirmed["at"]


def failover(published: Published) -> list[dict[str, str]]:
    """Where the newest decision is confirmed."""
    newest = published.history("decision")[-1]["generation"]
    return [each for each in published.history("publication") if each["generation"] == newest]


def test_a_reload_adds_a_zone_and_leaves_one_that_is_configured_no_more_as_it_is(office: Office) -> None:
    published, text = office.published, office.published.daemon.config.read_text()
    with queries(published.daemon.dns, QUERIES, 1) as load:
        published.reload(text + OTHER_ZONE)
        for cloud in office.clouds:
            until_answered(cloud, ISTANBUL, ANKARA, service="www.example.org")
        patiently(lambda: office.is_current)
        published.reload(text)
        left = [cloud.held(OTHER) for cloud in office.clouds]
        published.istanbul.close()
        office.answer_with(ANKARA)
        patiently(lambda: office.is_current)
        assert [cloud.held(OTHER) for cloud in office.clouds] == left
    assert load.lost() == []


def test_a_controller_that_was_killed_writes_only_under_which_lease_it_goes_on(office: Office) -> None:
    published = office.published
    before = [(len(cloud.asked()), len(cloud.states(ORIGIN))) for cloud in office.clouds]
    with queries(published.daemon.dns, QUERIES, 1) as load:
        former = published.daemon.control
        os.kill(former, signal.SIGKILL)
        patiently(lambda: published.daemon.pid("control") not in {None, former})
        for cloud, (asked, _) in zip(office.clouds, before, strict=True):
            patiently(lambda: any(each.writes for each in cloud.asked()[asked:]))  # noqa: B023  called here
        published.istanbul.close()
        office.answer_with(ANKARA)
    assert load.lost() == []
    for cloud, (asked, states) in zip(office.clouds, before, strict=True):
        lease, decision = (request for request in cloud.asked()[asked:] if request.writes)
        assert lease.names == {f"_gslb.{SERVICE}."}
        assert decision.names == {f"_gslb.{SERVICE}.", f"{SERVICE}."}
        held = [answers_of(state, ServiceName(f"{SERVICE}.")) for state in cloud.states(ORIGIN)[states - 1 :]]
        assert [one == other for one, other in pairwise(held)] == [True, False]
