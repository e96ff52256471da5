"""Orders of people: whom they cover, how long they hold, and which drain is refused."""

import pytest

from gslb.errors import RefusedError
from gslb.model.names import ServiceName
from gslb.model.override import Override, guard_drain
from gslb.model.topology import Endpoint, Service, Topology
from tests.model.worlds import World, drain, gateway, world

TWO = world({"istanbul": [gateway("192.0.2.1"), gateway("192.0.2.2")], "ankara": [gateway("192.0.2.3")]})


def topology(*worlds: World) -> Topology:
    """The services of several worlds over the regions of all of them."""
    services = {w.service.name: w.service for w in worlds}
    return Topology({name: region for w in worlds for name, region in w.regions.items()}, services)


def test_an_order_covers_its_region_or_its_endpoint() -> None:
    first, second, elsewhere = TWO.own
    assert [drain("istanbul").covers(e) for e in (first, second, elsewhere)] == [True, True, False]
    assert [drain("istanbul/1").covers(e) for e in (first, second, elsewhere)] == [False, True, False]


def test_an_order_holds_until_the_moment_it_expires() -> None:
    assert drain("ankara").active(1e9)
    assert drain("ankara", expires=10.0).active(9.999)
    assert not drain("ankara", expires=10.0).active(10.0)


def everyone(_service: ServiceName, _endpoint: Endpoint) -> bool:
    """All are healthy."""
    return True


@pytest.mark.parametrize(
    ("standing", "new"),
    [
        ([], "istanbul"),
        ([], "istanbul/0"),
        ([drain("istanbul/0")], "istanbul"),
        ([drain("istanbul/0")], "ankara"),
        ([drain("istanbul/0")], "istanbul/1"),
        ([drain("istanbul")], "istanbul"),
        ([drain("istanbul", expires=50.0)], "ankara"),
    ],
)
def test_a_drain_that_leaves_an_endpoint_is_let_through(standing: list[Override], new: str) -> None:
    guard_drain(topology(TWO), standing, drain(new), 50.0, everyone)


@pytest.mark.parametrize(
    ("standing", "new"),
    [
        ([drain("istanbul")], "ankara"),
        ([drain("istanbul")], "ankara/0"),
        ([drain("ankara")], "istanbul"),
        ([drain("ankara"), drain("istanbul/0")], "istanbul/1"),
        ([drain("istanbul", expires=50.1)], "ankara"),
    ],
)
def test_draining_the_last_endpoint_is_refused_and_names_the_service(standing: list[Override], new: str) -> None:
    with pytest.raises(RefusedError, match="would leave") as caught:
        guard_drain(topology(TWO), standing, drain(new), 50.0, everyone)
    assert caught.value.rule == "never-empty"
    assert f"draining {new} would leave api.example.com without any endpoint" in str(caught.value)
    assert "--force" in caught.value.remedy


def test_the_service_that_would_run_empty_is_the_one_named() -> None:
    alone = Service(ServiceName("www.example.com."), TWO.service.members[1:], (), ())
    both = Topology(dict(TWO.regions), {TWO.service.name: TWO.service, alone.name: alone})
    guard_drain(both, [], drain("istanbul"), 0.0, everyone)
    with pytest.raises(RefusedError, match=r"leave www\.example\.com without"):
        guard_drain(both, [], drain("ankara"), 0.0, everyone)


def test_a_service_that_was_emptied_by_force_does_not_block_drains_elsewhere() -> None:
    other = world({"izmir": [gateway("192.0.2.9"), gateway("192.0.2.10")]})
    apart = World(Service(ServiceName("www.example.com."), other.service.members, (), ()), other.regions, {})
    guard_drain(topology(TWO, apart), [drain("istanbul"), drain("ankara")], drain("izmir/0"), 0.0, everyone)


def test_draining_the_last_healthy_endpoint_is_refused() -> None:
    def only_istanbul(_service: ServiceName, endpoint: Endpoint) -> bool:
        return endpoint.region == "istanbul"

    with pytest.raises(RefusedError, match="without any healthy endpoint"):
        guard_drain(topology(TWO), [], drain("istanbul"), 0.0, only_istanbul)
    guard_drain(topology(TWO), [], drain("ankara"), 0.0, only_istanbul)
    guard_drain(topology(TWO), [], drain("istanbul/0"), 0.0, only_istanbul)


def test_when_nothing_is_healthy_a_drain_takes_nothing_away() -> None:
    guard_drain(topology(TWO), [], drain("istanbul"), 0.0, lambda *_: False)


def test_draining_the_last_endpoint_of_a_record_type_is_refused() -> None:
    """Istanbul has IPv4 and IPv6, Ankara IPv4 only: without Istanbul there is no AAAA to give."""
    dual = world({"istanbul": [gateway("192.0.2.1", "2001:db8::1")], "ankara": [gateway("192.0.2.2")]})
    with pytest.raises(RefusedError, match="AAAA"):
        guard_drain(topology(dual), [], drain("istanbul"), 0.0, everyone)
    guard_drain(topology(dual), [], drain("ankara"), 0.0, everyone)
