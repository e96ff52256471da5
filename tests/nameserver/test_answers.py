"""What names answer: RFC 1034 4.3.2, 2308, 4592, 6672, 8482, 9471, and services laid over it."""

import dns.rdatatype
import pytest

from tests.nameserver.support import Server, authoritative, rcode, soa_ttl, values


def test_a_name_answers_all_its_records_with_authority(server: Server) -> None:
    response = server.ask("www.example.com.")
    assert (rcode(response), authoritative(response)) == ("NOERROR", True)
    assert sorted(values(response)) == ["192.0.2.80", "192.0.2.81"]
    assert response.answer[0].ttl == 300
    assert not response.authority


def test_the_apex_answers_its_soa_and_its_name_servers(server: Server) -> None:
    assert values(server.ask("example.com.", "SOA"), "SOA")[0].startswith("ns1.example.com. hostmaster")
    assert values(server.ask("example.com.", "NS"), "NS") == ["ns1.example.com."]


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("www.example.com.", "MX", "NOERROR"),
        ("b.c.example.com.", "A", "NOERROR"),  # an empty non-terminal
        ("deep.example.com.", "A", "NOERROR"),  # one above a service
        ("wild.example.com.", "A", "NOERROR"),  # one above a wildcard
        ("nowhere.example.com.", "A", "NXDOMAIN"),
        ("x.www.example.com.", "A", "NXDOMAIN"),
        ("x.there.wild.example.com.", "A", "NXDOMAIN"),  # a name in between exists, so no wildcard
        ("there.wild.example.com.", "A", "NOERROR"),
    ],
)
def test_what_is_not_there_comes_with_an_soa_of_the_lesser_ttl(
    server: Server, name: str, type_: str, expected: str
) -> None:
    response = server.ask(name, type_)
    assert (rcode(response), authoritative(response)) == (expected, True)
    assert (values(response, type_), soa_ttl(response)) == ([], 60)  # its minimum; its own TTL is 3600


def test_an_soa_with_a_ttl_below_its_minimum_keeps_it(server: Server) -> None:
    assert soa_ttl(server.ask("nowhere.sub.example.com.")) == 30


@pytest.mark.parametrize("name", ["x.wild.example.com.", "x.y.wild.example.com.", "*.wild.example.com."])
def test_a_wildcard_answers_for_names_any_number_of_labels_below(server: Server, name: str) -> None:
    response = server.ask(name)
    assert values(response) == ["192.0.2.5"]
    assert response.answer[0].name.to_text() == name
    assert rcode(server.ask(name, "MX")) == "NOERROR"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alias.example.com.", ["192.0.2.80", "192.0.2.81"]),
        ("x.alias.example.com.", ["192.0.2.80", "192.0.2.81"]),
        ("away.example.com.", ["198.51.100.80"]),  # into another zone of ours
        ("abroad.example.com.", []),  # out of our zones
        ("loop1.example.com.", []),
    ],
)
def test_a_cname_is_followed_as_far_as_our_zones_go(server: Server, name: str, expected: list[str]) -> None:
    response = server.ask(name)
    assert (rcode(response), authoritative(response)) == ("NOERROR", True)
    assert response.answer[0].rdtype == dns.rdatatype.CNAME
    assert response.answer[0].name.to_text() == name
    assert sorted(values(response)) == expected


def test_a_cname_to_nothing_says_so_with_an_soa(server: Server) -> None:
    missing = server.ask("dangling.example.com.")
    assert (rcode(missing), values(missing, "CNAME"), soa_ttl(missing)) == ("NXDOMAIN", ["nowhere.example.com."], 60)
    nodata = server.ask("alias.example.com.", "MX")
    assert (rcode(nodata), values(nodata, "CNAME"), soa_ttl(nodata)) == ("NOERROR", ["WWW.example.com."], 60)


def test_a_cname_itself_can_be_asked_for(server: Server) -> None:
    response = server.ask("alias.example.com.", "CNAME")
    assert [rrset.rdtype for rrset in response.answer] == [dns.rdatatype.CNAME]


@pytest.mark.parametrize("name", ["child.example.com.", "www.child.example.com.", "ns.child.example.com."])
def test_below_a_cut_is_a_referral_with_glue(server: Server, name: str) -> None:
    response = server.ask(name)
    assert (rcode(response), authoritative(response), response.answer) == ("NOERROR", False, [])
    assert [(rrset.name.to_text(), rrset.rdtype) for rrset in response.authority] == [
        ("child.example.com.", dns.rdatatype.NS)
    ]
    glue = {rdata.to_text() for rrset in response.additional for rdata in rrset}
    assert glue == {"192.0.2.53", "192.0.2.54", "2001:db8::54"}


