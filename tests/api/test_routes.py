"""What the API says and does, over real connections."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gslb.control.vantage import Doubt
from gslb.model.names import ServiceName, VantageName
from gslb.model.steering import Steering
from providers import BUILTIN
from tests.api.rig import Api, api_of
from tests.control.rig import ANKARA, ISTANBUL, Endpoint, Lab
from tests.waiting import free_port, until

PROBLEM = "application/problem+json"


async def published(api: Api) -> None:
    """Wait until everything decided is confirmed; with no nameserver there is nobody to wait for."""
    await until(lambda: not api.controller.publisher._pending)


# What it knows


async def test_status_shows_everything_at_a_glance(api: Api) -> None:
    status = (await api.get("/v1/status")).body
    assert (status["node"], status["state"], status["orders"]) == ("istanbul-1", "ok", [])
    assert status["configuration"]["path"].endswith("gslb.toml")
    (service,) = status["services"]
    assert (service["name"], service["decided"], service["ttl"]) == ("api.example.com", True, 30)
    assert service["answers"] == {"A": {"192.0.2.1": 0.5, "192.0.2.2": 0.5}}
    assert [(e["name"], e["health"], e["answers"]) for e in service["endpoints"]] == [
        ("istanbul/192.0.2.1:80", "up", True),
        ("ankara/192.0.2.2:80", "up", True),
    ]


async def test_status_names_vantage_points_and_says_whether_they_doubt_themselves(api: Api) -> None:
    (vantage,) = (await api.get("/v1/status")).body["vantages"]
    assert vantage == {"name": "istanbul-1", "state": "ok", "reason": None, "since": None, "references": []}
    here = api.controller.engine.votes.vantages[VantageName("istanbul-1")]
    here.doubt = Doubt(0.0, "9 of 10 endpoints in 2 regions fell silent together")
    api.controller.doubted(here)
    (vantage,) = (await api.get("/v1/status")).body["vantages"]
    assert (vantage["state"], vantage["reason"]) == ("doubts itself", here.doubt.reason)
    kinds = [record for record in (await api.get("/v1/history")).body["history"] if record["kind"] == "doubt"]
    assert [(record["vantage"], record["reason"]) for record in kinds] == [("istanbul-1", here.doubt.reason)]


async def test_status_says_since_when_nothing_is_heard_of_a_vantage_point(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its namespace is gone, so that none of its attempts can be made: that says nothing of the endpoints."""
    monkeypatch.setattr("gslb.control.votes.SWEEP", 0.01)
    lab.write(more='[vantages.gone]\nnamespace = "gslb-no-such-namespace"\n')
    async with api_of(lab, decided=False) as api:

        async def state() -> str:
            (vantage,) = (await api.get("/v1/status")).body["vantages"]
            return str(vantage["state"])

        async def silent() -> bool:
            return await state() == "not heard of"

        assert await state() == "ok"
        await until(silent)
        (vantage,) = (await api.get("/v1/status")).body["vantages"]
        assert (vantage["name"], vantage["reason"]) == ("gone", "no result for some time")
        assert vantage["since"] >= (await api.get("/v1/status")).body["started"]


async def test_a_region_is_probed_at_once_on_request(undecided: Api) -> None:
    answer = await undecided.ask("POST", "/v1/probes", {"target": "istanbul"})
    assert answer.status == 200
    (result,) = answer.body["results"]
    assert (result["target"], result["probe"], result["vantage"]) == (
        str(undecided.controller.configuration.topology.endpoints[0].probe),
        "edge",
        "istanbul-1",
    )
    assert result["latency"] > 0


async def test_what_is_no_target_is_not_probed(api: Api) -> None:
    answer = await api.ask("POST", "/v1/probes", {"target": "izmir"})
    assert (answer.status, answer.type) == (409, PROBLEM)
    assert "no region or endpoint 'izmir'" in answer.body["detail"]
    assert (await api.ask("POST", "/v1/probes", {"region": "izmir"})).status == 400
    assert (await api.ask("POST", "/v1/probes", {"target": "istanbul"}, token="")).status == 401


