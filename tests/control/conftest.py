import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.control.rig import Site, two_regions
from tests.nameserver.support import Server
from tests.nameserver.support import running as nameserver_running


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The monitor is timed by the loop, so it is tried on both; the rest runs on the one that it runs on for real."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    return loops | {"asyncio": asyncio.new_event_loop} if item.path.name == "test_monitor.py" else loops


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.writer.GATHER", 0.01)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with two_regions(tmp_path) as site:
        yield site


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One nameserver process that waits for its first snapshot."""
    with nameserver_running(tmp_path_factory.mktemp("nameserver"), snapshot=None) as server:
        yield server
