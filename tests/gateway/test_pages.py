"""The pages that the gateway answers by itself."""

import asyncio
import json
from ipaddress import ip_network

import pytest

from gslb.gateway import watch
from tests.gateway.rig import Running, gateway, get, refusing, upstream
from tests.waiting import until

BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


async def health(running: Running) -> dict[str, object]:
    reply = await running.ask(get("/healthz"))
    document = json.loads(reply.body)
    assert isinstance(document, dict)
    assert reply.status == (503 if document["state"] == "unavailable" else 200)
    return document


async def test_the_health_document_says_who_serves_and_how_well() -> None:
    async with upstream() as seen, gateway(seen.address, capacity=10.0) as running:
        await running.ask(get("/"))
        reply = await running.ask(get("/healthz?now"))
    assert reply.values("Content-Type") == ["application/json; charset=utf-8"]
    assert reply.values("Cache-Control") == ["no-store"]
    assert json.loads(reply.body) == {
        "schema": 1,
        "state": "ok",
        "region": "istanbul",
        "load": 1.0,
        "saturation": 0.1,
        "errors": 0.0,
        "in_flight": 0,
        "upstreams": {"healthy": 1, "total": 1},
        "version": "1.2.3",
        "config_version": "c7",
    }
    assert [request.head[0] for request in seen.requests] == ["GET / HTTP/1.1"]


async def test_head_asks_for_health_too_and_other_methods_go_to_the_upstream() -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        head = await running.ask(get("/healthz", method="HEAD"))
        assert (head.status, head.body) == (200, b"")
        assert (await running.ask(get("/healthz", method="POST"))).body == b"ok"


async def test_health_is_told_without_a_host_too() -> None:
    """Load balancers ask so, in HTTP/1.0."""
    async with upstream() as seen, gateway(seen.address) as running:
        assert (await running.ask(b"GET /healthz HTTP/1.0\r\n\r\n")).status == 200


async def test_no_upstream_at_the_start_is_said_from_the_first_document_on() -> None:
    with refusing() as dead:
        async with gateway(dead) as running:
            assert (await health(running))["state"] == "unavailable"


async def test_health_follows_the_upstreams_without_any_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "INTERVAL", 0.05)
    async with upstream() as one, upstream() as two, gateway(one.address, two.address) as running:
        assert (await health(running))["state"] == "ok"
        two.stop()

        async def degraded() -> bool:
            document = await health(running)
            return (document["state"], document["upstreams"]) == ("degraded", {"healthy": 1, "total": 2})

        async def ok() -> bool:
            return (await health(running))["state"] == "ok"

        await until(degraded)
        await two.start()
        await until(ok)


async def test_a_failed_request_is_seen_before_the_next_check() -> None:
    async with upstream() as seen, gateway(seen.address) as running:
        seen.stop()
        assert (await running.ask(get("/"))).status == 502
        document = await health(running)
        assert (document["state"], document["errors"]) == ("unavailable", 1.0)


async def test_errors_are_the_share_of_5xx_whoever_made_them() -> None:
    async with upstream(BROKEN) as seen, upstream() as fine, gateway(seen.address, fine.address) as running:
        for _ in range(4):
            await running.ask(get("/"))
        await running.ask(get("/", "Upgrade: h3"))
        assert (await health(running))["errors"] == pytest.approx(3 / 5)


async def test_requests_in_flight_are_counted() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with upstream(hold) as seen, gateway(seen.address) as running:
        _, writer = await running.connect()
        writer.write(get("/"))

        async def one() -> bool:
            return (await health(running))["in_flight"] == 1

        async def none() -> bool:
            return (await health(running))["in_flight"] == 0

        await until(one)
        writer.close()
        await until(none)


async def test_metrics_count_what_became_of_requests() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    async with upstream(cut) as seen, upstream() as fine, gateway(fine.address, seen.address) as running:
        for method in ("GET", "POST", "PROPFIND", "GET"):
            await running.ask(get("/", method=method))
        reply = await running.ask(get("/metrics"))
    text = reply.body.decode()
    assert reply.values("Content-Type")[0].startswith("text/plain")
    for line in (
        'gslb_gateway_requests_total{method="GET",outcome="cut"} 1.0',
        'gslb_gateway_requests_total{method="POST",outcome="2xx"} 1.0',
        'gslb_gateway_requests_total{method="other",outcome="cut"} 1.0',
        'gslb_gateway_requests_total{method="GET",outcome="2xx"} 1.0',
        f'gslb_gateway_upstream_failures_total{{reason="broken",upstream="{seen.address}"}} 2.0',
        "gslb_gateway_requests_in_flight 0.0",
        "gslb_gateway_request_duration_seconds_count 4.0",
        'gslb_gateway_state{state="ok"} 1.0',
        'gslb_gateway_state{state="draining"} 0.0',
    ):
        assert line in text.splitlines()


async def test_to_others_the_metrics_are_a_path_like_any_other() -> None:
    elsewhere = (ip_network("192.0.2.0/24"), ip_network("::/0"))
    async with upstream() as seen, gateway(seen.address, metrics_allow=elsewhere) as running:
        assert (await running.ask(get("/metrics"))).body == b"ok"
    assert seen.requests[0].head[0] == "GET /metrics HTTP/1.1"
