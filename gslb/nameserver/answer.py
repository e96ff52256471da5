"""From a query to what it is answered with, before it matters who asks: zones, the server itself, and refusals."""

from gslb.nameserver.edns import PROHIBITED, ExtendedError, InfoCode
from gslb.nameserver.features import CHAOS, Features
from gslb.nameserver.lookup import Answer, lookup
from gslb.nameserver.rrset import ANY, AXFR, IN, IXFR, TXT
from gslb.nameserver.table import Table
from gslb.nameserver.wire import Query, Rcode, Reply

_NOT_READY = ExtendedError(InfoCode.NOT_READY, "there is no snapshot yet")
_UNSUPPORTED = ExtendedError(InfoCode.NOT_SUPPORTED)


def answer(table: Table | None, features: Features, query: Query) -> Answer:
    """What ``query`` is answered with; without a ``table`` nothing is ready yet."""
    if query.fault is not None:
        return Answer(Reply(query.fault, error=_UNSUPPORTED if query.fault is Rcode.NOTIMP else None))
    if query.rdclass == CHAOS:
        return _about_itself(features, query)
    if query.rdclass not in (IN, ANY):
        return Answer(Reply(Rcode.REFUSED))
    if query.type in (AXFR, IXFR):
        return Answer(Reply(Rcode.REFUSED, error=PROHIBITED))
    if table is None:
        return Answer(Reply(Rcode.SERVFAIL, error=_NOT_READY))
    return lookup(table, query.name, query.type)


def _about_itself(features: Features, query: Query) -> Answer:
    """What is said of the server (RFC 4892), if that is wanted."""
    said = features.chaos.get(query.name)
    if said is None or query.type not in (TXT, ANY):
        return Answer(Reply(Rcode.REFUSED))
    return Answer(Reply(Rcode.NOERROR, authoritative=True, answer=((query.name, said),)))
