"""The least IAM policy of the docs names exactly what is used."""

import json
import re
from pathlib import Path

from providers.base import Lane
from tests.fakes.route53 import FakeRoute53
from tests.providers.route53.support import DEADLINE, ORIGIN, SERVICE, account, answer, change, hosted, publish
from tests.providers.route53.test_cidr import for_networks

PAGE = Path(__file__).parents[3] / "docs" / "providers" / "route53.md"


def allowed() -> set[str]:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    actions = [statement["Action"] for statement in json.loads(found[1])["Statement"]]
    return {it for each in actions for it in ([each] if isinstance(each, str) else each)}


async def test_the_least_policy_is_what_is_used(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        await at.zones(Lane.ROUTINE)
        await at.zone(ORIGIN, Lane.ROUTINE)
        await at.nameservers(zone, Lane.ROUTINE)
        for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
            await publish(at, zone, {SERVICE: for_networks(network)})
        receipt = await at.apply(zone, [change(added=[answer("www")])], DEADLINE, Lane.ROUTINE)
        await at.settled(receipt, Lane.FOLLOWING)
    assert {f"route53:{entry.action}" for entry in fake.log()} == allowed()
