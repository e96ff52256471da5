"""Which packets are alike: those of one shape, which differ only in what responses to them echo."""

import struct
from dataclasses import dataclass, field

from gslb.nameserver.edns import COOKIE, Edns
from gslb.nameserver.first import GIVEN, First
from gslb.nameserver.lookup import Answer
from gslb.nameserver.rrset import OPT
from gslb.nameserver.subnet import ECS, can_be_cut
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.template import NOTHING, Echo, Template, cookies
from gslb.nameserver.wire import Query

_OPT = struct.pack(">BH", 0, OPT)
_OPT_AT, _DATA_LENGTH_AT, _OPTIONS_AT, _OPTION_LENGTH_AT, _OPTION_DATA_AT = 4, 13, 15, 17, 19
"""where a packet has these, behind the name, if its only record is an OPT record (RFC 6891, section 6.1.2)"""
_SUBNET, _COOKIE = ECS.to_bytes(2), COOKIE.to_bytes(2)
_TAILS = {_SUBNET: _OPTION_DATA_AT + 4, _COOKIE: _OPTION_DATA_AT}
"""where that begins in which packets of one shape differ, by the code of their first option: an address, a cookie"""
PAYLOAD, PAYLOAD_SIZE = slice(7, 9), 2
"""bytes that the client takes over UDP: nothing depends on them where a response is short"""
WHO = slice(_OPTION_DATA_AT, _OPTION_DATA_AT + 3)
"""family and length of a subnet"""


@dataclass(slots=True)
class Shape:
    """What is known of packets that are alike.

    Attributes:
        tail: bytes in which they differ, at their end.
        echo: what responses end with.
        asked: the query that it was learned from, and what that is answered with.
        first: whether any answer of the service was given.
        template: what is said to all clients; None where they are told apart.
        tailored: what tells them apart.
        templates: what is said to those who get the same.
        by_payload: where responses are long, the shape for each size that clients take, in the form of packets;
            nothing else then counts here.
    """

    tail: int
    echo: Echo
    asked: tuple[Query, Answer] | None = None
    first: First = GIVEN
    template: Template | None = None
    tailored: Tailored | None = None
    templates: dict[Place, Template] = field(default_factory=dict)
    by_payload: "dict[bytes, Shape] | None" = None

    @property
    def cost(self) -> int:
        """What keeping it takes, in responses."""
        shapes, templates = (
            tuple((self.by_payload or {}).values()),
            tuple(self.templates.values()),
        )  # others may add some
        own = self.template.cost if self.template else sum(it.cost for it in templates)
        return 1 + own + sum(it.cost for it in shapes)


def tail_of(rest: bytes) -> int | None:
    """Where that begins in which packets differ, in what follows the name; None if there is no such part."""
    return _TAILS.get(rest[_OPTIONS_AT:_OPTION_LENGTH_AT]) if len(rest) > _OPTIONS_AT else None


def common_of(rest: bytes) -> bytes:
    """What follows the name, without the size of responses that the client takes."""
    if not rest.startswith(_OPT, _OPT_AT):
        return rest
    return rest[: PAYLOAD.start] + rest[PAYLOAD.stop :]


def cut(edns: Edns | None, rest: bytes, end: int, *, gives_cookies: bool) -> tuple[Echo, int] | None:
    """What is echoed, and where the part of ``rest`` begins that others like it do not share.

    None if it cannot be told: an option beside others, or bits of a subnet that are not whole octets.

    Args:
        edns: of the packet.
        rest: of it, what follows the name.
        end: of the name.
        gives_cookies: clients with cookies are given some.
    """
    at = tail_of(rest)
    has_cookie = gives_cookies and edns is not None and bool(edns.cookie)
    if at is None or edns is None:
        return None if has_cookie or at is not None else (NOTHING, len(rest))
    size = int.from_bytes(rest[_DATA_LENGTH_AT:_OPTIONS_AT])
    length = int.from_bytes(rest[_OPTION_LENGTH_AT:_OPTION_DATA_AT])
    is_alone = size == len(rest) - _OPTIONS_AT and length == len(rest) - _OPTION_DATA_AT
    if not is_alone or not rest.startswith(_OPT, _OPT_AT):
        return None
    if edns.subnet is not None:
        return (Echo(len(rest) - at, end + at), at) if can_be_cut(edns.subnet) else None
    return (cookies(end + at) if has_cookie else NOTHING), at