async def test_explain_says_why_each_endpoint_and_region_is_in_or_out(api: Api) -> None:
    await api.drain(now=True)
    explained = (await api.get("/v1/explain?name=API.example.com")).body
    assert (explained["policy"], explained["when_all_down"], explained["hold"]) == (["weighted"], "all", 60.0)
    (rule,) = explained["rules"]
    istanbul, ankara = rule["endpoints"]
    assert (rule["match"], rule["pick"], rule["answers"]) == ("everybody", "weighted", {"A": {"192.0.2.2": 1.0}})
    assert (istanbul["name"], istanbul["share"]) == ("istanbul/192.0.2.1:80", 0.0)
    assert (istanbul["why"]["verdict"], istanbul["why"]["text"]) == ("out", "being drained by ayse: kernel update")
    assert (ankara["share"], [said["step"] for said in ankara["said"]]) == (1.0, ["health", "weighted"])
    assert explained["answers"] == {"A": {"192.0.2.2": 1.0}}
    assert explained["ttl_reason"] == "alert: istanbul is draining"
    assert explained["client"] is None


async def test_decisions_are_the_steerings_in_full(api: Api) -> None:
    answer = (await api.get("/v1/decisions")).body
    assert answer["generation"] == api.controller.publisher.generation
    assert answer["lease"] is None  # nothing is written at an API provider
    read = msgspec.convert(answer["services"], dict[ServiceName, Steering])
    assert read == {name: decision.steering for name, decision in api.controller.engine.decisions.items()}
    assert read


WILDCARD = """
[services."*.apps.example.com"]
regions = ["istanbul"]

[services."own.apps.example.com"]
regions = ["ankara"]
"""


async def test_explain_says_which_service_answers_for_a_name_below_a_wildcard(lab: Lab) -> None:
    lab.write(lambda text: text.replace('["edge"]', "[]"), WILDCARD)
    async with api_of(lab) as api:
        for asked in ("*.apps.example.com", "shop.apps.example.com", "a.b.Apps.example.com."):
            explained = (await api.get(f"/v1/explain?name={asked}")).body
            assert explained["name"] == "*.apps.example.com"
            assert explained["asked"] == asked.lower().removesuffix(".")
            assert explained["answers"] == {"A": {"192.0.2.1": 1.0}}
        assert (await api.get("/v1/explain?name=own.apps.example.com")).body["name"] == "own.apps.example.com"
        # names below one that exists, a name that exists without a service, and one outside of all zones
        for other in ("a.own.apps.example.com", "apps.example.com", "shop.apps.example.org", "shop.example.com"):
            assert (await api.get(f"/v1/explain?name={other}")).status == 404
        assert (await api.get("/v1/explain?name=a.*.example.com")).status == 400


async def test_a_wildcard_of_a_zone_that_others_publish_is_found_as_well(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILTIN, "acme", "tests.config.acme:Acme")
    zone = '[zones."apps.example.org"]\nproviders = ["main"]\n[providers.main]\ntype = "acme"\n'
    lab.write(lambda text: text.replace('["edge"]', "[]"), WILDCARD.replace("example.com", "example.org") + zone)
    async with api_of(lab) as api:
        explained = (await api.get("/v1/explain?name=shop.apps.example.org")).body
        assert explained["name"] == "*.apps.example.org"
        assert (await api.get("/v1/explain?name=a.own.apps.example.org")).status == 404


async def test_a_wildcard_service_has_a_place_in_status_metrics_and_history(lab: Lab) -> None:
    lab.write(lambda text: text.replace('["edge"]', "[]"), WILDCARD)
    async with api_of(lab) as api:
        names = [service["name"] for service in (await api.get("/v1/status")).body["services"]]
        assert "*.apps.example.com" in names
        order = {"kind": "ttl", "target": "*.apps.example.com", "value": 7, "duration": "1h"}
        assert (await api.ask("POST", "/v1/orders", order | {"reason": "test", "author": "ayse"})).status == 201
        ttls = {service["name"]: service["ttl"] for service in (await api.get("/v1/status")).body["services"]}
        assert ttls["*.apps.example.com"] == 7 != ttls["own.apps.example.com"]
        history = (await api.get("/v1/history")).body["history"]
        assert any("*.apps.example.com" in str(record) for record in history)
        assert (await api.ask("DELETE", "/v1/orders/*.apps.example.com?author=ayse")).status == 200


