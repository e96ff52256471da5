"""Which names an RRset points to: their addresses help whoever reads it (RFC 1034, section 4.3.2, step 6).

Where those are found, and that they are left out where they do not fit, is known elsewhere.
"""

import struct
from collections.abc import Iterator

from gslb.nameserver.rrset import AAAA, HTTPS, MX, NS, SRV, SVCB, WILDCARD, A, RRset

HELPFUL = {NS: (A, AAAA), MX: (A, AAAA), SRV: (A, AAAA), SVCB: (A, AAAA, SVCB), HTTPS: (A, AAAA, HTTPS)}
"""Types that help with an RRset, by its type (RFC 1035, section 3.3; RFC 2782; RFC 9460, section 4.1)."""

RDATA = 10
"""bytes before the rdata in the body of a record"""

_ROOT = b"\x00"
_OFFSET = {NS: 0, MX: 2, SRV: 6, SVCB: 2, HTTPS: 2}
"""bytes of rdata before the name"""


def targets(owner: bytes, rrset: RRset) -> Iterator[bytes]:
    """The names that ``rrset`` of ``owner`` points to, in wire form and lower case.

    The root stands for nothing; in a service binding with parameters it stands for the owner (RFC 9460, section 2.5),
    which of a wildcard is not known before it is asked for.
    """
    for body in rrset.bodies:
        name = _name(body, RDATA + _OFFSET[rrset.type])
        if name != _ROOT:
            yield name
        elif _has_parameters(rrset.type, body) and not owner.startswith(WILDCARD):
            yield owner


def _has_parameters(type_: int, body: bytes) -> bool:
    """Whether this is a service binding in ServiceMode (RFC 9460, section 2.4.3)."""
    return type_ in (SVCB, HTTPS) and struct.unpack_from(">H", body, RDATA) != (0,)


def _name(body: bytes, at: int) -> bytes:
    end = at
    while body[end]:
        end += body[end] + 1
    return body[at : end + 1].lower()
