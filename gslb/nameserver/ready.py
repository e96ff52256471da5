"""Answers kept ready for packets seen before, and what is remembered of clients. All of it is bounded.

The key of a ready answer is the packet after its id. So letter case, flags and EDNS are right without being looked at,
and so is the client where the packet tells its subnet. Where it does not, and the answer depends on who asks, the key
is the packet and what the client gets: many clients get the same.
"""

from collections.abc import Hashable, Iterator

from gslb.nameserver.features import Features
from gslb.nameserver.lookup import Answer
from gslb.nameserver.querylog import QueryLogger
from gslb.nameserver.subnet import Subnet
from gslb.nameserver.table import Table
from gslb.nameserver.tailored import Place, Tailored
from gslb.nameserver.wire import Query

BUDGET = 2**16
"""prebuilt responses in all ready answers together"""

MAX_KEY = 512
"""bytes in the longest packet that gets a ready answer"""

MAX_CHOICES = 64
"""different answers at most in one ready answer: building them is work that a client can ask for"""

MAX_SEEN = 2**16
"""packets and clients remembered as seen once"""

MAX_CLIENTS = 2**15
"""clients of whom it is remembered what they get"""

Who = Subnet | str
"""A client: its subnet where the packet tells that, else the address that the packet came from."""


Asked = tuple[Query, Answer]
"""A packet taken apart, and what its name is answered with."""


class Ready:
    """What is kept ready for one table, its features, and one state of the geo databases.

    A packet or a client is admitted when it comes for the second time. So a flood of unique ones evicts nothing; and
    one of repeated ones empties it at most, and it fills again.

    Attributes:
        table: what is answered.
        features: how.
        limiter: that of the features.
        logger: takes what goes over the wire; None: nobody does.
        observed: there is a limiter or a logger, which ready answers pass through as well.
        stale: answers of services say that they are.
        replies: ready answers. The hot path looks no further than here.
        asked: packets whose answers depend on more than the packet, taken apart.
    """

    __slots__ = (
        "_places",
        "_seen",
        "_spent",
        "asked",
        "features",
        "limiter",
        "logger",
        "observed",
        "replies",
        "stale",
        "table",
    )

    def __init__(
        self, table: Table | None, features: Features, logger: QueryLogger | None = None, *, stale: bool = False
    ) -> None:
        self.table, self.features, self.logger, self.stale = table, features, logger, stale
        self.limiter = features.limiter
        self.observed = self.limiter is not None or logger is not None
        self.replies: dict[Hashable, Iterator[bytes]] = {}
        self.asked: dict[bytes, Asked] = {}
        self._places: dict[tuple[Tailored, Who], Place] = {}
        self._seen: set[int] = set()
        self._spent = 0

    def due(self, key: Hashable) -> bool:
        """Whether ``key`` has been seen before."""
        mark = hash(key)
        if mark in self._seen:
            return True
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(mark)
        return False

    def admit(self, key: Hashable, replies: Iterator[bytes], cost: int) -> None:
        """Answer ``key`` from ``replies`` from now on; ``cost`` is the number of prebuilt responses in it."""
        if self._spent + cost > BUDGET:
            self.replies.clear()
            self.asked.clear()
            self._spent = 0
        self._spent += cost
        self.replies[key] = replies

    def place(self, tailored: Tailored, who: Who) -> Place | None:
        """What a client gets, if that is remembered."""
        return self._places.get((tailored, who))

    def remember(self, tailored: Tailored, who: Who, place: Place) -> None:
        """Remember what a client gets, if it comes for the second time."""
        key = (tailored, who)
        if not self.due(key):
            return
        if len(self._places) >= MAX_CLIENTS:
            self._places.clear()
        self._places[key] = place
