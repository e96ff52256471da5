"""Which services' TTLs are low while failures wait to be confirmed."""

import math

from gslb.control.alarms import LINGER, Alarms
from gslb.model.names import ServiceName
from tests.control.bench import ANKARA, API, EDGE, ISTANBUL, SHOP, Bench, key, service

ONE, OTHER = key(ISTANBUL), key(ANKARA)


def test_the_first_failure_lowers_and_that_is_to_be_told_at_once() -> None:
    alarms = Alarms()
    assert alarms.note(ONE, [API, SHOP, API], 0.0, suspect=True)
    assert alarms.lowered(0.0) == {API, SHOP}
    assert alarms.lowered(0.1) is None
    assert alarms.next_moment == math.inf


def test_what_is_low_already_need_not_be_told_at_once() -> None:
    alarms = Alarms()
    alarms.note(ONE, [API], 0.0, suspect=True)
    alarms.lowered(0.0)
    assert not alarms.note(OTHER, [API], 0.1, suspect=True)
    assert alarms.note(key("192.0.2.3:80"), [SHOP], 0.2, suspect=True)


def test_it_lingers_after_the_last_alarm() -> None:
    alarms = Alarms()
    alarms.note(ONE, [API], 0.0, suspect=True)
    alarms.note(OTHER, [API], 0.0, suspect=True)
    assert alarms.lowered(0.0) == {API}
    assert alarms.note(ONE, [API], 1.0, suspect=False)
    assert not alarms.note(OTHER, [API], 2.0, suspect=False)
    assert alarms.lowered(2.0) is None
    assert alarms.next_moment == 2.0 + LINGER
    assert alarms.lowered(2.0 + LINGER - 0.1) is None
    assert alarms.lowered(2.0 + LINGER) == frozenset()
    assert alarms.next_moment == math.inf
    assert alarms.lowered(100.0) is None


def test_a_path_that_loses_now_and_then_keeps_it_low() -> None:
    alarms = Alarms()
    for turn in range(10):
        alarms.note(ONE, [API], turn * LINGER / 2, suspect=True)
        told = alarms.lowered(turn * LINGER / 2)
        assert told == (None if turn else {API})
        alarms.note(ONE, [API], turn * LINGER / 2 + 0.1, suspect=False)


def test_checks_that_are_no_more_alarm_nobody() -> None:
    alarms = Alarms()
    alarms.note(ONE, [API], 0.0, suspect=True)
    alarms.note(OTHER, [SHOP], 0.0, suspect=True)
    alarms.lowered(0.0)
    alarms.forget({OTHER})
    assert alarms.lowered(1.0) == {SHOP}
    alarms.note(ONE, [API], 1.0, suspect=False)
    assert alarms.next_moment == math.inf


def test_what_is_remembered_is_bounded_by_checks_and_services() -> None:
    alarms = Alarms()
    names = [ServiceName(f"s{number}.example.com.") for number in range(100)]
    for turn in range(1000):
        alarms.note(ONE, names, float(turn), suspect=turn % 2 == 0)
        alarms.lowered(float(turn))
    assert len(alarms._suspects) <= 1
    assert len(alarms._until) <= len(names)


def test_the_engine_tells_of_the_first_failure_and_of_its_end() -> None:
    bench = Bench(service(), service(SHOP)).both_up()
    bench.told.alarms.clear()
    bench.down(ISTANBUL, 1.0, times=1)
    assert bench.told.alarms == [(key(ISTANBUL), (API, SHOP), True)]
    bench.up(ISTANBUL, 1.5, times=2)
    assert bench.told.alarms[1:] == [(key(ISTANBUL), (API, SHOP), False)]


def test_confirmed_it_is_no_alarm_any_more() -> None:
    bench = Bench().both_up()
    bench.told.alarms.clear()
    bench.down(ISTANBUL, 1.0, times=3)
    assert [suspect for _, _, suspect in bench.told.alarms] == [True, False]
    assert bench.told.alarms[0][0].probe == EDGE
