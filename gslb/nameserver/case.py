"""What is built for a query: the response now, and those kept ready for the same packet.

Which rule a client is in is not decided here, nor whether a response goes out.
"""

from collections.abc import Hashable, Iterator
from itertools import repeat
from typing import NamedTuple

from gslb.model.steering import NoAnswer
from gslb.nameserver.features import STALE
from gslb.nameserver.lookup import Answer
from gslb.nameserver.ready import MAX_CHOICES, Ready
from gslb.nameserver.rrset import RRset
from gslb.nameserver.steered import Steered, Turns
from gslb.nameserver.subnet import Subnet
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.wire import MAX_TCP, Query, Reply, build


class Case(NamedTuple):
    """A query, and what a service says to the client who sent it.

    Attributes:
        ready: what is in force.
        query: the packet taken apart.
        answer: what leads to the service, and to whom it says what.
        place: what this client gets.
        steered: its rule.
        turns: whose turn it is there.
    """

    ready: Ready
    query: Query
    answer: Answer
    place: Place
    steered: Steered
    turns: Turns

    @property
    def worth_keeping(self) -> bool:
        """Whether it is to be kept ready once it has been asked for again."""
        size = self.turns.size or self.steered.no_answer is NoAnswer.NODATA
        return self.answer.lasting and 0 < size <= MAX_CHOICES

    @property
    def cost(self) -> int:
        """What keeping it ready takes, in prebuilt responses."""
        return 1 + self.turns.size + (len(self.turns.order) + len(self.steered.pattern)) // 16

    def next(self) -> Reply:
        """The reply whose turn it is."""
        return self._reply(self.steered.turn(self.turns))

    def prebuilt(self) -> Iterator[bytes]:
        """All responses over UDP in turn, without end."""
        return self.steered.spin(self.turns, self._over_udp)

    def _over_udp(self, choice: RRset | None) -> bytes:
        return built(self.ready, self.query, self._reply(choice), self.place.scope)

    def _reply(self, choice: RRset | None) -> Reply:
        error = self.steered.error if choice is None else STALE if self.ready.stale else None
        return self.answer.saying(choice, self.steered.no_answer, error)


def static(
    ready: Ready, key: bytes | None, query: Query, answer: Answer, own: bytes, *, tcp: bool
) -> tuple[bytes, int]:
    """What is said to everybody, with its rcode."""
    response = built(ready, query, answer.reply, 0, own, tcp=tcp)
    if key is not None and answer.lasting and ready.due(key):
        ready.admit(key, repeat(response), 1)
    return response, answer.reply.rcode


def built(ready: Ready, query: Query, reply: Reply, scope: int, own: bytes = b"", *, tcp: bool = False) -> bytes:
    """``reply`` without the id, for the first ``scope`` bits of the client's subnet; ``own`` options are its alone."""
    options = ready.features.options(query.edns, reply.error, scope) + own
    return build(query, reply, MAX_TCP if tcp else query.udp_limit, options)


def mark_of(key: bytes, query: Query, tailored: Tailored, place: Place) -> Hashable:
    """What a ready answer depends on: the packet, and where that does not tell, what the client gets.

    An answer that may be SERVFAIL is not kept under the packet alone, for those are all counted as NOERROR.
    """
    decided = tailored.same is not None or subnet(query) is not None
    return key if decided and not tailored.rules[place.rule].may_fail else (key, place.rule, place.choice)


def keep_ready(key: bytes, mark: Hashable, case: Case) -> None:
    """Make the answer ready for the next time, if it is worth it."""
    ready = case.ready
    if not case.worth_keeping or not ready.due(mark):
        return
    ready.admit(mark, case.prebuilt(), case.cost)
    if mark != key:
        ready.asked[key] = case.query, case.answer


def subnet(query: Query) -> Subnet | None:
    """What the query tells of its client's subnet."""
    return query.edns.subnet if query.edns else None
