"""What goes wrong at the fake Cloud DNS when it is told to, and what it tells of each request."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import RemoteDisconnected
from threading import Event
from typing import Any
from urllib.error import URLError

import pytest

from tests.fakes.clouddns import ApiError, Delay, Effect, FakeCloudDns, Logged, Meddle, Moment, Rate
from tests.fakes.clouddns_support import CHANGES, RECORDS, ZONE, change, google, reason, record, send
from tests.waiting import eventually

WWW = record("www", "A", "192.0.2.1")
CUT_OFF = (RemoteDisconnected, ConnectionError, URLError)


@pytest.fixture
def fake() -> Iterator[FakeCloudDns]:
    with FakeCloudDns() as running:
        running.create(ZONE, "example.com.")
        yield running


def held(fake: FakeCloudDns) -> bool:
    return ("www.example.com.", "A") in fake.records(ZONE)


@pytest.mark.parametrize(("code", "domain"), [(429, "global"), (403, "usageLimits")])
def test_a_request_is_throttled(fake: FakeCloudDns, code: int, domain: str) -> None:
    fake.faults.throttle("changes.create", code)
    status, document = change(fake, WWW)
    assert (status, document["error"]["errors"][0]["reason"]) == (code, "rateLimitExceeded")
    assert document["error"]["errors"][0]["domain"] == domain
    assert not held(fake)
    assert change(fake, WWW)[0] == 200


@pytest.mark.parametrize("code", [500, 502, 503])
def test_a_request_fails(fake: FakeCloudDns, code: int) -> None:
    fake.faults.fail("changes.*", code)
    assert reason(change(fake, WWW)) == (code, "backendError")
    assert not held(fake)


def test_a_fault_strikes_the_nth_request_of_its_action(fake: FakeCloudDns) -> None:
    rule = fake.faults.fail("resourceRecordSets.list", nth=2, times=2)
    seen = []
    for _ in range(4):
        seen.append(send(fake, "GET", RECORDS)[0])
        assert send(fake, "GET", CHANGES)[0] == 200
    assert seen == [200, 503, 503, 200]
    assert (rule.seen, rule.struck) == (4, 2)


def test_a_connection_is_dropped_before_anything_is_done(fake: FakeCloudDns) -> None:
    fake.faults.add("changes.create", Effect.DROP)
    with pytest.raises(CUT_OFF):
        change(fake, WWW)
    assert not held(fake)
    assert fake.log[-1].status is None


def test_a_connection_is_dropped_after_all_is_done(fake: FakeCloudDns) -> None:
    fake.faults.add("changes.create", Effect.COMMIT_AND_DROP)
    with pytest.raises(CUT_OFF):
        change(fake, WWW)
    assert held(fake)
    assert reason(change(fake, WWW)) == (409, "alreadyExists")


def test_googles_client_is_cut_off_too(fake: FakeCloudDns) -> None:
    fake.faults.add("managedZones.get", Effect.DROP)
    with google(fake) as client:
        with pytest.raises(OSError, match="Connection aborted"):
            client.zone(ZONE).exists()
        assert client.zone(ZONE).exists()


@pytest.mark.parametrize("after", [False, True])
def test_a_request_is_late(fake: FakeCloudDns, *, after: bool) -> None:
    fake.faults.add("changes.create", Delay(0.2, after=after))
    moments: dict[Moment, float] = {}

    def hook(moment: Moment, _: Logged) -> None:
        moments[moment] = time.monotonic()

    fake.on(hook)
    assert change(fake, WWW)[0] == 200
    eventually(lambda: Moment.AFTER in moments)
    until_done = moments[Moment.DURING] - moments[Moment.BEFORE]
    until_answered = moments[Moment.AFTER] - moments[Moment.DURING]
    assert (until_answered if after else until_done) >= 0.2
    assert (until_done if after else until_answered) < 0.2


def test_a_role_that_reads_may_not_write(fake: FakeCloudDns) -> None:
    fake.faults.read_only()
    for _ in range(2):
        status, document = change(fake, WWW)
        assert (status, document["error"]["status"]) == (403, "PERMISSION_DENIED")
        assert document["error"]["errors"][0]["reason"] == "forbidden"
    assert send(fake, "GET", RECORDS)[0] == 200
    fake.faults.clear()
    assert change(fake, WWW)[0] == 200


def test_a_project_is_lost_and_credentials_expire(fake: FakeCloudDns) -> None:
    lost = fake.faults.lose_project("p")
    assert reason(send(fake, "GET", RECORDS)) == (404, "notFound")
    fake.faults.rules.remove(lost)
    fake.faults.expire()
    assert reason(send(fake, "GET", RECORDS)) == (401, "authError")


def test_any_refusal_can_be_made_up(fake: FakeCloudDns) -> None:
    fake.faults.add("*", ApiError(418, [], message="short and stout"))
    assert send(fake, "GET", RECORDS) == (418, {"error": {"code": 418, "message": "short and stout", "errors": []}})


def test_somebody_else_is_faster(fake: FakeCloudDns) -> None:
    theirs = {"additions": [record("www", "A", "192.0.2.9")]}
    fake.faults.add("changes.create", Meddle(lambda: fake.apply(ZONE, theirs)))
    assert reason(change(fake, WWW)) == (409, "alreadyExists")
    assert fake.records(ZONE)["www.example.com.", "A"].rrdatas == ("192.0.2.9",)


def test_a_hook_is_told_of_each_request_before_during_and_after(fake: FakeCloudDns) -> None:
    told: list[tuple[Moment, str, bool, int | None]] = []

    def hook(moment: Moment, logged: Logged) -> None:
        told.append((moment, logged.action, held(fake), logged.status))

    fake.on(hook)
    change(fake, WWW)
    eventually(lambda: len(told) == 3)
    fake.on(None)
    change(fake, record("other", "A", "192.0.2.1"))
    assert told == [
        (Moment.BEFORE, "changes.create", False, None),
        (Moment.DURING, "changes.create", True, None),
        (Moment.AFTER, "changes.create", True, 200),
    ]


def test_a_hook_that_says_no_has_the_connection_closed_and_nothing_done(fake: FakeCloudDns) -> None:
    fake.on(lambda moment, _: moment is not Moment.BEFORE)
    with pytest.raises(CUT_OFF):
        change(fake, WWW)
    fake.on(None)
    assert not held(fake)


def test_a_request_that_a_hook_holds_keeps_no_other_waiting(fake: FakeCloudDns) -> None:
    free, came = Event(), Event()

    def hook(moment: Moment, logged: Logged) -> None:
        if moment is Moment.BEFORE and logged.action == "changes.create":
            came.set()
            assert free.wait(10)

    fake.on(hook)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(change, fake, WWW)
        assert came.wait(10)
        assert send(fake, "GET", RECORDS)[0] == 200
        assert not slow.done()
        free.set()
        assert slow.result()[0] == 200


def test_all_requests_are_logged_and_counted() -> None:
    now = [7.0]
    with FakeCloudDns(clock=lambda: now[0]) as fake:
        fake.create(ZONE, "example.com.")
        change(fake, WWW)
        now[0] = 9.0
        send(fake, "GET", RECORDS, name="www.example.com.")
        first, second = fake.log
        assert (first.action, first.at, first.call.project, first.call.zone) == ("changes.create", 7.0, "p", ZONE)
        assert (first.call.body, first.status) == ({"additions": [WWW], "deletions": []}, 200)
        assert (second.at, second.call.query) == (9.0, {"name": "www.example.com."})
        assert (fake.count(), fake.count("changes.*"), fake.count("managedZones.*")) == (2, 1, 0)


@pytest.mark.parametrize("code", [403, 429])
def test_requests_beyond_the_rate_are_refused(code: int) -> None:
    now = [0.0]
    with FakeCloudDns(clock=lambda: now[0]) as fake:
        fake.create(ZONE, "example.com.")
        fake.rates.append(Rate(per_second=2, burst=3, code=code, actions="*.list"))

        def statuses(count: int) -> list[Any]:
            return [send(fake, "GET", RECORDS)[0] for _ in range(count)]

        assert statuses(4) == [200, 200, 200, code]
        now[0] = 1.0
        assert statuses(3) == [200, 200, code]
        assert change(fake, WWW)[0] == 200
        assert reason(send(fake, "GET", RECORDS)) == (code, "rateLimitExceeded")
        assert fake.rates[0].refused == 3
        now[0] = 100.0
        assert statuses(4) == [200, 200, 200, code]


def test_bodies_are_json_throughout(fake: FakeCloudDns) -> None:
    fake.faults.fail()
    status, document = send(fake, "GET", RECORDS)
    assert status == 503
    assert json.dumps(document["error"]["errors"]) == json.dumps(
        [{"message": document["error"]["message"], "domain": "global", "reason": "backendError"}]
    )
