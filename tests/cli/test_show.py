"""What the commands print: whole words, within the width of a terminal."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from gslb.cli import show

STATUS: dict[str, Any] = {
    "node": "istanbul-1",
    "version": "0.1.0",
    "configuration": {"version": "3a4485bc03a3"},
    "generation": 1,
    "nameservers": [],
    "providers": [],
    "state": "ok",
    "vantages": [],
    "orders": [],
    "services": [],
}
RESULT: dict[str, Any] = {
    "target": "203.0.113.7:443",
    "probe": "edge",
    "vantage": "istanbul-1",
    "ok": False,
    "cause": "certificate",
    "latency": 0.0123,
    "connect": 0.001,
    "tls": 0.011,
    "first_byte": None,
    "detail": "certificate: unable to get local issuer certificate",
}


def printed(shown: RenderableType, width: int = 80) -> list[str]:
    """As on a terminal of this width, which breaks what is longer wherever that is."""
    console = Console(file=StringIO(), width=width, highlight=False, soft_wrap=True)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_result_is_a_line_with_what_else_is_known_below_it() -> None:
    assert printed(show.results([RESULT])) == [
        "target           probe  from        outcome",
        "203.0.113.7:443  edge   istanbul-1  certificate 12.3 ms",
        "    certificate: unable to get local issuer certificate",
        "    connect 1.0 ms, tls 11.0 ms",
    ]


@pytest.mark.parametrize("target", ["203.0.113.7:443", "[2001:db8:85a3::8a2e:370:7334]:443"])
def test_no_line_of_results_is_too_wide_and_no_word_is_cut(target: str) -> None:
    words = [f"{letter * 11}" for letter in "abcdefghijklmnop"]
    lines = printed(show.results([RESULT | {"target": target, "detail": " ".join(words)}]))
    assert all(len(line) <= 80 for line in lines)
    assert [word for line in lines[2:] for word in line.split()][: len(words)] == words
    assert target in lines[1].split()


def test_what_passes_without_more_to_tell_is_one_line() -> None:
    fine = RESULT | {"ok": True, "cause": None, "detail": "", "connect": None, "tls": None}
    assert printed(show.results([fine])) == [
        "target           probe  from        outcome",
        "203.0.113.7:443  edge   istanbul-1  ok 12.3 ms",
    ]


def test_without_results_it_says_so() -> None:
    assert printed(show.results([])) == ["no result in time, or nothing that is probed"]


def test_words_of_an_endpoint_are_no_markup() -> None:
    lines = printed(show.results([RESULT | {"detail": "[bold]x[/bold]"}]))
    assert lines[2] == "    [bold]x[/bold]"


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("doubts itself", "6 of 6 endpoints in 2 regions fell silent together", "vantage point here doubts itself"),
        ("not heard of", "no result for some time", "vantage point here has not been heard of"),
    ],
)
def test_a_vantage_point_whose_word_does_not_count_is_named_with_the_reason(
    state: str, reason: str, words: str
) -> None:
    vantages = [
        {"name": "here", "state": state, "reason": reason, "since": "2001-01-01T10:00:00.000Z"},
        {"name": "there", "state": "ok", "reason": None, "since": None},
    ]
    (line,) = [line for line in printed(show.status(STATUS | {"vantages": vantages})) if "vantage point" in line]
    assert line.startswith(f"{words} since 2001-01-01 ")
    assert line.endswith(f": {reason}; its word does not count")


PLACE: dict[str, Any] = {
    "provider": "aws-main",
    "zone": "example.com",
    "state": "current",
    "error": "",
    "remedy": "",
    "generation": 7,
    "pending": 0,
    "unconfirmed": 0,
    "blocked": {},
    "unsaid": {},
    "drifted": [],
    "since": 4.2,
    "retry": None,
}


def providers(*places: dict[str, Any]) -> list[str]:
    """Lines of the status between the nameservers and the end."""
    return printed(show.status(STATUS | {"providers": list(places)}))[2:]


def test_without_api_providers_nothing_is_said_of_them() -> None:
    assert providers() == []


def test_zones_that_are_as_they_should_be_share_a_line_and_many_are_counted() -> None:
    assert providers(PLACE) == ["providers: aws-main/example.com current"]
    many = [PLACE | {"zone": f"z{number}.example"} for number in range(20)]
    assert providers(*many) == [
        "providers: aws-main/z0.example, aws-main/z1.example, aws-main/z2.example and",
        "    17 more current",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"state": "failing", "error": "access [denied]", "remedy": "grant it", "pending": 3, "retry": 11.7},
            "failing: access [denied]; grant it; 3 to be written; last answer 4s ago; tried again in 12s",
        ),
        ({"state": "failing", "error": "502", "since": None}, "failing: 502; no answer yet"),
        (
            {
                "state": "blocked",
                "error": "a.example.com: theirs",
                "remedy": "remove them",
                "blocked": {"a.example.com": "theirs", "b.example.com": "theirs"},
            },
            "blocked: a.example.com: theirs; remove them; 2 services are blocked",
        ),
        (
            {"state": "blocked", "unsaid": {"a.example.com": "the sticky pick"}},
            "blocked: a.example.com cannot be said there: the sticky pick",
        ),
        ({"state": "writing", "pending": 2, "unconfirmed": 1}, "writing: 2 to be written; 1 not confirmed everywhere"),
        ({"state": "confirming", "unconfirmed": 1}, "confirming: 1 not confirmed everywhere"),
        ({"state": "starting", "since": None}, "starting"),
        ({"drifted": ["a.example.com"]}, "current: changed by somebody else: a.example.com"),
    ],
)
def test_a_zone_that_is_not_so_has_a_line_that_says_why(change: dict[str, Any], said: str) -> None:
    first, *lines = providers(PLACE | {"zone": "fine.example"}, PLACE | change)
    assert first == "providers: aws-main/fine.example current"
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(line.strip() for line in lines) == f"provider aws-main/example.com {said}"


def test_many_answers_that_cannot_be_said_are_not_all_named() -> None:
    unsaid = {f"s{number}.example.com": "it" for number in range(200)}
    drifted = list(unsaid)
    assert len(providers(PLACE | {"state": "blocked", "unsaid": unsaid, "drifted": drifted})) < 6


EXPLAINED: dict[str, Any] = {
    "name": "api.example.com",
    "decided": True,
    "good": True,
    "frozen": None,
    "withheld": None,
    "ttl": 5,
    "ttl_reason": "alert: something changed in the last 1m",
    "policy": ["geo", "weighted"],
    "hold": 60.0,
    "client": {
        "network": "198.51.100.0/24",
        "continent": "AS",
        "country": "TR",
        "subdivisions": ["TR-34"],
        "asn": 9121,
    },
    "endpoints": [
        {"name": "istanbul/192.0.2.1:80", "health": "up", "since": None, "held_until": None},
        {"name": "ankara/192.0.2.2:80", "health": "down", "since": None, "held_until": "2026-11-20T10:00:00Z"},
    ],
    "rules": [
        {
            "match": "TR-34",
            "pick": "weighted",
            "withheld": 0.0469,
            "no_answer": "nodata",
            "answers": {"A": {"192.0.2.1": 0.9531}, "AAAA": {}},
            "endpoints": [
                {
                    "name": "istanbul/192.0.2.1:80",
                    "share": 0.9531,
                    "why": {"step": "weighted", "text": "weight 60"},
                    "said": [{"step": "geo", "text": "speaks for TR-34"}, {"step": "weighted", "text": "weight 60"}],
                },
                {
                    "name": "ankara/192.0.2.2:80",
                    "share": 0.0,
                    "why": {"step": "health", "text": "edge down: timeout: no response in time [x]"},
                    "said": [],
                },
            ],
        }
    ],
    "decide_again": None,
}


def test_explain_is_a_table_for_each_rule_with_what_each_step_said() -> None:
    lines = printed(show.explain(EXPLAINED))
    assert lines[:5] == [
        "api.example.com  TTL 5s (alert: something changed in the last 1m)",
        "policy: geo -> weighted   hold: 1m",
        "client: 198.51.100.0/24, TR-34, TR, continent:AS, AS9121",
        "",
        "TR-34, 4.7% are told nodata",
    ]
    assert lines[5:7] == ["  A: 192.0.2.1 95%", "  AAAA: NODATA"]
    assert lines[7:12] == [
        "in  istanbul/192.0.2.1:80 95%, \u25cf up",
        "      geo                 speaks for TR-34",
        "      weighted            weight 60",
        "out ankara/192.0.2.2:80   \u2717 down",
        "      health              edge down: timeout: no response in time [x]",
    ]
    back = " ".join(" ".join(lines[12:]).split())  # with the date, where that is not today's, it takes two lines
    assert back.startswith("back at ")
    assert back.endswith("if nothing fails until then")


def test_before_the_first_decision_explain_says_who_is_waited_for() -> None:
    early = EXPLAINED | {"decided": False, "rules": [], "client": None, "waiting_for": ["ankara/192.0.2.2:80"]}
    lines = printed(show.explain(early | {"ttl_reason": None}))
    assert lines[0] == "api.example.com  first round of probes under way"
    assert lines[-1] == "waiting for the first verdict on ankara/192.0.2.2:80"


def test_a_client_of_unknown_location_is_called_that() -> None:
    nowhere: dict[str, Any] = {
        "network": "192.0.2.1/32",
        "continent": None,
        "country": None,
        "subdivisions": [],
        "asn": None,
    }
    assert "client: 192.0.2.1/32, unknown location" in printed(show.explain(EXPLAINED | {"client": nowhere}))


DRAIN: dict[str, Any] = {
    "kind": "drain",
    "target": "istanbul/[2001:db8:85a3::8a2e:370:7334]:443",
    "service": "api.example.com",
    "value": None,
    "author": "ayse",
    "reason": "[kernel] update",
    "created": "2001-01-01T10:00:00.000Z",
    "expires": "2001-01-01T12:00:00.000Z",
    "automatic": False,
    "drain": {
        "phase": "lowering",
        "since": "2001-01-01T10:00:00.000Z",
        "share": 1.0,
        "done_at": "2001-01-01T10:01:00.000Z",
        "exposed_until": None,
        "exposed": True,
        "blocked": None,
        "services": ["api.example.com"],
    },
}


def drained(phase: str, **more: Any) -> dict[str, Any]:
    return DRAIN | {"drain": DRAIN["drain"] | {"phase": phase} | more}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (drained("lowering"), "(waiting until longer TTLs have passed, done at 2001-01-01 "),
        (drained("moving", share=0.75), "(75% left, moving its share away, done at"),
        (drained("emptying", done_at=None), "(in no answer; waiting until no resolver holds one)"),
        (drained("lowering", blocked="would leave nobody [x]"), "(held up: would leave nobody [x])"),
        (drained("drained"), "drained: istanbul/"),
        (DRAIN | {"kind": "ttl", "value": 5, "drain": None}, "forced ttl 5: istanbul/"),
        (DRAIN | {"kind": "out", "drain": None}, "forced out: istanbul/"),
        (DRAIN | {"kind": "freeze", "drain": None}, "FROZEN  istanbul/"),
    ],
)
def test_an_order_is_told_in_lines_that_fit_with_all_that_was_said(order: dict[str, Any], said: str) -> None:
    lines = printed(show.orders([order]))
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    whole = " ".join(line.strip() for line in lines)
    assert said in whole
    assert "by ayse: [kernel] update, until 2001-01-01" in whole
    assert " for api.example.com " in whole
    assert lines == [line for line in printed(show.status(STATUS | {"orders": [order]})) if line in lines]


def test_without_orders_it_says_so() -> None:
    assert printed(show.orders([])) == ["no orders are in force"]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (drained("lowering"), "longer TTLs pass"),
        (drained("moving", share=0.5), "50% left"),
        (drained("emptying"), "resolvers forget it"),
        (drained("drained"), "drained"),
        (drained("emptying", blocked="nobody else is left"), "held up"),
    ],
)
def test_beside_a_bar_there_is_room_for_a_few_words_on_a_drain(order: dict[str, Any], said: str) -> None:
    assert printed(show.drain_step(order)) == [f"{order['target']}: {said}"]


SERVICE: dict[str, Any] = {
    "name": "api.example.com",
    "decided": True,
    "good": True,
    "ttl": 30,
    "answers": {"A": {"192.0.2.1": 1.0}},
    "frozen": None,
    "withheld": None,
    "endpoints": [],
}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, "api.example.com  TTL 30s"),
        ({"frozen": {"author": "ayse"}}, "api.example.com  TTL 30s   FROZEN"),
        (
            {"frozen": {"author": "ayse"}, "withheld": {"A": {"192.0.2.2": 1.0}}},
            "api.example.com  TTL 30s   FROZEN  would answer 192.0.2.2 100%",
        ),
        ({"good": False}, "api.example.com  TTL 30s  no endpoint is fit"),
    ],
)
def test_a_frozen_service_says_so_and_what_it_would_answer(change: dict[str, Any], line: str) -> None:
    assert line in printed(show.status(STATUS | {"services": [SERVICE | change]}))


RECORD: dict[str, Any] = {"at": "2001-01-01T10:00:00.000Z"}
PROVIDER = RECORD | {"kind": "provider", "provider": "aws-main", "zone": "example.com"}
PUBLICATION = RECORD | {"kind": "publication", "services": ["api.example.com", "www.example.com"]}
ORDER = RECORD | {
    "kind": "order",
    "action": "weight",
    "target": "istanbul",
    "author": "ayse",
    "reason": "x [y]",
    "value": 7,
    "forced": [],
}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (ORDER, "order      weight 7 istanbul by ayse: x [y]"),
        (
            ORDER | {"action": "out", "value": None, "forced": ["never-empty", "min_regions"]},
            "order      out istanbul by ayse: x [y] (forced past never-empty, min_regions)",
        ),
        (
            RECORD | {"kind": "answer", "service": "api.example.com", "nameserver": "nameserver-0", "generation": 1},
            "answer     api.example.com by nameserver-0, for the first time so",
        ),
        (
            RECORD | {"kind": "exposure", "service": "api.example.com", "endpoint": "istanbul/[2001:db8::1]:80"},
            "exposure   no resolver holds api.example.com with istanbul/[2001:db8::1]:80 any more",
        ),
        (
            RECORD | {"kind": "recovery", "service": "api.example.com", "achieved": 31.25, "predicted": 33.5},
            "recovery   api.example.com after 31.25s, predicted 33.5s",
        ),
        (
            RECORD | {"kind": "recovery", "service": "api.example.com", "achieved": 31.25, "predicted": None},
            "recovery   api.example.com after 31.25s",
        ),
        (
            PROVIDER | {"text": "api.example.com: refused: [x]", "over": False},
            "provider   aws-main/example.com api.example.com: refused: [x]",
        ),
        (PROVIDER | {"text": "published again", "over": True}, "provider   aws-main/example.com published again"),
        (
            PUBLICATION | {"provider": "aws-main/example.com", "seconds": 61.5},
            "published  api.example.com, www.example.com by aws-main/example.com after 1m1.5s",
        ),
        (
            PUBLICATION | {"provider": "embedded", "seconds": 0.0123},
            "published  api.example.com, www.example.com by embedded after 12.3 ms",
        ),
    ],
)
def test_what_follows_from_orders_and_decisions_is_told_in_a_line(record: dict[str, Any], said: str) -> None:
    (line,) = printed(show.history([record]))
    assert line.endswith(said)


def test_explain_names_the_wildcard_service_that_answers_for_a_name_below_it() -> None:
    view: dict[str, Any] = {"name": "*.apps.example.com", "decided": False, "policy": ["weighted"], "hold": 60.0}
    view |= {"client": None, "endpoints": [], "rules": []}
    words = "shop.apps.example.com is answered by the wildcard *.apps.example.com"
    assert words in printed(show.explain(view | {"asked": "shop.apps.example.com"}))
    assert not any("wildcard" in line for line in printed(show.explain(view | {"asked": "*.apps.example.com"})))