def test_the_parent_answers_for_ds(server: Server) -> None:
    response = server.ask("child.example.com.", "DS")
    assert authoritative(response)
    assert len(values(response, "DS")) == 1
    assert rcode(server.ask("x.child.example.com.", "DS")) == "NOERROR"


def test_a_child_of_ours_that_its_parent_does_not_delegate_is_not_denied_by_it(server: Server) -> None:
    """NXDOMAIN would be believed of all that is in it (RFC 8020)."""
    response = server.ask("sub.example.com.", "DS")
    assert rcode(response) == "NOERROR"
    assert response.authority[0].name.to_text() == "sub.example.com."


def test_a_cname_into_a_child_zone_ends_with_a_referral(server: Server) -> None:
    response = server.ask("into-child.example.com.")
    assert authoritative(response)
    assert values(response, "CNAME") == ["www.child.example.com."]
    assert response.authority[0].rdtype == dns.rdatatype.NS


def test_a_dname_leads_the_names_below_it_elsewhere(server: Server) -> None:
    response = server.ask("www.old.example.com.")
    kinds = [rrset.rdtype for rrset in response.answer]
    assert kinds == [dns.rdatatype.DNAME, dns.rdatatype.CNAME, dns.rdatatype.A]
    assert values(response) == ["198.51.100.80"]
    assert soa_ttl(server.ask("old.example.com.")) == 60


def test_the_cname_that_follows_from_a_dname_is_the_answer_to_whoever_asks_for_it(server: Server) -> None:
    response = server.ask("nowhere.old.example.com.", "CNAME")
    assert (rcode(response), authoritative(response), response.authority) == ("NOERROR", True, [])
    assert values(response, "CNAME") == ["nowhere.example.net."]
    assert rcode(server.ask("nowhere.old.example.com.")) == "NXDOMAIN"


def test_a_dname_that_makes_a_name_too_long_is_yxdomain(server: Server) -> None:
    name = ".".join(["x" * 62] * 3 + ["y" * 46, "tight.example.com."])
    assert rcode(server.ask(name)) == "YXDOMAIN"


def test_the_closest_zone_answers(server: Server) -> None:
    assert values(server.ask("www.sub.example.com.")) == ["192.0.2.82"]
    assert server.ask("x.sub.example.com.").authority[0].name.to_text() == "sub.example.com."


@pytest.mark.parametrize("name", ["www.example.org.", ".", "com.", "notexample.com."])
def test_a_name_outside_of_our_zones_is_refused(server: Server, name: str) -> None:
    response = server.ask(name)
    assert (rcode(response), authoritative(response)) == ("REFUSED", False)


def test_any_gets_one_small_answer(server: Server) -> None:
    assert values(server.ask("www.example.com.", "ANY"), "HINFO") == ['"RFC8482" ""']
    assert values(server.ask("api.example.com.", "ANY"), "HINFO") == ['"RFC8482" ""']
    assert values(server.ask("alias.example.com.", "ANY"), "CNAME") == ["WWW.example.com."]
    assert soa_ttl(server.ask("b.c.example.com.", "ANY")) == 60


def test_a_service_overrides_static_addresses_and_nothing_else(server: Server) -> None:
    response = server.ask("api.example.com.")
    assert values(response)[0] in {"203.0.113.1", "203.0.113.2"}
    assert (response.answer[0].ttl, authoritative(response)) == (30, True)
    assert values(server.ask("api.example.com.", "TXT"), "TXT") == ['"beside the service"']


def test_a_type_a_service_is_not_for_is_nodata_for_its_negative_ttl(server: Server) -> None:
    response = server.ask("api.example.com.", "AAAA")
    assert (rcode(response), response.answer, soa_ttl(response)) == ("NOERROR", [], 5)


def test_a_service_without_answers_says_what_its_rule_says(server: Server) -> None:
    assert rcode(server.ask("down.example.com.")) == rcode(server.ask("down.example.com.", "AAAA")) == "SERVFAIL"
    assert soa_ttl(server.ask("down.example.com.", "MX")) == 5
    empty = server.ask("empty.example.com.")
    assert (rcode(empty), soa_ttl(empty)) == ("NOERROR", 5)


def test_a_service_can_be_at_the_apex_at_a_wildcard_and_behind_a_cname(server: Server) -> None:
    assert values(server.ask("example.com.")) == ["203.0.113.3"]
    assert values(server.ask("x.any.example.com.")) == ["203.0.113.7"]
    response = server.ask("to-api.example.com.")
    assert [rrset.name.to_text() for rrset in response.answer] == ["to-api.example.com.", "api.example.com."]
    assert values(response)[0] in {"203.0.113.1", "203.0.113.2"}


def test_a_service_answers_both_address_types(server: Server) -> None:
    assert values(server.ask("dual.deep.example.com.")) == ["203.0.113.6"]
    assert values(server.ask("dual.deep.example.com.", "AAAA"), "AAAA") == ["2001:db8::6"]
