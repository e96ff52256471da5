"""Killed before, during and after each HTTP request of a change, a writer leaves what the next one makes good.

In the end all is as decided and nothing is there twice; at no commit was a record of somebody else touched, or a
service without any answer that had one before; and whoever comes next finds nothing to write. See ``tests.e2e.deaths``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clouds import CREDENTIALS, Moment
from tests.e2e.deaths import Death, play, play_all, zygotes
from tests.e2e.scenarios import SCENARIOS

CASES = [(kind, name) for name, scenario in SCENARIOS.items() for kind in scenario.types]
LATE = 5
"""requests of the next writer, before each of which a late one does its work"""


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with zygotes(tmp_path_factory.mktemp("zygote")) as path:
        yield path


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("kind", "name"), CASES)
@pytest.mark.acceptance
async def test_at_any_request(kind: str, name: str, zygote: Path, tmp_path: Path) -> None:
    requests = await play(kind, name, zygote, tmp_path, None)
    assert len(requests) >= 5
    deaths = [Death(number, moment) for number in range(len(requests)) for moment in Moment]
    writes = range(sum(request.writes for request in requests))
    deaths += [Death(number, writing=True, late=late) for number in writes for late in range(LATE)]
    print(f"\n{kind}, {name}: {len(requests)} requests, {len(deaths)} deaths")
    assert not await play_all(kind, name, zygote, tmp_path, deaths)


@pytest.mark.parametrize("kind", ["route53", "clouddns"])
@pytest.mark.parametrize("name", ["creation", "failover"])
async def test_at_the_request_that_writes(kind: str, name: str, zygote: Path, tmp_path: Path) -> None:
    deaths = [Death(0, moment, writing=True) for moment in Moment]
    deaths += [Death(0, writing=True, late=late) for late in (0, 2)]
    assert not await play_all(kind, name, zygote, tmp_path, deaths)
