from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.control.rig import Lab, two_regions


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.writer.GATHER", 0.01)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with two_regions(tmp_path) as lab:
        yield lab
