"""The demo as its README offers it, under clients behind a resolver that caches: what is planned costs no request."""

import json
import math
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo import ANKARA, DNS_PORT, GATEWAY_PORT, GSLB, ISTANBUL, SERVICE, Demo, dig, running_demo
from tests.e2e.patient import Crowd, crowd
from tests.e2e.resolver import program, resolving
from tests.waiting import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


@pytest.fixture
def demo(short_path: Path) -> Iterator[Demo]:
    program()  # or skip
    with running_demo(GSLB, short_path) as started:
        eventually(lambda: dig(SERVICE))
        yield started


@pytest.fixture
def clients(demo: Demo, tmp_path: Path) -> Iterator[Crowd]:
    """200 requests a second together."""
    with resolving(tmp_path, DNS_PORT) as resolver, crowd(resolver.port, GATEWAY_PORT) as made:
        eventually(lambda: {request.address for request in made.requests} == {ISTANBUL, ANKARA}, within=60)
        yield made


def moments(demo: Demo, kind: str, since: float) -> list[tuple[float, dict[str, Any]]]:
    """When records of a kind were made since then, by the wall clock."""
    records = json.loads(demo.run("history", "--json").stdout)
    found = [(datetime.fromisoformat(record["at"]).timestamp(), record) for record in records if record["kind"] == kind]
    return sorted(((at, record) for at, record in found if at >= since), key=lambda pair: pair[0])


def test_a_drain_loses_no_request_and_is_over_when_exposure_is(demo: Demo, clients: Crowd) -> None:
    ordered, wall = time.time(), time.time() - time.monotonic()
    done = demo.run("drain", "istanbul", "--reason", "update", "--wait")
    assert done.returncode == 0, done.stderr
    (drained,) = (at for at, record in moments(demo, "order", ordered) if record["action"] == "drained")
    exposures = moments(demo, "exposure", ordered)
    ended = max(at for at, record in exposures if record["endpoint"].startswith("istanbul/"))
    last = max(r.sent for r in clients.between(ordered - wall, math.inf) if r.address == ISTANBUL) + wall
    print(
        f"\nfrom the order: last request {last - ordered:.2f} s, exposure ended {ended - ordered:.2f} s, "
        f"drained {drained - ordered:.2f} s; {len(clients.failed)} of {len(clients.requests)} requests failed"
    )
    assert last <= ended <= drained <= ended + 2.0
    assert clients.failed == []


def test_a_rolling_restart_of_both_gateways_loses_no_request(demo: Demo, clients: Crowd) -> None:
    for region, address in (("istanbul", ISTANBUL), ("ankara", ANKARA)):
        assert demo.run("demo", "restart", region).returncode == 0
        eventually(partial(lambda to: to in dig(SERVICE) + dig(SERVICE) + dig(SERVICE), address), within=60)
    print(f"\n{len(clients.failed)} of {len(clients.requests)} requests failed")
    assert clients.failed == []
