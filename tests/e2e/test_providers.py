"""The daemon at providers that something is wrong with, that are slow, that come and go; and its own death."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.ailments import ORIGIN, Ailment, ward
from tests.e2e.clouds import CREDENTIALS, Cloud, aws, gcp
from tests.e2e.load import queries
from tests.e2e.daemon import SERVICE
from tests.e2e.published import ANKARA, ISTANBUL, Published, patiently, publishing

QUERIES = 100
"""a second"""
BY_ITSELF = 200.0
"""Seconds within which a provider is tried again, after what takes somebody to do something, one or two failures on."""


@dataclass
class Hospital:
    """A daemon, providers that are well, and those that are not."""

    published: Published
    well: tuple[Cloud, ...]
    ill: list[Ailment]

    def is_told(self, ailment: Ailment) -> bool:
        """Whether the status says what is wrong and what to do."""
        place = self.published.places()[ailment.name]
        return place["state"] == "failing" and ailment.error in place["error"] and ailment.remedy in place["remedy"]

    def logged(self, ailment: Ailment) -> bool:
        """Whether the log has said so."""
        told = [line for line in self.published.logged("request failed") if line["provider"] == ailment.name]
        return any(ailment.error in line["reason"] and ailment.remedy in line["remedy"] for line in told)

    def answer_with(self, *addresses: str) -> None:
        """Wait until our own nameserver and the providers that are well answer with these, and no others."""
        self.published.answers_with(*addresses)
        for cloud in self.well:
            patiently(lambda cloud=cloud: set(cloud.odds(f"{SERVICE}.", "A")) == set(addresses))


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
    with hospital(short_path) as house, queries(house.published.daemon.dns, QUERIES, 1) as load:
        house.answer_with(ISTANBUL, ANKARA)
        import time
        time.sleep(25)
        for p in house.published.places().values(): print(p['provider'], p['state'], p['error'], "|", p['remedy'], p["retry"])
        for ailment in house.ill:
            print(ailment.name, house.is_told(ailment) , house.logged(ailment))
    assert load.lost() == []
