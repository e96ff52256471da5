from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gslb.gateway.pool import Pool
from gslb.model.address import Address

ADDRESSES = tuple(Address("upstream", port) for port in range(1, 5))


@given(st.sets(st.integers(0, 3), max_size=3), st.integers(1, 20))
def test_healthy_upstreams_get_equal_shares_whichever_are_down(down: set[int], rounds: int) -> None:
    pool = Pool(ADDRESSES, retry=1.0)
    for upstream in [each for index, each in enumerate(pool) if index in down]:
        pool.failed(upstream, 0.0)
    healthy = len(ADDRESSES) - len(down)
    shares = Counter(pool.order(0.5)[0].address for _ in range(rounds * healthy))
    assert list(shares.values()) == [rounds] * healthy
    assert (pool.healthy, pool.total) == (healthy, 4)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0, 2)), max_size=20))
def test_each_upstream_is_tried_at_most_once_and_the_unhealthy_last_and_not_too_soon(
    events: list[tuple[int, bool, float]],
) -> None:
    pool, now = Pool(ADDRESSES, retry=1.0), 0.0
    upstreams = list(pool)
    for index, fails, later in events:
        now += later
        if fails:
            pool.failed(upstreams[index], now)
        else:
            pool.connected(upstreams[index])
        order = pool.order(now)
        assert len({each.address for each in order}) == len(order)
        assert sorted(order, key=lambda each: not each.healthy) == order
        assert {each.address for each in order} >= {each.address for each in upstreams if each.healthy}
        assert all(each.healthy or each.retry_at <= now for each in order)


def test_an_upstream_that_failed_is_left_alone_until_its_time_has_come() -> None:
    pool = Pool(ADDRESSES[:1], retry=1.0)
    (only,) = pool
    pool.failed(only, 10.0)
    assert pool.order(10.9) == []
    assert pool.order(11.0) == [only]
    pool.failed(only, 11.0)
    pool.connected(only)
    assert pool.order(11.0) == [only]
