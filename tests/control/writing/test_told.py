"""What writers tell is written down, once, beside what the log says of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from structlog.testing import capture_logs

from gslb.control.chronicle import Chronicle
from gslb.control.publishing import Publishing
from gslb.model.record import HistoryRecord, ProviderRecord, PublicationRecord
from gslb.telemetry.metrics import Metrics
from providers.base import AuthFailedError, RejectedError
from providers.embedded import Embedded
from tests.control.loops import running
from tests.control.office import Book
from tests.control.writing.held import Cloud
from tests.control.writing.meddling import failing, of
from tests.control.writing.rig import BEGAN, ONE, TWO, LoopClock, Rig, S, answer, until

if TYPE_CHECKING:
    from gslb.store.journal import Journal
    from gslb.store.store import Store


@dataclass
class Press:
    """All that publishes, with a provider in memory, and what is written down of it."""

    publishing: Publishing
    rig: Rig
    book: Book

    def publish(self, *values: str) -> None:
        """Publish these values, for one service each."""
        self.publishing.publisher.next_generation()
        steerings = {name: answer(name, value) for name, value in zip(S, values, strict=False)}
        self.publishing.publish(steerings, (), asyncio.get_running_loop().time())

    def told(self, kind: type[HistoryRecord] = ProviderRecord) -> list[HistoryRecord]:
        return [record for record in self.book.history if isinstance(record, kind)]


@asynccontextmanager
async def at_press(cloud: Cloud) -> AsyncIterator[Press]:
    rig, book, metrics, clock = Rig(cloud), Book(), Metrics(), LoopClock()
    chronicle = Chronicle(clock, cast("Store", book), cast("Journal", book), metrics)
    nobody = Embedded((), ())
    publishing = Publishing(clock, nobody, lambda: 1, chronicle, metrics.registry, lambda _: None, lambda _: None)
    publishing.writers.configure([rig.setup(S[:2], witness=False, drift_interval=60.0)])
    async with running(publishing.run()):
        yield Press(publishing, rig, book)


async def test_a_trouble_of_the_zone_is_written_down_with_its_end_and_logged_once() -> None:
    cloud = Cloud(meddle=failing(AuthFailedError("access\n  denied", "grant it"), of("zone")))
    async with at_press(cloud) as press:
        with capture_logs() as logs:
            press.publish(ONE, ONE)
            await until(press.told)
            cloud.meddle = Cloud().meddle
            await until(lambda: press.told(PublicationRecord), within=400)
        began, ended = press.told()
        assert isinstance(began, ProviderRecord)
        assert began == ProviderRecord(
            BEGAN + timedelta(seconds=0), "cloud", "example.com.", (), "access denied", drift=False, over=False
        )
        assert isinstance(ended, ProviderRecord)
        assert (ended.services, ended.text, ended.over) == ((), "requests are answered again", True)
        assert ended.at_utc > began.at_utc + timedelta(seconds=15)
        (publication,) = press.told(PublicationRecord)
        assert isinstance(publication, PublicationRecord)
        assert publication.provider == began.place
        warnings = [line["event"] for line in logs if line["log_level"] == "warning"]
        assert warnings.count("request failed") == 1
        assert [line["event"] for line in logs].count("requests are answered again") == 1
        assert not any("denied" in str(line["event"]) for line in logs)


async def test_a_trouble_of_a_service_is_written_down_with_its_end_and_logged_once() -> None:
    cloud = Cloud(meddle=failing(RejectedError("quota"), lambda seen: S[0] in seen.services))
    async with at_press(cloud) as press:
        with capture_logs() as logs:
            press.publish(ONE, ONE)
            await until(press.told)
            cloud.meddle = Cloud().meddle
            await until(lambda: len(press.told()) == 2, within=400)
        found = [(record.services, record.text, record.over) for record in press.told()]  # type: ignore[union-attr]
        assert found == [
            ((S[0],), "s0.example.com: refused: quota", False),
            ((S[0],), "s0.example.com: published again", True),
        ]
        for text in (text for _, text, _ in found):
            assert [line["event"] for line in logs].count(text) == 1


async def test_drift_is_written_down_with_whom_it_concerns_and_is_over_with_nobody() -> None:
    cloud = Cloud()
    async with at_press(cloud) as press:
        press.publish(ONE, ONE)
        await until(lambda: press.told(PublicationRecord))
        cloud.meddle_with([record for record in cloud.held() if record.type == "A" and record.name in S[:2]])
        with capture_logs() as logs:
            await until(press.told)
            press.publish(TWO, TWO)
            await until(lambda: len(press.told()) == 2)
        began, ended = press.told()
        assert isinstance(began, ProviderRecord)
        assert isinstance(ended, ProviderRecord)
        assert (began.services, began.drift, began.over) == (tuple(S[:2]), True, False)
        assert began.text == "changed by somebody else: s0.example.com, s1.example.com"
        assert (ended.services, ended.drift, ended.over) == ((), True, True)
        assert [line["event"] for line in logs if "drift" in line["event"]] == ["drift", "no drift any more"]
