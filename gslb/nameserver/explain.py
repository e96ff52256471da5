"""What ``_explain.NAME`` answers: to whom a service says what, and why it would be this client's turn.

As far as a nameserver knows it, and so also while control is away. Why an endpoint is in service or not is what
``gslb explain`` says.
"""

from collections.abc import Iterator

from gslb.model.area import Area
from gslb.model.location import Client, Location
from gslb.model.steering import WITHHELD, Group, Steering
from gslb.nameserver.lookup import lookup
from gslb.nameserver.rrset import AAAA, TXT, A, RRset, make_rrset, text_strings, wire_name
from gslb.nameserver.steered import Steered
from gslb.nameserver.table import Table
from gslb.nameserver.tailored import Place, Tailored

LABEL = b"\x08_explain"
"""in front of the name that is asked about"""


def explained(table: Table, name: bytes) -> tuple[Steering, Tailored] | None:
    """The service that the question for ``name`` leads to, behind ``LABEL``; None if it is another question."""
    if not name.startswith(LABEL):
        return None
    for type_ in (A, AAAA):
        answer = lookup(table, name[len(LABEL) :], type_)
        if answer.tailored is not None:
            service = table.services[wire_name(answer.tailored.rules[0].name)]
            return service.steering, answer.tailored
    return None


def explanation(steering: Steering, steered: Steered, place: Place, client: Client, generation: int) -> RRset:
    """What is said to ``client``, as TXT records. Not to be kept by anybody."""
    lines = _lines(steering, steered, place, client, generation)
    return make_rrset(TXT, 0, [text_strings(line) for line in lines])


def _lines(steering: Steering, steered: Steered, place: Place, client: Client, generation: int) -> Iterator[str]:
    rule = steering.rules[place.rule]
    yield f"service={steering.name} generation={generation} ttl={steering.ttl} answers={steering.answers}"
    yield f"client={client.network} {_where(client.location)} scope={place.scope}"
    withheld = f" withheld={rule.withheld / WITHHELD:.1%}" if rule.withheld else ""
    yield f"rule={place.rule + 1}/{len(steering.rules)} for={_whom(rule.match)} pick={rule.pick.value}{withheld}"
    if not steered.groups:
        yield f"nobody, which is told as {rule.no_answer.value}"
    chosen, _ = place.choice
    for index, group in enumerate(steered.groups):
        yield _group(group, "" if index in chosen else " not-picked")


def _group(group: Group, note: str) -> str:
    addresses = " ".join(target.value for target in group.targets)
    return f"region={group.region} weight={group.weight}{note} {addresses}"


def _whom(match: Area | None) -> str:
    return "everyone" if match is None else str(match)


def _where(location: Location) -> str:
    if not location.known:
        return "place=unknown"
    parts = (*location.subdivisions, location.country, location.continent, f"AS{location.asn}" if location.asn else "")
    return "place=" + ",".join(part for part in parts if part)
