"""A request per second for two hundred services in twenty zones: the urgent first, none too many, all in time.

A zone takes, by the arithmetic of batches,

    one request for each lane in which something changes, as ten services fit into one,
    one to read it back, since ten services are more names than a zone of their size has pages,
    and questions whether it is settled: after 0.5 s, and then each after a pause that is half as long again, up to 5 s.

At the start there are two more, which find and read it, and a third one for the names of its servers.
"""

import asyncio
from collections import Counter

from gslb.config.providers import Drift
from gslb.model.names import ServiceName
from providers.base import Lane
from tests.control.loops import running
from tests.control.writing.held import Cloud, Seen
from tests.control.writing.rig import ONE, TWO, Rig, answer

ZONES = [f"z{number}.example." for number in range(20)]
SERVICES = {zone: [ServiceName(f"s{number}.{zone}") for number in range(10)] for zone in ZONES}
EVERY = [service for services in SERVICES.values() for service in services]
SETTLES = 30.0


def now() -> float:
    return asyncio.get_running_loop().time()


def zones_of(requests: list[Seen]) -> Counter[str]:
    return Counter(seen.zone for seen in requests)


async def begun() -> Rig:
    rig = Rig(Cloud({zone: {} for zone in ZONES}, settles=SETTLES))
    rig.configure(*(rig.setup(SERVICES[zone], zone=zone, rate=1.0, burst=1, drift=Drift.OFF) for zone in ZONES))
    return rig


async def test_a_failover_of_everything() -> None:
    rig = await begun()
    cloud = rig.cloud
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE, TWO) for service in EVERY))
        await rig.until_over(*EVERY)
        polls = len(cloud.asked("settled"))
        assert zones_of(cloud.asked("zone")) == dict.fromkeys(ZONES, 1)
        assert zones_of(cloud.asked("nameservers")) == dict.fromkeys(ZONES, 1)
        assert zones_of(cloud.asked("apply")) == dict.fromkeys(ZONES, 1)
        assert zones_of(cloud.asked("read")) == dict.fromkeys(ZONES, 2)
        assert len(cloud.requests) == 20 * (1 + 1 + 1 + 2) + polls
        await asyncio.sleep(100)
        before, began = len(cloud.requests), now()

        # Ten zones change their TTLs, and wait for their turns when the other ten fail over, and two of theirs besides.
        cosmetic, urgent = ZONES[:10], ZONES[10:]
        rig.publish(*(answer(service, ONE, TWO, ttl=5) for zone in cosmetic for service in SERVICES[zone]))
        await asyncio.sleep(1.5)
        rig.publish(
            *(answer(service, ONE) for zone in urgent for service in SERVICES[zone]),
            *(answer(SERVICES[zone][0], ONE, ttl=5) for zone in cosmetic[:2]),
        )
        await rig.until_over(*EVERY, within=600)
        after = cloud.requests[before:]
        writes = [seen for seen in after if seen.operation == "apply"]
        lanes = Counter(seen.lane for seen in writes)
        # One may have had its turn when the failover came.
        assert lanes[Lane.URGENT] == 12
        assert lanes[Lane.COSMETIC] == 10
        early = [seen for seen in writes if seen.lane is Lane.COSMETIC and seen.at < began + 1.5]
        assert len(early) <= 1
        assert [seen.lane for seen in writes[len(early) :][:12]] == [Lane.URGENT] * 12
        assert max(seen.at for seen in writes if seen.lane is Lane.URGENT) <= began + 1.5 + 12 + 1
        for zone in urgent:
            assert {seen.services for seen in writes if seen.zone == zone} == {tuple(SERVICES[zone])}

        polled = zones_of([seen for seen in after if seen.operation == "settled"])
        assert max(polled.values()) <= 24  # two changes, each of which 30 s are asked for: at most twelve times
        reads = zones_of([seen for seen in after if seen.operation == "read"])
        assert sum(reads.values()) <= 22
        assert len(after) == len(writes) + sum(polled.values()) + sum(reads.values())
        assert now() - began <= len(after) + SETTLES + 10  # a request a second, and nobody waits for nothing


async def test_nobody_starves_while_one_zone_fails_over_without_end() -> None:
    rig = await begun()
    restless, quiet = ZONES[0], ZONES[1:]
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE, TWO) for service in EVERY))
        await rig.until_over(*EVERY)
        began = now()
        rig.publish(*(answer(service, ONE, TWO, ttl=5) for zone in quiet for service in SERVICES[zone]))
        for number in range(600):
            rig.publish(answer(SERVICES[restless][number % 10], f"192.0.2.{number % 250}"))
            await asyncio.sleep(0.5)
        written = {seen.zone: seen.at for seen in rig.cloud.asked("apply") if seen.lane is Lane.COSMETIC}
        assert written.keys() == set(quiet)
        # After a minute they are overdue, and of four turns one is theirs, or one of those that follow a change.
        assert max(written.values()) - began <= 60 + 2 * 4 * len(quiet)
        urgent = [seen.at for seen in rig.cloud.asked("apply") if seen.lane is Lane.URGENT and seen.at >= began]
        assert len(urgent) >= 150  # of 300 s