async def test_explain_shows_a_client_the_rule_that_it_is_in_and_where_it_is(api: Api) -> None:
    explained = (await api.get("/v1/explain?name=api.example.com&client=198.51.100.7")).body
    assert explained["client"] == {
        "network": "198.51.100.7/32",
        "continent": None,
        "country": None,
        "subdivisions": [],
        "asn": None,
        "coordinates": None,
    }
    assert [rule["match"] for rule in explained["rules"]] == ["everybody"]


@pytest.mark.parametrize("client", ["", "istanbul", "198.51.100.7/33", "2001:db8::/129"])
async def test_explain_refuses_a_client_that_is_no_address(api: Api, client: str) -> None:
    answer = await api.get(f"/v1/explain?name=api.example.com&client={client}")
    assert (answer.status, answer.type) == (400, PROBLEM)
    assert "write one such as 198.51.100.7" in answer.body["detail"]


async def test_explain_names_who_is_waited_for_before_the_first_decision(undecided: Api, lab: Lab) -> None:
    explained = (await undecided.get("/v1/explain?name=api.example.com")).body
    assert explained["decided"] is False
    assert explained["waiting_for"] == [f"istanbul/{lab.istanbul}", f"ankara/{lab.ankara}"]


async def test_explain_suggests_the_nearest_service(api: Api) -> None:
    answer = await api.get("/v1/explain?name=apo.example.com")
    assert (answer.status, answer.type) == (404, PROBLEM)
    assert "did you mean 'api.example.com.'?" in answer.body["detail"]


@pytest.mark.parametrize("name", ["", "a..b", "%00", "*.example.com", "x" * 64, "%ff"])
async def test_explain_refuses_what_is_no_name(api: Api, name: str) -> None:
    answer = await api.get(f"/v1/explain?name={name}")
    assert answer.status in (400, 404)
    assert answer.type == PROBLEM


async def test_history_tells_orders_and_decisions_oldest_first(api: Api) -> None:
    await published(api)
    await api.drain(duration="2h", now=True)
    await published(api)
    records = (await api.get("/v1/history?since=1h")).body["history"]
    assert [r["kind"] for r in records] == ["decision", "publication", "order", "decision", "publication"]
    order, decision, publication = records[2:]
    assert (order["action"], order["target"], order["author"]) == ("drain", "istanbul", "ayse")
    assert decision["trigger"] == "drain of istanbul by ayse"
    assert decision["before"] == {"A": {"192.0.2.1": 0.5, "192.0.2.2": 0.5}}
    assert decision["after"] == {"A": {"192.0.2.2": 1.0}}
    assert (publication["generation"], publication["services"]) == (decision["generation"], ["api.example.com"])
    assert all(record["at"].endswith("Z") for record in records)


async def test_history_is_limited_to_the_newest(api: Api) -> None:
    await api.drain()
    await published(api)
    records = (await api.get("/v1/history?limit=2")).body["history"]
    assert [record["kind"] for record in records] == ["decision", "publication"]
    assert records[0]["trigger"] == "drain of istanbul by ayse"


@pytest.mark.parametrize("query", ["since=yesterday", "since=9999999d", f"since={'9' * 400}d", "limit=many"])
async def test_history_refuses_what_it_cannot_read(api: Api, query: str) -> None:
    answer = await api.get(f"/v1/history?{query}")
    assert (answer.status, answer.type) == (400, PROBLEM)


async def test_metrics_are_in_the_format_of_prometheus(api: Api) -> None:
    answer = await api.get("/metrics")
    assert answer.type == "text/plain"
    families = {family.name: family for family in text_string_to_metric_families(answer.body)}
    served = {s.labels["endpoint"]: s.value for s in families["gslb_endpoint_in_service"].samples}
    assert served == {"istanbul/192.0.2.1:80": 1, "ankara/192.0.2.2:80": 1}
    assert families["gslb_generation"].samples[0].value == api.controller.publisher.generation


