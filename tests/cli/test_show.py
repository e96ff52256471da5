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
    "state": "ok",
    "vantages": [],
    "drains": [],
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
