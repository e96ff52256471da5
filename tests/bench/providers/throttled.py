"""An account that takes few requests a second, while services in all of its zones fail over and others have new TTLs.

By the arithmetic of batches a zone takes, for each lane in which something changes (urgent, cosmetic),

    W  requests that write: as many as the records of its services need, here one
    S  questions whether they are settled: one for each of those, where they are so at once
    R  requests that read them back: pages of the zone, or the names that were written where those are fewer

so Z zones take Z x 2 x (W + S + R) at most. Of what was changed once more before it was looked at, less.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gslb.config.providers import Drift
from gslb.control.writing.setup import WriterState
from gslb.model.names import ServiceName
from tests.control.loops import running
from tests.control.writing.rig import Rig, answer
from tests.e2e.clouds import Asked, Cloud
from tests.e2e.scenarios import FAST
from tests.waiting import until

ONE, TWO = "192.0.2.1", "192.0.2.2"
LANES = 2
PAGE = 100
"""Record sets that one request reads at least."""
BURST = 2
"""Requests at once that the provider takes: two that leave a second apart may come a little less than that apart."""
PATIENCE = 900.0
OK = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What happens.

    Attributes:
        zones: how many.
        services: of each zone that fail over; as many have a new TTL.
        rate: requests a second that the provider takes.
        told: it is configured; else the writers begin with the provider's documented rate.
    """

    zones: int = 20
    services: int = 10
    rate: float = 1.0
    told: bool = True

    @property
    def origins(self) -> list[str]:
        return [f"z{number}.example." for number in range(self.zones)]

    def urgent(self, origin: str) -> list[ServiceName]:
        """Those that fail over."""
        return [ServiceName(f"u{number}.{origin}") for number in range(self.services)]

    def cosmetic(self, origin: str) -> list[ServiceName]:
        """Those with a new TTL."""
        return [ServiceName(f"c{number}.{origin}") for number in range(self.services)]

    def names(self, origin: str) -> list[ServiceName]:
        return [*self.urgent(origin), *self.cosmetic(origin)]


@dataclass(frozen=True, slots=True)
class Course:
    """What came of it. Seconds count from the failover.

    Attributes:
        requests: that the provider has taken, from the change of TTLs on.
        most: of them, by the arithmetic.
        refused: beyond its rate.
        batches: requests that wrote, urgent and cosmetic.
        early: cosmetic ones before the last urgent one; they had their turn when services failed over.
        urgent: when the last zone that failed over was written.
        cosmetic: when the last new TTL was.
        confirmed: when all was looked at.
    """

    requests: int
    most: int
    refused: int
    batches: tuple[int, int]
    early: int
    urgent: float
    cosmetic: float
    confirmed: float


async def fail_over(cloud: Cloud, load: Load) -> Course:
    """Let it happen at a provider that has the zones of ``load``, and nothing else in them."""
    every = [name for origin in load.origins for name in load.names(origin)]
    before = [answer(name, ONE, TWO) for name in every]
    async with running((rig := _rig(cloud, load, FAST)).writers.run()):
        rig.publish(*before)
        await rig.until_over(*every, within=PATIENCE)
    pages = sum(math.ceil(len(cloud.held(origin)) / PAGE) for origin in load.origins)
    cloud.limit(load.rate, BURST)
    async with running((rig := _rig(cloud, load, {"rate": load.rate, "burst": 1} if load.told else {})).writers.run()):
        rig.publish(*before)
        await until(lambda: all(place.state is WriterState.CONFIRMING for place in rig.writers.places()), PATIENCE)
        first = len(cloud.asked())
        rig.publish(*(answer(name, ONE, TWO, ttl=5) for origin in load.origins for name in load.cosmetic(origin)))
        await until(lambda: rig.registry.get_sample_value("gslb_provider_waiting_requests", {"provider": "cloud"}), 30)
        began = cloud.now
        rig.publish(*(answer(name, ONE) for origin in load.origins for name in load.urgent(origin)))
        await rig.until_over(*every, within=PATIENCE)
        confirmed = cloud.now - began
    asked = cloud.asked()[first:]
    return _course(asked, began, LANES * (2 * load.zones + pages), confirmed)


def _rig(cloud: Cloud, load: Load, pace: dict[str, Any]) -> Rig:
    """Writers of all zones, with one account."""
    rig, options = Rig(), cloud.options
    quiet = {"options": options, "witness": False, "drift": Drift.OFF}
    rig.configure(*(rig.setup(load.names(origin), zone=origin, **quiet, **pace) for origin in load.origins))
    return rig


def _course(asked: Sequence[Asked], began: float, most: int, confirmed: float) -> Course:
    taken = [request for request in asked if request.status == OK]
    urgent, cosmetic = ([each.at - began for each in taken if _writes(each, letter)] for letter in "uc")
    early = sum(at < max(urgent) for at in cosmetic)
    counts = len(urgent), len(cosmetic)
    return Course(len(taken), most, len(asked) - len(taken), counts, early, max(urgent), max(cosmetic), confirmed)


def _writes(asked: Asked, letter: str) -> bool:
    """Whether a request changes services that are called so."""
    labels = (name.removeprefix("_gslb.") for name in asked.names)
    return any(label.startswith(letter) for label in labels)
