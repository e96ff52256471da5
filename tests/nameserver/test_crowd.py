"""What is kept in constant time says the same as looking at everybody."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver.crowd import Crowd
from gslb.nameserver.limits import TcpLimits

CLIENTS = "abc"
steps = st.lists(st.tuples(st.sampled_from(["enter", "enter", "touch", "leave"]), st.integers(0, 30)), max_size=60)


class Plain:
    """Members with their clients, those first who have been idle for longest."""

    def __init__(self) -> None:
        self.all: list[tuple[int, str]] = []

    def client(self, member: int) -> str:
        return CLIENTS[member % len(CLIENTS)]

    def enter(self, member: int) -> None:
        self.all.append((member, self.client(member)))

    def leave(self, member: int) -> None:
        self.all = [one for one in self.all if one[0] != member]

    def touch(self, member: int) -> None:
        found = [one for one in self.all if one[0] == member]
        self.leave(member)
        self.all += found

    def of(self, client: str) -> list[int]:
        return [member for member, its in self.all if its == client]

    def of_largest(self) -> list[int | None]:
        """Any of these will do."""
        most = Counter(client for _, client in self.all).most_common()
        if not most:
            return [None]
        return [self.of(client)[0] for client, count in most if count == most[0][1]]


@given(steps)
def test_it_agrees_with_looking_at_everybody(done: list[tuple[str, int]]) -> None:
    crowd: Crowd[int] = Crowd()
    plain = Plain()
    for step, member in done:
        if step == "enter" and member not in crowd:
            crowd.enter(member, plain.client(member))
            plain.enter(member)
        elif step == "leave":
            crowd.leave(member)
            plain.leave(member)
        elif step == "touch":
            crowd.touch(member)
            plain.touch(member)
        assert crowd.members() == tuple(member for member, _ in plain.all)
        assert len(crowd) == len(plain.all)
        assert all(crowd.siblings(member) == len(plain.of(its)) for member, its in plain.all)
        assert crowd.longest_idle() == next(iter(crowd.members()), None)
        for client in CLIENTS:
            assert crowd.count(client) == len(plain.of(client))
            assert crowd.longest_idle_of(client) == next(iter(plain.of(client)), None)
        assert crowd.longest_idle_of_largest() in plain.of_largest()


@given(st.integers(1, 5000), st.floats(0.1, 3600), st.data())
def test_the_idle_time_only_shrinks_with_the_crowd_down_to_a_tenth(
    connections: int, idle: float, data: st.DataObject
) -> None:
    limits = TcpLimits(connections=connections, idle=idle)
    few, many = sorted(data.draw(st.lists(st.integers(0, connections), min_size=2, max_size=2)))
    assert limits.idle_with(few) >= limits.idle_with(many) >= idle * 0.099
    assert limits.idle_with(connections // 2) == idle
    assert limits.idle_with(connections) == pytest.approx(idle / 10)


@pytest.mark.parametrize(("descriptors", "connections"), [(2000, 1000), (500, 500), (-3, 1)])
def test_there_are_no_more_connections_than_descriptors(descriptors: int, connections: int) -> None:
    assert TcpLimits().within(descriptors).connections == connections
