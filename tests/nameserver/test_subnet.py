"""The client subnet option on the wire (RFC 7871): what is well-formed, and what comes back."""

import subprocess
from ipaddress import IPv4Address, IPv6Address, ip_network

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver.clients import packed
from gslb.nameserver.subnet import Subnet, network_of, read_subnet, who_of
from tests.nameserver.support import Server, rcode, values

FORMERR = {
    "no data": "",
    "no scope": "000118",
    "a scope in a query": "00011818c63364",
    "a family that is neither": "00030000",
    "a family that is neither, with an address": "00031800c63364",
    "no family, with an address": "00001800c63364",
    "more bits than IPv4 has": "00012100c633640700",
    "more bits than IPv6 has": "00028100" + "20010db8" + "00" * 13,
    "an octet too few": "00011800c633",
    "an octet too many": "00011800c6336400",
    "an octet where nothing is told": "0001000000",
    "a bit beyond the prefix": "00011700c63365",
    "a bit beyond the prefix in IPv6": "00022f0020010db80001",
}


def other(data: bytes) -> dns.edns.Option:
    """An option that nobody knows."""
    return dns.edns.GenericOption(dns.edns.OptionType(65001), data)


def ask(server: Server, data: str, *, name: str = "www.example.com.", tcp: bool = False) -> dns.message.Message:
    """Ask with the client subnet option of these hexadecimal digits."""
    option = dns.edns.GenericOption(dns.edns.OptionType.ECS, bytes.fromhex(data))
    return server.send(dns.message.make_query(name, "A", use_edns=0, options=[option]), tcp=tcp)


def echo(response: dns.message.Message) -> str | None:
    """The one subnet of a response, in hexadecimal digits."""
    found = [option.to_wire().hex() for option in response.options if option.otype == dns.edns.OptionType.ECS]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize("data", FORMERR.values(), ids=FORMERR)
@pytest.mark.parametrize("tcp", [False, True])
def test_a_malformed_subnet_is_formerr_and_does_not_come_back(server: Server, data: str, tcp: bool) -> None:  # noqa: FBT001  a parameter
    response = ask(server, data, tcp=tcp)
    assert (rcode(response), response.edns, echo(response)) == ("FORMERR", 0, None)


def test_two_subnets_are_formerr(server: Server) -> None:
    options: list[dns.edns.Option] = [dns.edns.ECSOption("192.0.2.0", 24), dns.edns.ECSOption("198.51.100.0", 24)]
    query = dns.message.make_query("www.example.com.", "A", use_edns=0, options=options)
    assert rcode(server.send(query)) == "FORMERR"


@pytest.mark.parametrize(
    "data",
    [
        "00011800c63364",  # 198.51.100.0/24
        "00011700c63364",
        "00012000c6336407",
        "0001010080",
        "0002300020010db80001",
        "0002380020010db8000100",
        "00028000" + "20010db8" + "00" * 12,
        "00027800" + "00" * 10 + "ffffc63364",  # mapped
        "00010000",
        "00020000",
    ],
)
@pytest.mark.parametrize("name", ["www.example.com.", "api.example.com.", "nowhere.example.com.", "www.example.org."])
def test_a_subnet_comes_back_as_it_came_with_scope_0_where_it_does_not_matter(
    server: Server, data: str, name: str
) -> None:
    for _ in range(3):  # the later ones from the ready answers
        assert echo(ask(server, data, name=name)) == data
    assert echo(ask(server, data, name=name, tcp=True)) == data


def test_no_family_is_right_where_no_address_is_told(server: Server) -> None:
    query = dns.message.make_query("www.example.com.", "A", use_edns=0)
    option = bytes.fromhex("0008000400000000")
    packet = query.to_wire()[:-2] + len(option).to_bytes(2) + option  # dnspython reads no such option
    reply = server.exchange(packet)
    assert reply is not None
    assert (reply[3] & 0xF, reply[-len(option) :]) == (0, option)


def test_no_subnet_comes_back_that_did_not_come(server: Server) -> None:
    assert server.ask("www.example.com.", use_edns=0).options == ()
    assert server.ask("www.example.com.").edns == -1


