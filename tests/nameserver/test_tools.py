"""What the tools say that operators ask nameservers with: the status that is due, and nothing to complain of.

Debian packages ``bind9-dnsutils`` (dig, delv), ``knot-dnsutils`` (kdig) and ``ldnsutils`` (drill); what is missing is
skipped.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gslb.nameserver.settings import RateLimit, Settings
from gslb.nameserver.snapshot import Record, Zone
from tests.nameserver.support import OTHER, SNAPSHOT, STATIC, Server, ipv6, running

SETTINGS = Settings(identity="istanbul-1", version="gslb 1", cookie_secrets=("5a" * 16,))
EXTRA = (
    Record("odd.example.com.", 300, "TYPE65280", r"\# 4 0A000001"),
    Record("key.example.com.", 300, "SSHFP", "4 2 " + "ab" * 32),
    Record("web.example.com.", 300, "HTTPS", '1 . alpn="h2,h3" ipv4hint="192.0.2.80"'),
)
ZONES = (Zone("example.com.", STATIC + EXTRA), Zone("example.net.", OTHER))

CASES = [
    ("www.example.com", "A", "NOERROR", "192.0.2.80"),
    ("www.example.com", "AAAA", "NOERROR", "2001:db8::80"),
    ("api.example.com", "A", "NOERROR", "203.0.113."),
    ("api.example.com", "TXT", "NOERROR", '"beside the service"'),
    ("api.example.com", "MX", "NOERROR", "hostmaster.example.com."),
    ("example.com", "SOA", "NOERROR", "hostmaster.example.com."),
    ("www.example.com", "ANY", "NOERROR", "RFC8482"),
    ("odd.example.com", "TYPE65280", "NOERROR", r"\# 4 0A000001"),
    ("key.example.com", "SSHFP", "NOERROR", "4 2 "),
    ("web.example.com", "TYPE65", "NOERROR", "h2"),
    ("alias.example.com", "A", "NOERROR", "192.0.2.80"),
    ("x.y.wild.example.com", "A", "NOERROR", "192.0.2.5"),
    ("www.old.example.com", "A", "NOERROR", "198.51.100.80"),
    ("www.child.example.com", "A", "NOERROR", "192.0.2.54"),
    ("child.example.com", "DS", "NOERROR", "13 2 "),
    ("nowhere.example.com", "A", "NXDOMAIN", "hostmaster.example.com."),
    ("www.example.org", "A", "REFUSED", ""),
]

TOOLS = {"dig": ("+norecurse",), "kdig": (), "drill": ("-o", "rd")}
"""How each is kept from asking for recursion, which none offers here."""
TCP = {"dig": "+tcp", "kdig": "+tcp", "drill": "-t"}

_STATUS = re.compile(r"(?<!ext-)(?:status|rcode): (\w+)")
_COMPLAINT = re.compile(
    r"\b(?:warning|error|failed|malformed|invalid|bad|mismatch|unexpected|extra|trailing|missing|timed out)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    snapshot = replace(SNAPSHOT, zones=ZONES, settings=SETTINGS)
    with running(tmp_path_factory.mktemp("tools"), snapshot=snapshot) as made:
        yield made


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Server]:
    """Answers nobody over UDP who has not shown who it is."""
    settings = structs.replace(SETTINGS, rate_limit=RateLimit(0.001, 0.001, slip=1))
    with running(tmp_path, snapshot=replace(SNAPSHOT, settings=settings)) as made:
        yield made


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    return present(request.param)


def present(tool: str) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")
    return tool


def say(tool: str, server: Server, *question: str) -> str:
    """What a tool says to a question, on both of its outputs."""
    command = [tool, "-p", str(server.port), *TOOLS.get(tool, ()), *question, f"@{server.host}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def statuses(output: str) -> list[str]:
    return _STATUS.findall(output)


def complaints(output: str) -> list[str]:
    return [line for line in output.splitlines() if _COMPLAINT.search(line)]


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize(("name", "type_", "status", "said"), CASES)
def test_each_tool_takes_each_kind_of_answer(
    server: Server, tool: str, name: str, type_: str, status: str, said: str, *, tcp: bool
) -> None:
    output = say(tool, server, *([TCP[tool]] if tcp else []), name, type_)
    assert (statuses(output), complaints(output)) == ([status], [])
    assert said.lower() in output.lower()


def test_each_tool_takes_what_the_server_says_of_itself(server: Server, tool: str) -> None:
    output = say(tool, server, "version.bind", "CH", "TXT")
    assert (statuses(output), complaints(output)) == (["NOERROR"], [])
    assert '"gslb 1"' in output


def test_each_tool_takes_an_answer_that_fits_only_tcp(server: Server, tool: str) -> None:
    output = say(tool, server, TCP[tool], "many.example.com", "A")
    assert (statuses(output), complaints(output)) == (["NOERROR"], [])
    assert output.count("203.0.113.") == 80


def test_drill_asks_with_dnssec_and_a_payload_of_its_own(server: Server) -> None:
    output = say(present("drill"), server, "-D", "-b", "1400", "www.example.com", "A")
    assert (statuses(output), complaints(output)) == (["NOERROR"], [])
    assert "EDNS: version 0; flags: do ; udp: 1232" in output


@pytest.mark.parametrize("tool", ["dig", "kdig"])
@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("name", ["api.example.com", "www.example.com", "nowhere.example.com"])
def test_options_are_answered_as_they_are_asked_for(server: Server, tool: str, name: str, *, tcp: bool) -> None:
    options = ["+nsid", "+subnet=198.51.100.0/24", "+cookie", "+dnssec", "+nocrypto"]
    output = say(present(tool), server, *options, *(["+tcp"] if tcp else []), name, "A")
    assert complaints(output) == []
    for said in ("istanbul-1", "CLIENT-SUBNET: 198.51.100.0/24/0", "COOKIE: ", "flags: do"):
        assert said in output
    assert "(good)" in output or tool != "dig"


def test_another_version_of_edns_is_refused_and_dig_asks_again_with_ours(server: Server) -> None:
    command = ("+edns=1", "+noednsneg", "www.example.com", "A")
    assert statuses(say(present("dig"), server, *command)) == ["BADVERS"]
    output = say("dig", server, "+edns=1", "+ednsneg", "www.example.com", "A")
    assert (statuses(output), complaints(output)) == (["NOERROR"], [])


def test_flags_and_options_that_nobody_knows_do_no_harm(server: Server) -> None:
    output = say(present("dig"), server, "+ednsflags=0x3fff", "+ednsopt=65001:abcd", "+zflag", "www.example.com", "A")
    assert (statuses(output), complaints(output)) == (["NOERROR"], [])


@pytest.mark.parametrize(
    ("tool", "said", "complained"), [("dig", ";; Truncated, retrying in TCP mode.", 0), ("kdig", "truncated reply", 1)]
)
def test_a_truncated_answer_comes_whole_over_tcp(server: Server, tool: str, said: str, complained: int) -> None:
    output = say(present(tool), server, "+cookie", "big.example.com", "TXT")
    assert said in output
    assert (statuses(output), len(complaints(output))) == (["NOERROR"], complained)
    assert output.count("x" * 250) == 8


@pytest.mark.parametrize(
    ("tool", "said", "seen"),
    [("dig", ";; BADCOOKIE, retrying.", ["NOERROR"]), ("kdig", "bad cookie from", ["BADCOOKIE", "NOERROR"])],
)
def test_a_client_that_sends_our_cookie_back_is_known_by_it(
    strict: Server, tool: str, said: str, seen: list[str]
) -> None:
    """It is given one in place of an answer, then gets answers; both tools refuse cookies that are not for them."""
    question = ("+ignore", "www.example.com", "A")
    output = say(present(tool), strict, "+cookie", *question)
    assert said in output
    assert statuses(output) == seen
    cookie = re.findall(r"COOKIE: ([0-9A-Fa-f]{48})", output)[-1]
    again = say(tool, strict, f"+cookie={cookie}", *question)
    assert (statuses(again), complaints(again)) == (["NOERROR"], [])
    assert "192.0.2.80" in again
    assert said not in again


@ipv6
def test_each_tool_takes_answers_over_ipv6(tmp_path: Path, tool: str) -> None:
    with running(tmp_path, listen="::1", snapshot=replace(SNAPSHOT, settings=SETTINGS)) as server:
        for transport in ([], [TCP[tool]]):
            output = say(tool, server, *transport, "api.example.com", "A")
            assert (statuses(output), complaints(output)) == (["NOERROR"], [])
            assert "203.0.113." in output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("api.example.com", "203.0.113."),
        ("alias.example.com", "192.0.2.80"),
        ("nowhere.example.com", ";; resolution failed: ncache nxdomain"),
    ],
)
def test_delv_takes_answers_and_denials_for_what_they_are(server: Server, name: str, said: str) -> None:
    """It validates nothing here, for the zone is not signed, but reads answers as a resolver does."""
    output = subprocess.run(
        [present("delv"), "-i", "-p", str(server.port), f"@{server.host}", name, "A"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=20,
        check=False,
    ).stdout
    assert said in output
    assert "FORMERR" not in output
