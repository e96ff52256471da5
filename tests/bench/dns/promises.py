"""What a server must answer before it is measured: the same from all, as far as it can steer."""

import dns.edns
import dns.message
import dns.query
import dns.rcode

from benchmarks.tools import BenchmarkError
from tests.bench.dns.server import Server, Serving
from tests.bench.dns.subnets import answer, subnets
from tests.bench.dns.zone import GEO, HOSTS, REGIONS, SERVICE, ZONE

_PATIENCE = 5.0
_ASKED = 200
"""Times that the service is asked, for its shares."""
_SLACK = 0.1
_SUBNETS = 50
"""Client subnets that are tried."""


def check(server: Server, serving: Serving) -> None:
    """Ask ``server`` all that the mixes count on.

    Raises:
        BenchmarkError: it answers otherwise.
    """
    host = HOSTS[-1]
    _demand(server, "a host's A", _values(_ask(serving, host.name, "A")) == [host.ipv4])
    _demand(server, "a host's AAAA", _values(_ask(serving, host.name, "AAAA")) == [host.ipv6])
    missing = _ask(serving, f"missing.{ZONE}", "A").rcode()
    _demand(server, "NXDOMAIN for a missing name", missing == dns.rcode.NXDOMAIN)
    _check_service(server, serving)
    if "ecs" in server.mixes:
        _check_subnets(server, serving)


def _check_service(server: Server, serving: Serving) -> None:
    first, weight = next(iter(REGIONS.items()))
    told = [value for _ in range(_ASKED) for value in _values(_ask(serving, SERVICE, "A"))]
    share = told.count(first) / _ASKED
    due = weight / sum(REGIONS.values()) if server.weighs else 1.0
    right = set(told) <= set(REGIONS) and len(told) == _ASKED and abs(share - due) <= _SLACK
    _demand(server, f"{SERVICE}: {first} in {due:.0%} of the answers, not {share:.0%}", right)


def _check_subnets(server: Server, serving: Serving) -> None:
    for subnet, country in list(subnets().items())[:_SUBNETS]:
        told = _ask(serving, GEO, "A", subnet)
        wanted = answer(country)
        _demand(server, f"{GEO} for {subnet} in {country}: {wanted}, not {_values(told)}", _values(told) == [wanted])
        scopes = [option.scopelen for option in told.options if isinstance(option, dns.edns.ECSOption)]
        _demand(server, f"a scope for {subnet}", len(scopes) == 1 and bool(scopes[0]))


def _demand(server: Server, what: str, right: bool) -> None:  # noqa: FBT001  the outcome
    if not right:
        raise BenchmarkError(f"{server.name} does not answer as the others: {what}")


def _ask(serving: Serving, name: str, type_: str, subnet: str = "") -> dns.message.Message:
    options: list[dns.edns.Option] = []
    if subnet:
        address, _, bits = subnet.partition("/")
        options.append(dns.edns.ECSOption(address, int(bits)))
    query = dns.message.make_query(name, type_, use_edns=0, payload=1232, options=options)
    return dns.query.udp(query, "127.0.0.1", _PATIENCE, serving.port)


def _values(reply: dns.message.Message) -> list[str]:
    return [rdata.to_text() for rrset in reply.answer for rdata in rrset]
