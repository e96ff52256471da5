"""Orders over the API: drains, what is forced, freezes, what is refused, and how all of it is shown."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.rig import Answer, Api, api_of
from tests.control.rig import Lab, answers, two_regions
from tests.waiting import until

PROBLEM = "application/problem+json"
SAID = {"reason": "kernel update", "author": "ayse"}
OUT = {"kind": "out", "target": "istanbul", "duration": "1h", **SAID}
BOTH = {"A": {"192.0.2.1": 0.5, "192.0.2.2": 0.5}}
ONLY_ANKARA = {"A": {"192.0.2.2": 1.0}}


async def give(api: Api, kind: str, target: str, **more: Any) -> Answer:
    order = OUT | {"kind": kind, "target": target} | more
    return await api.ask("POST", "/v1/orders", {key: value for key, value in order.items() if value is not None})


async def service(api: Api) -> dict[str, Any]:
    (found,) = (await api.get("/v1/status")).body["services"]
    return dict(found)


async def noted(api: Api) -> list[dict[str, Any]]:
    return [r for r in (await api.get("/v1/history")).body["history"] if r["kind"] == "order"]


async def figures(api: Api, name: str) -> dict[tuple[str, ...], float]:
    """Samples of this name by their labels, in the order of those names."""
    families = text_string_to_metric_families((await api.get("/metrics")).body)
    return {
        tuple(value for _, value in sorted(s.labels.items())): s.value
        for family in families
        for s in family.samples
        if s.name == name
    }


# Drains


async def test_a_drain_shows_how_far_it_is(api: Api) -> None:
    answer = await api.drain(duration="2h", ramp="1m", service="api.*")
    assert answer.status == 201
    view = answer.body
    assert (view["kind"], view["target"], view["service"], view["value"]) == ("drain", "istanbul", "api.*", None)
    assert (view["author"], view["reason"], view["automatic"]) == ("ayse", "kernel update", False)
    assert (view["drain"]["phase"], view["drain"]["share"], view["drain"]["blocked"]) == ("lowering", 1.0, None)
    assert view["drain"]["services"] == ["api.example.com"]
    assert view["drain"]["exposed_until"] is None
    (order,) = (await api.get("/v1/orders")).body["orders"]
    assert order["created"] == view["created"]
    await until(lambda: api.controller.publishing._reach.ended)

    async def foreseen() -> bool:
        (order,) = (await api.get("/v1/orders")).body["orders"]
        return order["drain"]["done_at"] is not None

    await until(foreseen)
    (order,) = (await api.get("/v1/orders")).body["orders"]
    takes = datetime.fromisoformat(order["drain"]["done_at"]) - datetime.fromisoformat(order["created"])
    assert 90 < takes.total_seconds() < 110


async def test_a_drain_of_nobody_the_api_knows_and_one_by_a_glob_are_conflicts(api: Api) -> None:
    for target in ("izmir", "istanbul*", "api.example.com"):
        answer = await api.drain(target)
        assert (answer.status, answer.type, answer.body["rule"]) == (409, PROBLEM, "unknown")


async def test_a_drain_for_one_service_is_lifted_for_that_service(api: Api) -> None:
    await api.drain(service="api.example.com")
    assert (await api.ask("DELETE", "/v1/drains/istanbul")).status == 409
    answer = await api.ask("DELETE", "/v1/drains/istanbul?service=api.example.com&author=mehmet")
    assert (answer.status, [order["kind"] for order in answer.body["lifted"]]) == (200, ["drain"])
    assert answer.body["lifted"][0]["drain"]["phase"] == "lowering"


async def test_the_second_of_two_drains_that_leave_nobody_is_a_conflict_at_once(api: Api) -> None:
    assert (await api.drain("istanbul")).status == 201
    answer = await api.drain("ankara")
    assert (answer.status, answer.body["rule"]) == (409, "never-empty")


# What is forced


@pytest.mark.parametrize(
    ("kind", "target", "value"),
    [
        ("out", "istanbul", None),
        ("out", "istanbul/*", None),
        ("up", "istanbul/192.0.2.1:80", None),
        ("weight", "istanbul", 10),
        ("ttl", "api.example.com", 7),
        ("freeze", "*", None),
    ],
)
async def test_an_order_is_shown_recorded_and_lifted(api: Api, kind: str, target: str, value: int | None) -> None:
    answer = await give(api, kind, target, value=value)
    assert (answer.status, answer.body["kind"], answer.body["target"], answer.body["value"]) == (
        201,
        kind,
        target,
        value,
    )
    assert answer.body.pop("durable")
    assert answer.body["drain"] is None
    lasts = datetime.fromisoformat(answer.body["expires"]) - datetime.fromisoformat(answer.body["created"])
    assert lasts.total_seconds() == pytest.approx(3600, abs=0.01)
    assert (await api.get("/v1/orders")).body["orders"] == [answer.body]
    lifted = await api.ask("DELETE", f"/v1/orders/{target}?author=mehmet&kind={kind}")
    assert (lifted.status, lifted.body["lifted"]) == (200, [answer.body])
    assert (await api.get("/v1/orders")).body["orders"] == []
    given, gone = await noted(api)
    assert (given["action"], given["author"], given["value"]) == (kind, "ayse", value)
    assert (gone["action"], gone["author"], gone["reason"]) == ("lifted", "mehmet", "kernel update")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("escalation%20overload", "is how escalations sign"),
        ("a%1b%5b31m", "pattern"),
        ("a%0ab", "pattern"),
        ("x" * 101, "at most 100"),
    ],
)
@pytest.mark.parametrize("path", ["drains", "orders"])
async def test_nobody_lifts_in_a_name_that_is_none(api: Api, path: str, said: str, text: str) -> None:
    await (api.drain() if path == "drains" else give(api, "out", "istanbul"))
    answer = await api.ask("DELETE", f"/v1/{path}/istanbul?author={said}")
    assert (answer.status, answer.type) == (400, PROBLEM)
    assert text in answer.body["detail"]
    assert len(api.controller.orders.in_force) == 1


@pytest.mark.parametrize("query", ["", "?author="])
async def test_whoever_gives_no_name_is_unknown(api: Api, query: str) -> None:
    await api.drain()
    assert (await api.ask("DELETE", f"/v1/drains/istanbul{query}")).status == 200
    assert (await noted(api))[-1]["author"] == "unknown"


async def test_on_a_full_disk_orders_are_taken_and_said_not_to_last(api: Api) -> None:
    folder = api.controller.configuration.database
    obstacle = folder.with_name(f"{folder.stem}.overrides.json.new")
    obstacle.mkdir()
    assert not (await api.drain()).body["durable"]
    assert not (await give(api, "up", "ankara")).body["durable"]
    shown = (await api.get("/v1/orders")).body
    assert (len(shown["orders"]), shown["durable"]) == (2, False)
    assert (await api.get("/v1/status")).body["state"] == "degraded"
    assert await figures(api, "gslb_state_degraded") == {(): 1}
    assert not (await api.ask("DELETE", "/v1/orders/ankara")).body["durable"]
    obstacle.rmdir()
    assert (await api.ask("DELETE", "/v1/drains/istanbul")).body["durable"]
    assert (await api.get("/v1/orders")).body == {"orders": [], "durable": True}
    assert (await api.get("/v1/status")).body["state"] == "ok"


async def test_what_is_forced_is_answered_at_once(api: Api) -> None:
    await give(api, "out", "istanbul")
    assert (await service(api))["answers"] == ONLY_ANKARA
    await give(api, "weight", "ankara", value=3)
    await api.ask("DELETE", "/v1/orders/istanbul")
    assert (await service(api))["answers"] == {"A": {"192.0.2.1": 0.25, "192.0.2.2": 0.75}}
    await give(api, "ttl", "api.example.com", value=9)
    assert (await service(api))["ttl"] == 9


async def test_without_a_kind_all_that_is_forced_is_lifted_and_no_freeze(api: Api) -> None:
    await give(api, "ttl", "api.example.com", value=9)
    await give(api, "up", "api.example.com")
    await give(api, "freeze", "api.example.com")
    answer = await api.ask("DELETE", "/v1/orders/api.example.com")
    assert [order["kind"] for order in answer.body["lifted"]] == ["ttl", "up"]
    assert [order["kind"] for order in (await api.get("/v1/orders")).body["orders"]] == ["freeze"]
    assert (await api.ask("DELETE", "/v1/orders/api.example.com")).status == 409


async def test_a_drain_is_not_lifted_as_if_it_were_forced(api: Api) -> None:
    await api.drain()
    assert (await api.ask("DELETE", "/v1/orders/istanbul")).status == 409
    answer = await api.ask("DELETE", "/v1/orders/istanbul?kind=drain")
    assert (answer.status, answer.type) == (400, PROBLEM)
    assert "'drain' is no kind of order; write one of out, up, weight, ttl, freeze" in answer.body["detail"]


BODIES = [
    ({"kind": "drain"}, "kind"),
    ({"kind": None}, "kind"),
    ({"target": None}, "target"),
    ({"target": ""}, "target"),
    ({"target": "a\nb"}, "target"),
    ({"reason": None}, "reason"),
    ({"author": "a\x1b[31m"}, "author"),
    ({"author": "x" * 101}, "author"),
    ({"duration": None}, "duration"),
    ({"duration": "0s"}, "duration"),
    ({"duration": "-1h"}, "duration"),
    ({"duration": 60}, "duration"),
    ({"value": 5}, "out takes no value"),
    ({"kind": "weight"}, "weight needs a value"),
    ({"kind": "ttl"}, "ttl needs a value"),
    ({"kind": "freeze", "value": 1}, "freeze takes no value"),
    ({"kind": "weight", "value": "5"}, "value"),
    ({"kind": "weight", "value": 1.5}, "value"),
    ({"durration": "1h"}, "did you mean 'duration'"),
    ({"confirm": "x" * 101}, "confirm"),
]


@pytest.mark.parametrize(("change", "text"), BODIES)
async def test_a_bad_order_is_refused_with_what_is_wrong(api: Api, change: dict[str, Any], text: str) -> None:
    order = {key: value for key, value in (OUT | change).items() if value is not None}
    answer = await api.ask("POST", "/v1/orders", order)
    assert (answer.status, answer.type) == (400, PROBLEM)
    assert text in answer.body["detail"]
    assert api.controller.orders.in_force == ()


@pytest.mark.parametrize(
    ("change", "text"), [({"ramp": "soon"}, "ramp"), ({"now": "yes"}, "now"), ({"kind": "drain"}, "kind")]
)
async def test_a_bad_drain_is_refused_with_what_is_wrong(api: Api, change: dict[str, Any], text: str) -> None:
    answer = await api.drain(**change)
    assert (answer.status, answer.type) == (400, PROBLEM)
    assert text in answer.body["detail"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/orders"), ("DELETE", "/v1/orders/istanbul"), ("POST", "/v1/ramps/resume")]
)
async def test_orders_need_the_token(api: Api, method: str, path: str) -> None:
    assert (await api.ask(method, path, OUT, token="")).status == 401


# Refusals


async def test_a_refusal_is_a_conflict_with_rule_and_remedy_and_is_in_the_history_and_counted(
    api: Api, lab: Lab
) -> None:
    lab.file.write_text(lab.file.read_text() + "[safety]\nmin_regions = 2\nmax_override = '2h'\n")
    await api.ask("POST", "/v1/reload")
    answer = await give(api, "out", "istanbul")
    assert (answer.status, answer.type, answer.body["rule"]) == (409, PROBLEM, "min_regions")
    assert "1 fewer than min_regions, 2" in answer.body["detail"]
    assert "--force" in answer.body["remedy"]
    assert (await give(api, "out", "istanbul", duration="3h", force=True)).body["rule"] == "max_override"
    assert (await give(api, "out", "istanbul", force=True)).status == 201
    actions = [(record["action"], record["forced"]) for record in await noted(api)]
    assert actions == [("refused", []), ("refused", []), ("out", ["min_regions"])]
    refused = await figures(api, "gslb_orders_refused_total")
    assert refused == {("min_regions",): 1, ("max_override",): 1}


async def test_a_large_move_is_confirmed_by_the_token_of_the_refusal(api: Api, lab: Lab) -> None:
    lab.file.write_text(lab.file.read_text() + '[safety]\nconfirm_above = "10%"\n')
    await api.ask("POST", "/v1/reload")
    answer = await api.drain()
    assert (answer.status, answer.body["rule"]) == (409, "confirm_above")
    token = answer.body["remedy"].partition("--confirm ")[2].split()[0]
    assert (await api.drain(confirm="00000000")).status == 409
    assert (await api.drain(confirm=token)).status == 201


# Status, exposure, freezes, metrics


async def test_status_says_whom_resolvers_may_still_hold(api: Api) -> None:
    await until(lambda: api.controller.publishing._reach.ended)
    await give(api, "out", "istanbul")
    _, ankara = (await service(api))["endpoints"]
    assert ankara["exposure"] == {"given": True, "until": None}

    async def ending() -> bool:
        return not (await service(api))["endpoints"][0]["exposure"]["given"]

    await until(ending)
    istanbul, _ = (await service(api))["endpoints"]
    left = datetime.fromisoformat(istanbul["exposure"]["until"]) - datetime.fromisoformat(
        (await api.get("/v1/status")).body["now"]
    )
    assert 20 < left.total_seconds() < 33
    seconds = await figures(api, "gslb_exposure_seconds")
    assert 20 < seconds["istanbul/192.0.2.1:80", "api.example.com."] < 33
    assert seconds["ankara/192.0.2.2:80", "api.example.com."] == float("inf")


async def test_a_freeze_is_on_the_service_and_in_the_metrics(api: Api) -> None:
    assert (await service(api))["frozen"] is None
    assert await figures(api, "gslb_frozen") == {}
    answer = await give(api, "freeze", "*")
    assert (await service(api))["frozen"] == {
        "author": "ayse",
        "reason": "kernel update",
        "until": answer.body["expires"],
    }
    assert await figures(api, "gslb_frozen") == {("api.example.com.",): 1}
    assert await figures(api, "gslb_overrides") == {(): 1}
    await api.ask("DELETE", "/v1/orders/*?kind=freeze")
    assert await figures(api, "gslb_frozen") == {}


@pytest.fixture
async def probed(tmp_path: Path) -> AsyncIterator[Api]:
    """Two regions that can die, with short TTLs."""
    async with two_regions(tmp_path) as lab:
        lab.write(lambda text: text.replace("hold ", 'ttl = { steady = "1s", alert = "0s" }\nhold '))
        async with api_of(lab) as api:
            yield api


async def kill(api: Api) -> None:
    """Istanbul."""
    await api.lab.istanbul.kill()


async def test_what_is_withheld_from_a_frozen_service_is_shown(probed: Api) -> None:
    await give(probed, "freeze", "*")
    await kill(probed)
    await until(lambda: any(d.withheld for d in probed.controller.engine.decisions.values()))
    shown = await service(probed)
    assert shown["withheld"] == {"A": {probed.lab.ankara.host: 1.0}}
    assert set(shown["answers"]["A"]) == {probed.lab.istanbul.host, probed.lab.ankara.host}


async def test_the_latest_recovery_stands_beside_the_prediction(probed: Api) -> None:
    before = (await service(probed))["recovery"]
    assert (before["achieved"], before["at"]) == (None, None)
    assert before["predicted"] > 1
    await until(lambda: probed.controller.publishing._reach.ended)
    await kill(probed)
    await until(lambda: probed.controller.recoveries.latest)
    after = (await service(probed))["recovery"]
    assert after["predicted"] == before["predicted"]
    assert after["achieved"] > 1.0
    (record,) = [r for r in (await probed.get("/v1/history")).body["history"] if r["kind"] == "recovery"]
    assert (record["service"], record["at"]) == ("api.example.com", after["at"])
    assert record["achieved"] == pytest.approx(after["achieved"], abs=0.001)
    assert record["fault"] <= record["decided"] <= record["published"] <= record["at"]
    counted = await figures(probed, "gslb_recovery_seconds_count")
    assert list(counted.values()) == [1]
    predicted = await figures(probed, "gslb_recovery_predicted_seconds")
    assert list(predicted.values()) == [pytest.approx(before["predicted"], abs=0.001)]


async def test_a_region_that_waits_is_shown_and_let_in(probed: Api) -> None:
    probed.lab.write(lambda text: text.replace('hold    = "60s"', MANUAL))
    await probed.ask("POST", "/v1/reload")
    await kill(probed)
    await until(lambda: answers(probed.controller) == {probed.lab.ankara.host})
    await probed.lab.istanbul.start()

    async def waiting() -> bool:
        return bool((await service(probed))["endpoints"][0]["comeback"] == "waiting")

    await until(waiting)
    order = {"service": "api.example.com", "region": "istanbul", **SAID}
    assert (await probed.ask("POST", "/v1/ramps/resume", order)).status == 201
    assert (await service(probed))["endpoints"][0]["comeback"] is None
    assert answers(probed.controller) == {probed.lab.istanbul.host, probed.lab.ankara.host}


MANUAL = 'ttl = { steady = "0s", alert = "0s" }\nfailback = "manual"\nhold = "0s"'
