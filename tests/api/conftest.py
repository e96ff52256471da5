import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.api.rig import Api, api_of
from tests.control.rig import Endpoint, Site


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the loop that the control process runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.writer.GATHER", 0.01)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Two regions that are always up, since nothing probes them."""
    site = Site(tmp_path, Endpoint("192.0.2.1", 80), Endpoint("192.0.2.2", 80))
    site.write(lambda text: text.replace('["edge"]', "[]"))
    return site


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Api]:
    async with api_of(site) as api:
        yield api
