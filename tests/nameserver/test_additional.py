"""What helps with an answer, and what of it is left out: RFC 1034 4.3.2, RFC 2181 9, RFC 9460 4.1, RFC 9471."""

from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from gslb.nameserver.snapshot import Record, Snapshot, Zone
from tests.nameserver.support import SOA, Server, running, service


def _numbered(text: str, count: int) -> list[str]:
    return [text.format(i) for i in range(1, count + 1)]


def _record(line: str) -> Record:
    name, type_, rdata = line.split(" ", 2)
    return Record(name, 300, type_, rdata)


RECORDS = [
    "example.com. NS ns1.example.com.",
    "example.com. NS ns.elsewhere.invalid.",
    "ns1.example.com. A 192.0.2.53",
    "ns1.example.com. AAAA 2001:db8::53",
    "mail.example.com. A 192.0.2.25",
    "mail.example.com. AAAA 2001:db8::25",
    "mx.example.com. MX 10 MAIL.example.com.",
    "mx.example.com. MX 20 mail.example.com.",
    "mx.example.com. MX 30 x.wild.example.com.",
    "*.wild.example.com. A 192.0.2.26",
    "null.example.com. MX 0 .",
    "_sip._tcp.example.com. SRV 1 2 5060 mail.example.com.",
    "web.example.com. HTTPS 1 . alpn=h2",
    "web.example.com. A 192.0.2.80",
    "*.web.example.com. HTTPS 1 . alpn=h2",
    "*.web.example.com. A 192.0.2.81",
    "alias.example.com. HTTPS 0 web.example.com.",
    "tosvc.example.com. MX 10 api.example.com.",
    "tosvc.example.com. MX 20 x.any.example.com.",
    "tosvc.example.com. MX 30 a.wild.example.com.",
    "api.example.com. A 192.0.2.99",
    "*.any.example.com. A 192.0.2.98",
    "tocut.example.com. MX 10 ns.child.example.com.",
    "tocname.example.com. MX 10 cname.example.com.",
    "cname.example.com. CNAME mail.example.com.",
    "child.example.com. NS ns.child.example.com.",
    "child.example.com. NS ns1.example.com.",
    "ns.child.example.com. A 192.0.2.54",
    "other.example.com. NS ns.child.example.com.",
    "wilder.example.com. NS x.wild.example.com.",
    *_numbered("many.example.com. MX 10 mx{}.example.com.", 12),
    *_numbered("mx{}.example.com. A 192.0.2.1", 12),
    *_numbered("mx{0}.example.com. AAAA 2001:db8::{0}", 12),
    *_numbered("needy.example.com. NS ns{}.needy.example.com.", 12),
    *_numbered("ns{}.needy.example.com. A 192.0.2.2", 12),
    *_numbered("relying.example.com. NS ns{}.needy.example.com.", 12),
]
ZONE = Zone("example.com.", (SOA, *map(_record, RECORDS)))
SNAPSHOT = Snapshot(
    1,
    (ZONE,),
    (
        service("api.example.com.", (1, ["203.0.113.1"])),
        service("x.any.example.com.", (1, ["203.0.113.2"])),
        service("below.a.wild.example.com.", (1, ["203.0.113.3"])),
    ),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("additional"), snapshot=SNAPSHOT) as started:
        yield started


def helpful(response: dns.message.Message) -> set[str]:
    return {
        f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in response.additional
        for rdata in rrset
    }


NS1 = {"ns1.example.com. A 192.0.2.53", "ns1.example.com. AAAA 2001:db8::53"}
MAIL = {"mail.example.com. A 192.0.2.25", "mail.example.com. AAAA 2001:db8::25"}


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("example.com.", "NS", NS1),
        ("mx.example.com.", "MX", MAIL | {"x.wild.example.com. A 192.0.2.26"}),
        ("_sip._tcp.example.com.", "SRV", MAIL),
        ("web.example.com.", "HTTPS", {"web.example.com. A 192.0.2.80"}),
        ("alias.example.com.", "HTTPS", {"web.example.com. A 192.0.2.80", 'web.example.com. HTTPS 1 . alpn="h2"'}),
        ("null.example.com.", "MX", set()),
        ("x.web.example.com.", "HTTPS", set()),  # the addresses of what was asked for are not known beforehand
        ("tocut.example.com.", "MX", set()),  # glue is no answer (RFC 2181, section 5.4.1)
        ("tocname.example.com.", "MX", set()),  # nor is an alias what MX may point to (RFC 2181, section 10.3)
        ("example.com.", "SOA", set()),
        ("mx.example.com.", "ANY", set()),
        ("mx.example.com.", "TXT", set()),
    ],
)
def test_addresses_of_what_an_answer_points_to_come_with_it(
    server: Server, name: str, type_: str, expected: set[str]
) -> None:
    assert helpful(server.ask(name, type_)) == expected


def test_addresses_that_a_service_stands_for_do_not(server: Server) -> None:
    """Neither those of its own name nor those of a wildcard that no longer covers the name."""
    response = server.ask("tosvc.example.com.", "MX")
    assert (len(response.answer[0]), helpful(response)) == (3, set())


def test_what_helps_is_left_out_where_it_does_not_fit(server: Server) -> None:
    query = dns.message.make_query("many.example.com.", "MX")
    response = server.send(query)
    assert not response.flags & dns.flags.TC
    assert len(response.answer[0]) == 12
    assert 0 < len(response.additional) < 24
    assert len(server.send(query, tcp=True).additional) == 24


def test_glue_that_does_not_fit_is_asked_for_over_tcp(server: Server) -> None:
    query = dns.message.make_query("x.needy.example.com.", "A")
    response = server.send(query)
    assert response.flags & dns.flags.TC
    assert (response.authority, response.additional) == ([], [])
    whole = server.send(query, tcp=True)
    assert (len(whole.authority[0]), len(whole.additional)) == (12, 12)
    assert not server.ask("x.needy.example.com.", use_edns=0, payload=1232).flags & dns.flags.TC


def test_glue_of_siblings_is_left_out_instead(server: Server) -> None:
    response = server.ask("x.relying.example.com.")
    assert not response.flags & dns.flags.TC
    assert (len(response.authority[0]), len(response.additional) < 12) == (12, True)


def test_a_referral_tells_all_addresses_it_has(server: Server) -> None:
    inside = {"ns.child.example.com. A 192.0.2.54"}
    assert helpful(server.ask("x.child.example.com.")) == inside | NS1
    assert helpful(server.ask("x.other.example.com.")) == inside
    assert helpful(server.ask("x.wilder.example.com.")) == {"x.wild.example.com. A 192.0.2.26"}


def test_owners_are_written_once(server: Server) -> None:
    """So that what helps fits: pointers take the place of what the message has already (RFC 1035, section 4.1.4)."""
    query = dns.message.make_query("alias.example.com.", "HTTPS")
    reply = server.exchange(query.to_wire())
    assert reply is not None
    assert reply.count(b"\x07example\x03com\x00") == 2  # the question and the rdata
    assert dns.message.from_wire(reply) == server.send(query)
