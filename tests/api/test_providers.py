"""How it stands with zones at API providers, and what has gone wrong there, over the API."""

import pytest

from providers import BUILTIN
from providers.base import Account, AuthFailedError, Throttle
from tests.api.rig import api_of
from tests.config.acme import Acme
from tests.control.rig import Lab
from tests.waiting import until

ACME = """
[zones."shop.example.com"]
providers = ["acme-main"]

[services."a.shop.example.com"]
regions = ["istanbul"]
probes  = []

[providers.acme-main]
type  = "acme"
drift = "off"
"""


class Locked(Acme):
    """Lets nobody in."""

    def open(self, throttle: Throttle) -> Account:
        raise AuthFailedError("no credentials", "set ACME_PHRASE")


@pytest.fixture(autouse=True)
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILTIN, "acme", f"{__name__}:Locked")


async def test_without_api_providers_there_are_none(lab: Lab) -> None:
    async with api_of(lab) as api:
        assert (await api.get("/v1/status")).body["providers"] == []


async def test_each_zone_at_each_provider_has_an_entry_and_what_goes_wrong_is_in_the_history(lab: Lab) -> None:
    lab.write(more=ACME)
    async with api_of(lab) as api:

        async def place() -> dict[str, object]:
            (found,) = (await api.get("/v1/status")).body["providers"]
            return dict(found)

        async def is_failing() -> bool:
            found = await place()
            return found["state"] == "failing" and found["pending"] == 1

        async def told() -> list[dict[str, object]]:
            return [each for each in (await api.get("/v1/history")).body["history"] if each["kind"] == "provider"]

        await until(is_failing)
        found = await place()
        assert 0 < float(str(found.pop("retry"))) <= 300
        assert found == {
            "provider": "acme-main",
            "zone": "shop.example.com",
            "state": "failing",
            "error": "no credentials",
            "remedy": "set ACME_PHRASE",
            "generation": 0,
            "pending": 1,
            "unconfirmed": 0,
            "blocked": {},
            "unsaid": {},
            "drifted": [],
            "since": None,
        }
        await until(told)
        lab.write()
        assert (await api.ask("POST", "/v1/reload")).status == 200
        assert (await api.get("/v1/status")).body["providers"] == []

        async def is_over() -> bool:
            return len(await told()) == 2

        await until(is_over)
        began, ended = await told()
        for record in (began, ended):
            del record["at"]
        assert began == {
            "kind": "provider",
            "provider": "acme-main",
            "zone": "shop.example.com",
            "services": [],
            "drift": False,
            "over": False,
            "text": "no credentials",
        }
        assert ended == began | {"text": "configured otherwise", "over": True}
