"""Snapshots are exchanged under full load: nothing is lost, no answer is of two, and none is older than one before."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from gslb.model.steering import Steering
from gslb.nameserver.snapshot import Record, Snapshot
from tests.bench.dns.load import build, read_account
from tests.bench.dns.mixes import Query, write_queries
from tests.nameserver.generations import ALIAS, NAME
from tests.nameserver.links import linked
from tests.nameserver.support import SERVICES, ZONES, running, service
from tests.waiting import until

SWAPS = 1000
PACE = 0.01
"""seconds between two of them: enough for each to be in force before the next comes"""

SECONDS = 30.0
"""that the load goes on for: longer than all of them take"""


def snapshot(generation: int) -> Snapshot:
    zone, *others = ZONES
    alias = Record(ALIAS, 300, "CNAME", NAME)
    zones = (type(zone)(zone.origin, (*zone.records, alias)), *others)
    return Snapshot(generation, zones, (*SERVICES, moving(generation)), "p")


def moving(generation: int) -> Steering:
    high, low = divmod(generation, 256)
    addresses = [f"10.{network}.{high}.{low}" for network in range(4)]
    return service(NAME, (60, addresses[:2]), (40, addresses[2:]), answers=2)


@asynccontextmanager
async def loading(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """As much as the server can do, for names that do not change."""
    program = build(folder)
    names = [Query("www.example.com", addresses=("192.0.2.80", "192.0.2.81"))]
    names += [Query("dual.deep.example.com", addresses=("203.0.113.6",))]
    names += [Query("ns1.example.com", addresses=("192.0.2.53",)), Query("nowhere.example.com", rcode="NXDOMAIN")]
    write_queries(folder / "queries", names)
    words = (str(program), "closed", str(port), str(SECONDS), "1", str(folder / "queries"))
    load = await asyncio.create_subprocess_exec(*words, stdout=-1, stderr=-1)
    try:
        yield load
    finally:
        if load.returncode is None:
            load.kill()
        await load.wait()


@pytest.mark.acceptance
@pytest.mark.parametrize("extra", [(), ("--plain",)], ids=["batches", "plain"])
async def test_a_thousand_swaps_under_full_load(tmp_path: Path, extra: tuple[str, ...]) -> None:
    with running(tmp_path, *extra, snapshot=snapshot(1)) as server:
        words = (sys.executable, "-m", "tests.nameserver.generations", *map(str, (server.port, SWAPS + 1, SECONDS)))
        asker = await asyncio.create_subprocess_exec(*words, stdout=-1)
        async with loading(tmp_path, server.port) as load, linked(server.socket, "p") as link:
            await asyncio.sleep(1.0)
            random = Random(1)
            for generation in range(2, SWAPS + 2):
                link.publish(snapshot(generation))
                await asyncio.sleep(PACE * random.uniform(0.5, 1.5))
            await until(lambda: link.acked == SWAPS + 1)
            account, errors = await load.communicate()
            told = json.loads((await asker.communicate())[0])
    loaded = read_account(account.decode())
    print(f"\n{' '.join(extra) or 'batches'}: {told}; load {loaded.answered} answered, p99 {loaded.p99} us")
    assert (loaded.lost, loaded.bad) == (0, 0), errors.decode()
    assert told["sent"] == told["answered"] > 10_000
    assert (told["mixed"], told["older"], told["lost"]) == (0, 0, 0)
    assert told["newest"] == SWAPS + 1
    assert told["seen"] > SWAPS / 4
