"""A canary that fails is withdrawn, across a restart, until somebody lets it begin again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gslb.api.views import status_view
from gslb.control.controller import Controller
from gslb.model.names import RegionName
from tests.api.rig import Api, api_of
from tests.control.bench import API
from tests.control.rig import Lab, answers, two_regions
from tests.waiting import until

POLICY = 'policy = ["weighted", { type = "canary", region = "ankara", steps = ["25%"] }]\nhold = "0s"\n'
ORDER = {"service": "api.example.com", "region": "ankara", "reason": "mended", "author": "ayse"}


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with two_regions(tmp_path) as lab:
        lab.write(lambda text: text.replace('hold    = "60s"', POLICY + 'ttl = { steady = "0s", alert = "0s" }'))
        yield lab


def withdrawn(controller: Controller) -> bool:
    state = controller.engine.climbs.states.get((API, RegionName("ankara")))
    return state is not None and state.withdrawn is not None


async def orders(api: Api) -> list[tuple[str, str, str]]:
    records = (await api.get("/v1/history")).body["history"]
    return [(r["action"], r["author"], r["reason"]) for r in records if r["kind"] == "order"]


async def test_it_stays_withdrawn_until_it_is_resumed(lab: Lab) -> None:
    both = {lab.istanbul.host, lab.ankara.host}
    async with api_of(lab) as api:
        await until(lambda: answers(api.controller) == both)
        assert (await api.ask("POST", "/v1/ramps/resume", ORDER)).status == 409
        await lab.ankara.kill()
        await until(lambda: withdrawn(api.controller))
    await lab.ankara.start()
    async with api_of(lab) as api:
        await until(lambda: all(e["health"] == "up" for e in _endpoints(api)))
        assert withdrawn(api.controller)
        assert answers(api.controller) == {lab.istanbul.host}
        assert "withdrawn: " in str((await api.get("/v1/explain?name=api.example.com")).body["rules"])
        assert (await api.ask("POST", "/v1/ramps/resume", ORDER, token="")).status == 401
        assert (await api.ask("POST", "/v1/ramps/resume", ORDER | {"service": "x.example.com"})).status == 404
        answer = await api.ask("POST", "/v1/ramps/resume", ORDER)
        assert (answer.status, answer.body) == (201, {"service": "api.example.com", "region": "ankara"})
        assert answers(api.controller) == both
        told = await orders(api)
        assert [(action, author) for action, author, _ in told] == [
            ("begin", "canary"),
            ("withdraw", "canary"),
            ("resume", "ayse"),
            ("begin", "canary"),
        ]
        assert told[2][2] == "api.example.com: mended"


def _endpoints(api: Api) -> list[dict[str, str]]:
    return list(status_view(api.controller)["services"][0]["endpoints"])