@pytest.fixture
async def undecided(lab: Lab) -> AsyncIterator[Api]:
    """A service whose endpoints refuse, and whose probes take their time to confirm that."""
    lab.istanbul, lab.ankara = (Endpoint(host, free_port(host)) for host in (ISTANBUL, ANKARA))
    lab.write(lambda text: text.replace('"30ms"\n', '"60s"\n').replace('"5ms"', '"1s"\nfall = 20'))
    async with api_of(lab, decided=False) as api:
        yield api


async def test_health_is_starting_until_everything_is_decided(undecided: Api, lab: Lab) -> None:
    assert (await undecided.get("/healthz")).status == 503
    lab.write(lambda text: text.replace('["edge"]', "[]"))
    await undecided.ask("POST", "/v1/reload")
    answer = await undecided.get("/healthz")
    assert (answer.status, answer.body) == (200, {"state": "ok"})


# What it does


async def test_a_drain_takes_the_region_out_and_its_lifting_brings_it_back(api: Api) -> None:
    answer = await api.drain(duration="2h", now=True)
    assert answer.status == 201
    assert (answer.body["target"], answer.body["author"], answer.body["reason"]) == (
        "istanbul",
        "ayse",
        "kernel update",
    )
    assert answer.body["created"] < answer.body["expires"]
    status = (await api.get("/v1/status")).body
    assert status["services"][0]["answers"] == {"A": {"192.0.2.2": 1.0}}
    (order,) = status["orders"]
    assert {key: value for key, value in order.items() if key != "drain"} == {
        key: value for key, value in answer.body.items() if key not in ("drain", "durable")
    }
    assert order["drain"]["phase"] == answer.body["drain"]["phase"] == "emptying"
    answer = await api.ask("DELETE", "/v1/drains/istanbul?author=mehmet")
    assert (answer.status, [order["target"] for order in answer.body["lifted"]]) == (200, ["istanbul"])
    status = (await api.get("/v1/status")).body
    assert status["services"][0]["answers"] == {"A": {"192.0.2.1": 0.5, "192.0.2.2": 0.5}}
    records = (await api.get("/v1/history")).body["history"]
    assert [(r["action"], r["author"]) for r in records if r["kind"] == "order"] == [
        ("drain", "ayse"),
        ("lifted", "mehmet"),
    ]


async def test_an_endpoint_can_be_drained_and_undrained_by_its_name(api: Api) -> None:
    assert (await api.drain("istanbul/192.0.2.1:80")).status == 201
    assert (await api.ask("DELETE", "/v1/drains/istanbul/192.0.2.1:80")).status == 200


async def test_who_lifts_a_drain_without_saying_so_is_unknown(api: Api) -> None:
    await api.drain()
    assert (await api.ask("DELETE", "/v1/drains/istanbul")).status == 200
    (record,) = [r for r in (await api.get("/v1/history")).body["history"] if r.get("action") == "lifted"]
    assert record["author"] == "unknown"


async def test_draining_the_last_region_is_a_conflict_with_a_remedy(api: Api) -> None:
    await api.drain("istanbul")
    answer = await api.drain("ankara")
    assert (answer.status, answer.type, answer.body["rule"]) == (409, PROBLEM, "never-empty")
    assert "without any endpoint" in answer.body["detail"]
    assert "--force" in answer.body["remedy"]
    assert (await api.drain("ankara", force=True)).status == 201


async def test_unknown_targets_are_a_conflict_that_names_the_known_ones(api: Api) -> None:
    answer = await api.drain("izmir")
    assert (answer.status, answer.body["rule"]) == (409, "unknown")
    assert "istanbul, ankara" in answer.body["remedy"]
    answer = await api.ask("DELETE", "/v1/drains/izmir")
    assert (answer.status, answer.body["remedy"]) == (409, "in force: none")


async def test_a_reload_answers_with_the_version_that_is_now_in_force(api: Api, lab: Lab) -> None:
    before = api.controller.configuration.version
    lab.file.write_text(lab.file.read_text().replace("60s", "70s"))
    answer = await api.ask("POST", "/v1/reload")
    assert answer.status == 200
    assert answer.body["configuration"] == api.controller.configuration.version != before


