"""Who is connected, who of them has been idle for longest, and which client has most. All in constant time.

No clock, no sockets: what is done about it is decided in ``tcp``.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class Crowd(Generic[Member]):
    """Members by client, those first who have been idle for longest."""

    def __init__(self) -> None:
        self._clients: OrderedDict[Member, Hashable] = OrderedDict()
        self._members: dict[Hashable, OrderedDict[Member, None]] = {}
        self._ranks: dict[int, OrderedDict[Hashable, None]] = {}
        """Clients by how many members they have."""
        self._most = 0

    def __len__(self) -> int:
        return len(self._clients)

    def __contains__(self, member: Member) -> bool:
        return member in self._clients

    def members(self) -> tuple[Member, ...]:
        """All, those first who have been idle for longest."""
        return tuple(self._clients)

    def count(self, client: Hashable) -> int:
        """Members of one client."""
        return len(self._members.get(client, ()))

    def siblings(self, member: Member) -> int:
        """Members of the same client, this one among them."""
        return len(self._members[self._clients[member]])

    def enter(self, member: Member, client: Hashable) -> None:
        """Take a new member in, the least idle of all."""
        own = self._members.setdefault(client, OrderedDict())
        own[member] = None
        self._clients[member] = client
        self._rank(client, len(own) - 1, len(own))

    def leave(self, member: Member) -> None:
        """Forget a member, if it is one still."""
        client = self._clients.pop(member, None)
        if client is None:
            return
        own = self._members[client]
        del own[member]
        if not own:
            del self._members[client]
        self._rank(client, len(own) + 1, len(own))

    def touch(self, member: Member) -> None:
        """This member is the least idle one now; who has left stays away."""
        client = self._clients.get(member)
        if client is not None:
            self._clients.move_to_end(member)
            self._members[client].move_to_end(member)

    def longest_idle(self) -> Member | None:
        """Of all members; None if there are none."""
        return next(iter(self._clients), None)

    def longest_idle_of(self, client: Hashable) -> Member | None:
        """Of one client; None if it has no members."""
        return next(iter(self._members.get(client, ())), None)

    def longest_idle_of_largest(self) -> Member | None:
        """Of a client that has most; None if there are none."""
        return self.longest_idle_of(next(iter(self._ranks[self._most]))) if self._most else None

    def _rank(self, client: Hashable, before: int, after: int) -> None:
        if before:
            rank = self._ranks[before]
            del rank[client]
            if not rank:
                del self._ranks[before]
        if after:
            self._ranks.setdefault(after, OrderedDict())[client] = None
        if after > self._most or self._most not in self._ranks:
            self._most = after
