from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.rig import Api, api_of
from tests.control.rig import Endpoint, Lab


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.writer.GATHER", 0.01)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Two regions that are always up, since nothing probes them."""
    lab = Lab(tmp_path, Endpoint("192.0.2.1", 80), Endpoint("192.0.2.2", 80))
    lab.write(lambda text: text.replace('["edge"]', "[]"))
    return lab


@pytest.fixture
async def api(lab: Lab) -> AsyncIterator[Api]:
    async with api_of(lab) as api:
        yield api
