"""A smoke test against somebody else's Route 53, which keeps fewer rules."""

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from providers.base import Lane
from providers.route53 import Route53
from tests.providers.route53.support import ORIGIN, SERVICE, Turns, publish
from tests.providers.route53.test_render import ANKARA, ISTANBUL, everybody, rendered, steering


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


async def test_weighted_record_sets_are_written_and_read(url: str) -> None:
    client = boto3.client("route53", endpoint_url=url, region_name="us-east-1")
    client.create_hosted_zone(Name=ORIGIN, CallerReference="1")
    client.close()
    wanted = rendered(steering(everybody(ISTANBUL, ANKARA)))
    at = Route53(endpoint=url).open(Turns())
    zone = await at.zone(ORIGIN, Lane.ROUTINE)
    await publish(at, zone, {SERVICE: wanted})
    assert set(wanted) <= set(await at.read(zone, Lane.ROUTINE))
    assert await publish(at, zone, {SERVICE: wanted}) == ()
    await publish(at, zone, {})
    assert {record.type for record in await at.read(zone, Lane.ROUTINE)} == {"NS", "SOA"}
    await at.close()
