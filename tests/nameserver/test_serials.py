"""Serials rise when what a transfer contains changes, and only then."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gslb.model.names import ServiceName
from gslb.model.record import SerialRecord
from gslb.model.steering import Steering
from gslb.nameserver.content import RecordSet, content
from gslb.nameserver.serials import Serials, is_later, next_serial
from gslb.nameserver.snapshot import Record, Snapshot, Zone
from tests.nameserver.clients import steerings
from tests.nameserver.support import API, INNER, ZONES, service

SPACE = 2**32
NOW = 1_796_000_000
COM, SUB = "example.com.", "sub.example.com."
serial_numbers = st.integers(0, SPACE - 1)


def by_name(*services: Steering) -> dict[ServiceName, Steering]:
    return {each.name: each for each in services}


class Zones:
    """Serials as they are given, and kept in a database that forgets nothing."""

    def __init__(self, now: float = NOW) -> None:
        self.now, self.kept = now, dict[str, SerialRecord]()
        self.restart()

    def restart(self) -> None:
        self.serials = Serials(lambda: self.now)
        self.serials.save = lambda records: self.kept.update((record.zone, record) for record in records)
        self.serials.restore(self.kept.values())

    def of(self, *services: Steering, zones: tuple[Zone, ...] = ZONES) -> int:
        """The serial of example.com with these services."""
        return self.serials.assign(zones, by_name(*services))[COM]


def test_the_first_serial_is_the_time_or_what_the_zone_says_if_that_is_later() -> None:
    assert Zones().of() == NOW
    assert Zones(now=0).of() == 1
    soa = Record(COM, 60, "SOA", "ns1.example.com. hostmaster.example.com. 2026113001 1 1 1 1")
    assert Zones().of(zones=(Zone(COM, (soa,)),)) == 2026113001


@given(serial_numbers, st.none() | serial_numbers, serial_numbers)
def test_the_next_serial_is_later_than_the_last_wherever_clock_and_file_stand(
    last: int, own: int | None, now: int
) -> None:
    after = next_serial(last, own, now)
    assert 0 < after < SPACE
    assert is_later(after, last)
    assert own is None or not is_later(own, last) or not is_later(own, after) or is_later(now, last)


@given(serial_numbers)
def test_without_a_jump_it_is_one_more(last: int) -> None:
    assert next_serial(last, last, last) == ((last + 1) % SPACE or 1)


def test_serials_are_compared_around_the_end_of_their_space() -> None:
    assert is_later(3, SPACE - 3)
    assert not is_later(SPACE - 3, 3)
    assert not is_later(5, 5)


def test_the_same_content_has_the_same_serial() -> None:
    zones = Zones()
    before = zones.of(API)
    zones.now += 100
    assert zones.of(API) == before
    assert zones.of(structs.replace(API)) == before


def test_weights_do_not_raise_it_and_an_address_that_leaves_does() -> None:
    zones = Zones()
    before = zones.of(service("api.example.com.", (60, ["203.0.113.1"]), (40, ["203.0.113.2"])))
    assert zones.of(service("api.example.com.", (1, ["203.0.113.2"]), (255, ["203.0.113.1"]))) == before
    assert zones.of(service("api.example.com.", (1, ["203.0.113.2"]))) == before + 1


def test_changes_within_a_second_raise_it_one_by_one_and_time_makes_it_jump() -> None:
    zones = Zones()
    found = [zones.of(service("api.example.com.", (1, [f"203.0.113.{i}"]))) for i in range(3)]
    assert found == [NOW, NOW + 1, NOW + 2]
    zones.now += 1000
    assert zones.of() == NOW + 1000


def test_a_zone_keeps_its_serial_when_another_one_changes() -> None:
    zones = Zones()
    before = zones.serials.assign(ZONES, by_name(API))
    after = zones.serials.assign(ZONES, by_name(API, service("x.sub.example.com.", (1, ["203.0.113.1"]))))
    assert after[COM] == before[COM]
    assert after[SUB] > before[SUB]


def test_static_records_raise_it_but_for_the_serial_of_the_file() -> None:
    zones = Zones()
    before = zones.of(API)
    soa, *others = ZONES[0].records
    raised = replace(soa, rdata=soa.rdata.replace(" 1 3600", " 7 3600"))
    assert zones.of(API, zones=(Zone(COM, (raised, *others)), *ZONES[1:])) == before
    longer = replace(soa, rdata=soa.rdata.replace("86400", "86401"))
    assert zones.of(API, zones=(Zone(COM, (longer, *others)), *ZONES[1:])) == before + 1
    hidden = tuple(r for r in ZONES[0].records if (r.name, r.type) != ("api.example.com.", "A"))
    assert zones.of(API, zones=(Zone(COM, (longer, *hidden[1:])), *ZONES[1:])) == before + 1  # the service overrides it


def test_it_goes_on_after_a_restart_and_rises_only_if_something_changed_meanwhile() -> None:
    zones = Zones()
    before = zones.of(API)
    zones.now -= 5000  # the clock was set back too
    zones.restart()
    assert zones.of(API) == before
    zones.restart()
    assert zones.of() == before + 1


def test_a_zone_that_comes_back_goes_on_from_where_it_was() -> None:
    zones = Zones()
    before = zones.of(API)
    assert zones.serials.assign((), {}) == {}
    zones.restart()
    assert zones.of(API) == before


def test_what_a_worker_answers_with_is_overtaken_if_it_is_later() -> None:
    zones = Zones()
    before = zones.of(API)
    assert not zones.serials.saw({COM: before, SUB: before - 1, "gone.example.": 7})
    assert zones.of(API) == before
    assert zones.serials.saw({COM: before + 3})  # given by a process whose last words were not kept
    assert zones.of(API) == before + 4


def test_what_was_seen_before_the_first_is_given_is_overtaken_too() -> None:
    zones = Zones()
    assert not zones.serials.saw({COM: NOW + 10})
    assert zones.of(API) == NOW + 11


def _contents(services: dict[ServiceName, Steering], zones: tuple[Zone, ...]) -> dict[str, tuple[RecordSet, ...]]:
    snapshot = Snapshot(1, zones, tuple(services.values()))
    return {zone.origin: content(snapshot, zone.origin) for zone in zones}


names = st.sampled_from(["api.example.com.", "www.example.com.", "x.sub.example.com.", "sub.example.com."])
worlds = st.tuples(
    st.dictionaries(names.map(ServiceName), steerings(), max_size=3).map(
        lambda given: {name: structs.replace(steering, name=name) for name, steering in given.items()}
    ),
    st.sampled_from([ZONES, ZONES[:2], (*ZONES[:2], Zone(SUB, (*INNER, Record("y." + SUB, 5, "A", "192.0.2.1"))))]),
)


@given(steps=st.lists(worlds, min_size=2, max_size=6), restarts=st.booleans())
def test_serials_rise_exactly_when_contents_differ(
    *, steps: list[tuple[dict[ServiceName, Steering], tuple[Zone, ...]]], restarts: bool
) -> None:
    zones = Zones()
    known: dict[str, tuple[int, tuple[RecordSet, ...]]] = {}
    for services, static in steps:
        if restarts:
            zones.restart()
        serials = zones.serials.assign(static, services)
        for origin, sets in _contents(services, static).items():
            serial, before = known.get(origin, (0, ()))
            assert (serials[origin] != serial) == (sets != before)
            assert serials[origin] == serial or is_later(serials[origin], serial)
            known[origin] = serials[origin], sets


def test_a_change_of_one_of_many_services_looks_at_that_one_only() -> None:
    services = by_name(*(service(f"s{i}.example.com.", (1, ["203.0.113.1"])) for i in range(1000)))
    zones = Zones()
    zones.serials.assign(ZONES, services)
    summed = dict(zones.serials._shares)
    moved = service("s7.example.com.", (1, ["203.0.113.2"]))
    zones.serials.assign(ZONES, services | by_name(moved))
    assert [n for n, share in zones.serials._shares.items() if summed[n] is not share] == [moved.name]