async def test_a_reload_of_a_file_with_faults_names_them_all(api: Api, lab: Lab) -> None:
    before = api.controller.configuration
    lab.file.write_text(lab.file.read_text().replace("hold ", "hodl ").replace('"tcp"', '"tpc"'))
    answer = await api.ask("POST", "/v1/reload")
    assert (answer.status, answer.type) == (422, PROBLEM)
    assert any("did you mean 'hold'" in problem for problem in answer.body["problems"])
    assert any("'tpc'" in problem for problem in answer.body["problems"])
    assert api.controller.configuration is before


# Who may


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/drains"), ("DELETE", "/v1/drains/istanbul"), ("POST", "/v1/reload")]
)
@pytest.mark.parametrize("token", ["", "wrong", "şifre"])
async def test_what_changes_something_needs_the_token(api: Api, method: str, path: str, token: str) -> None:
    answer = await api.ask(method, path, token=token)
    assert (answer.status, answer.type) == (401, PROBLEM)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.controller.orders.in_force == ()


async def test_a_token_that_is_not_text_is_a_wrong_token(api: Api) -> None:
    answer = await api.raw(
        b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8053", "127.0.0.1.evil.example", "192.0.2.1", "[2001:db8::1]"]
)
async def test_a_page_that_was_bound_to_this_machine_under_its_own_name_is_refused(api: Api, host: str) -> None:
    answer = await api.get("/v1/status", Host=host)
    assert (answer.status, answer.type) == (403, PROBLEM)
    assert host in answer.body["detail"]
    assert (await api.ask("POST", "/v1/reload", Host=host)).status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8053", "127.0.0.1:8053", "127.1.2.3", "[::1]:8053", "[::1]"])
async def test_this_machine_goes_by_several_names(api: Api, host: str) -> None:
    assert (await api.get("/v1/status", Host=host)).status == 200


# Bad input

BODIES = [
    (b"", 400, "JSON"),
    (b"{", 400, "JSON"),
    (b"\xff\xfe", 400, "JSON"),
    (b"[]", 400, "not []"),
    (b'"' + b"x" * 70_000 + b'"', 413, "body size"),
    (b'{"target": 1, "reason": "x", "author": "y"}', 400, "target"),
    (b'{"target": "istanbul", "author": "y"}', 400, "reason"),
    (b'{"target": "istanbul", "reason": "", "author": "y"}', 400, "reason"),
    (b'{"target": "istanbul", "reason": "x", "author": "y", "froce": true}', 400, "did you mean 'force'"),
    (b'{"target": "istanbul", "reason": "x", "author": "y", "force": "yes"}', 400, "force"),
    (b'{"target": "istanbul", "reason": "x", "author": "y", "duration": "soon"}', 400, "not a duration"),
    (b'{"target": "istanbul", "reason": "x", "author": "y", "duration": "9999999d"}', 400, "duration"),
]


@pytest.mark.parametrize(("body", "status", "text"), BODIES)
async def test_a_bad_body_is_refused_with_what_is_wrong(api: Api, body: bytes, status: int, text: str) -> None:
    answer = await api.ask("POST", "/v1/drains", body)
    assert (answer.status, answer.type, answer.body["status"]) == (status, PROBLEM, status)
    assert text.lower() in answer.body["detail"].lower()
    assert api.controller.orders.in_force == ()


async def test_a_refusal_does_not_repeat_a_long_body(api: Api) -> None:
    answer = await api.ask("POST", "/v1/drains", b"x" * 60_000)
    assert len(answer.body["detail"]) < 1000


async def test_paths_and_methods_that_do_not_exist_are_problems_too(api: Api) -> None:
    answer = await api.get("/v1/nothing")
    assert (answer.status, answer.type) == (404, PROBLEM)
    answer = await api.ask("PUT", "/v1/drains", {})
    assert (answer.status, answer.type, answer.headers["Allow"]) == (405, PROBLEM, "POST")


async def test_garbage_on_the_connection_is_a_bad_request(api: Api) -> None:
    assert (await api.raw(b"\x00\x01garbage\r\n\r\n")).startswith(b"HTTP/1.0 400 ")
    assert (await api.get("/healthz")).status == 200
