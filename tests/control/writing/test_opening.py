"""On a real loop: accounts are opened in threads, and real nameservers are asked."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from gslb.control.writing.witness import DnsWitness
from gslb.model.address import IP, Address
from providers.base import Account, Throttle
from tests.control.loops import running
from tests.control.writing.authorities import Authority, serving
from tests.control.writing.held import Cloud, Held
from tests.control.writing.rig import ONE, TWO, Rig, S, answer
from tests.waiting import until

HERE, THERE = "127.0.0.31", "127.0.0.32"


class Served(Mapping[tuple[str, str], tuple[str, ...]]):
    """What a cloud holds, as an authority answers it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def _held(self) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for record in self._cloud.held():
            key = record.name, record.type
            found[key] = (*found.get(key, ()), *record.values)
        return found

    def __getitem__(self, key: tuple[str, str]) -> tuple[str, ...]:
        return self._held()[key]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._held())

    def __len__(self) -> int:
        return len(self._held())


async def address(name: str) -> IP | None:
    return ip_address(HERE if name.startswith("ns1") else THERE)


async def test_what_is_published_is_confirmed_once_real_servers_answer_so() -> None:
    cloud = Cloud()
    behind = Authority(dict(Served(cloud)))
    async with serving({HERE: Authority(Served(cloud)), THERE: behind}) as port:
        rig = Rig(cloud, servers=DnsWitness(address))
        rig.configure(
            rig.setup(S[:2], nameservers=(Address("ns1.example.net", port), Address("ns2.example.net", port)))
        )
        async with running(rig.writers.run()):
            rig.publish(answer(S[0], ONE, TWO), answer(S[1], ONE))
            await until(lambda: rig.place().unconfirmed == 2 and behind.questions)
            assert rig.over(*S[:2]) == [0, 0]
            behind.zone = Served(cloud)
            await until(lambda: rig.over(*S[:2]) == [1, 1])
            assert [record.services for record in rig.told.records] == [tuple(S[:2])]


async def test_a_search_for_credentials_that_hangs_holds_nothing_up() -> None:
    gone, released = threading.Event(), threading.Event()

    class Hanging(Held):
        def open(self, throttle: Throttle) -> Account:
            gone.set()
            released.wait(30)
            return super().open(throttle)

    cloud, other = Cloud(), Cloud()
    rig = Rig(other)
    rig.configure(
        rig.setup(S[:1], options=Hanging(cloud), provider="stuck"), rig.setup(S[1:2], provider="other", witness=False)
    )
    async with running(rig.writers.run()) as task:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await until(lambda: rig.over(S[1]) == [1] and gone.is_set())
        began = time.monotonic()
        task.cancel()
        await asyncio.wait({task})
        assert time.monotonic() - began < 1
    released.set()
    await until(lambda: cloud.closed == 1)  # nobody waited for it, but it is not left open either
    assert not cloud.requests