def test_a_subnet_beside_other_options_is_found(server: Server) -> None:
    options = [other(b"before"), dns.edns.ECSOption("192.0.2.0", 24), other(b"")]
    response = server.send(dns.message.make_query("www.example.com.", "A", use_edns=0, options=options))
    assert echo(response) == "00011800c00002"


def test_options_of_a_future_version_are_not_looked_at(server: Server) -> None:
    query = dns.message.make_query(
        "www.example.com.", "A", use_edns=1, options=[dns.edns.GenericOption(dns.edns.OptionType.ECS, b"?")]
    )
    response = server.send(query)
    assert (rcode(response), response.options) == ("BADVERS", ())


def test_a_truncated_response_has_the_subnet_too(server: Server) -> None:
    query = dns.message.make_query(
        "many.example.com.", "A", use_edns=0, payload=512, options=[dns.edns.ECSOption("192.0.2.0", 24)]
    )
    response = server.send(query)
    assert response.flags & dns.flags.TC
    assert echo(response) == "00011800c00002"
    assert len(values(server.send(query, tcp=True))) == 80


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("192.0.2.0/24", "CLIENT-SUBNET: 192.0.2.0/24/0"),
        ("2001:db8::/56", "CLIENT-SUBNET: 2001:db8::/56/0"),
        ("0", "CLIENT-SUBNET: 0.0.0.0/0/0"),
    ],
)
def test_dig_takes_what_comes_back(server: Server, asked: str, shown: str) -> None:
    command = ["dig", f"+subnet={asked}", "@127.0.0.1", "-p", str(server.port), "www.example.com."]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "status: NOERROR" in done.stdout
    assert shown in done.stdout


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.data())
def test_any_network_is_read_and_written_as_it_is(address: object, data: st.DataObject) -> None:
    host = ip_network(str(address))
    network = host.supernet(new_prefix=data.draw(st.integers(1, host.max_prefixlen)))
    option = dns.edns.ECSOption(str(network.network_address), network.prefixlen)
    found = read_subnet(option.to_wire() or b"")
    assert found is not None
    mapped = network.version == 6 and network.subnet_of(ip_network("::ffff:0:0/96"))  # type: ignore[arg-type]
    assert mapped or found.network == network
    back = dns.edns.ECSOption.from_wire_parser(dns.edns.OptionType.ECS, dns.wire.Parser(found.option(3)[4:]))
    assert isinstance(back, dns.edns.ECSOption)
    assert (back.address, back.srclen) == (option.address, option.srclen)


@given(st.binary(max_size=24))
def test_garbage_is_refused_or_comes_back(data: bytes) -> None:
    found = read_subnet(data)
    assert found is None or found.option(0)[4:] == data


def test_a_mapped_network_is_one_of_ipv4_and_its_scope_counts_from_there() -> None:
    mapped = Subnet(2, 120, bytes(10) + b"\xff\xff" + bytes([198, 51, 100]))
    assert mapped.network == ip_network("198.51.100.0/24")
    assert mapped.option(20)[7] == 116
    assert mapped.option(0)[7] == 0
    wider = Subnet(2, 80, bytes(10))
    assert wider.network == ip_network("::/80")
    assert wider.option(20)[7] == 20


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("198.51.100.7", "198.51.100.7/32"),
        ("::ffff:198.51.100.7", "198.51.100.7/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("fe80::1%eth0", "fe80::1/128"),
    ],
)
def test_the_source_of_a_packet_is_a_network_of_one(source: str, network: str) -> None:
    assert network_of(who_of(packed(source))) == ip_network(network)


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_subnet_is_named_so_that_it_can_be_told_from_the_name(address: IPv4Address | IPv6Address, bits: int) -> None:
    network = ip_network((address, min(bits, address.max_prefixlen)), strict=False)
    told = dns.edns.ECSOption(str(network.network_address), network.prefixlen)
    subnet = read_subnet(told.to_wire() or b"")
    assert subnet is not None
    assert network_of(subnet.who) == subnet.network
    assert subnet.who != who_of(address.packed)
