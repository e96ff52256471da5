"""The exposure ledger: what it takes note of, what it assumes where nothing is certain, and what it keeps."""

import math

import pytest

from gslb.control.ledger import Ledger
from gslb.model.exposure import ALLOWANCE, Former
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from tests.control.bench import API, SHOP
from tests.control.office import START, Book, Stopped

ISTANBUL, ANKARA = EndpointName("istanbul/192.0.2.1:80"), EndpointName("ankara/192.0.2.2:80")
IZMIR = EndpointName("izmir/192.0.2.3:80")

HELD = 30 + ALLOWANCE
"""Seconds for which an answer with the usual TTL is held."""


def steering(*endpoints: EndpointName, ttl: int = 30, name: ServiceName = API) -> Steering:
    groups = tuple(
        Group(RegionName(endpoint.partition("/")[0]), 1, (Target((endpoint,), RecordType.A, f"192.0.2.{index}"),))
        for index, endpoint in enumerate(endpoints, 1)
    )
    return Steering(name, ttl, 5, 4, (RecordType.A,), (Rule(None, groups),))


class Shelf:
    """A ledger, its clock, and what it has told."""

    def __init__(self, now: float = START) -> None:
        self.clock, self.book = Stopped(now), Book()
        self.ended: list[tuple[ServiceName, EndpointName, float]] = []
        self.saves = 0
        self.ledger = Ledger(self.clock, self._save, lambda *what: self.ended.append(what))

    def _save(self, records: object) -> None:
        self.saves += 1
        self.book.save_exposures(records)  # type: ignore[arg-type]

    def restarted(self, away: float, jump: float = 0.0) -> "Shelf":
        other = Shelf(self.clock.now + away)
        other.clock.jump = jump
        other.ledger.restore(self.book.exposures.values())
        return other


def moved(shelf: Shelf, *, at: float = 100.0) -> None:
    """Istanbul has left the answers, which all confirm ``at`` seconds after noon."""
    shelf.ledger.publish(1, [steering(ISTANBUL, ANKARA)])
    shelf.ledger.publish(2, [steering(ANKARA, ttl=5)])
    shelf.clock.now = START + at
    assert shelf.ledger.settle(lambda _: 2, shelf.clock.now)


def test_what_is_given_is_exposed_without_end() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL)])
    shelf.ledger.settle(lambda _: 1, START)
    assert shelf.ledger.exposed(API) == {ISTANBUL: math.inf}
    assert shelf.ledger.exposed_until(API, ANKARA) == -math.inf
    assert shelf.ledger.exposed_until(SHOP, ISTANBUL) == -math.inf


def test_what_has_left_is_exposed_until_everybody_has_confirmed_and_its_ttl_is_over() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL, ANKARA)])
    shelf.ledger.publish(2, [steering(ANKARA, ttl=5)])
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf
    shelf.ledger.settle(lambda _: 1, START + 1)
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf
    assert shelf.ledger.settle(lambda _: 2, START + 100)
    assert shelf.ledger.exposed(API) == {ANKARA: math.inf, ISTANBUL: START + 100 + HELD}
    assert not shelf.ledger.settle(lambda _: 2, START + 200)


def test_only_answers_with_a_longer_ttl_count_where_that_is_asked() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL, ttl=30)])
    shelf.ledger.publish(2, [steering(ISTANBUL, ttl=5)])
    shelf.ledger.settle(lambda _: 2, START)
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf
    assert shelf.ledger.exposed_until(API, ISTANBUL, above=5) == START + HELD
    assert shelf.ledger.exposed_until(API, ISTANBUL, above=30) == -math.inf


def test_the_end_is_told_once_with_the_moment_since_when_it_holds() -> None:
    shelf = Shelf()
    moved(shelf)
    assert shelf.ledger.tick(START + 100 + HELD - 0.1) == START + 100 + HELD
    assert shelf.ended == []
    assert shelf.ledger.tick(START + 200) == math.inf
    assert shelf.ended == [(API, ISTANBUL, START + 100 + HELD)]
    shelf.ledger.tick(START + 300)
    assert len(shelf.ended) == 1
    assert shelf.ledger.exposed(API) == {ANKARA: math.inf}


def test_who_comes_back_before_has_not_ended() -> None:
    shelf = Shelf()
    moved(shelf)
    shelf.ledger.publish(3, [steering(ISTANBUL, ANKARA, ttl=5)])
    shelf.ledger.settle(lambda _: 3, START + 110)
    shelf.ledger.tick(START + 1000)
    assert shelf.ended == []
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf


def test_of_endpoints_that_end_together_each_is_told() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL, ANKARA)])
    shelf.ledger.publish(2, [steering(IZMIR)])
    shelf.ledger.settle(lambda _: 2, START)
    shelf.ledger.tick(START + HELD)
    assert shelf.ended == [(API, ANKARA, START + HELD), (API, ISTANBUL, START + HELD)]


def test_the_same_answers_are_no_news_and_are_not_saved_again() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL)])
    shelf.ledger.publish(2, [steering(ISTANBUL)])
    assert shelf.saves == 1
    assert shelf.ledger.newest == 1


def test_a_service_that_is_removed_stays_exposed_until_its_answers_have_run_out() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL)])
    shelf.ledger.remove(2, [API])
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf
    shelf.ledger.settle(lambda _: 2, START)
    shelf.ledger.tick(START + 30)
    assert shelf.ledger.exposed(API) == {ISTANBUL: START + HELD}
    shelf.ledger.tick(START + HELD)
    assert shelf.ended == [(API, ISTANBUL, START + HELD)]
    assert shelf.ledger.exposed(API) == {}
    assert shelf.ledger.services == set()


# Over a restart


def test_a_restart_goes_on_with_what_was_known() -> None:
    shelf = Shelf()
    moved(shelf)
    after = shelf.restarted(10.0)
    assert after.ledger.exposed(API) == {ANKARA: math.inf, ISTANBUL: pytest.approx(START + 100 + HELD)}
    assert after.ledger.newest == 2
    assert after.ledger.services == {API}
    assert after.ledger.tick(after.clock.now) == pytest.approx(START + 100 + HELD)


def test_a_wall_clock_that_was_set_back_lets_nothing_end_earlier_or_in_the_far_future() -> None:
    shelf = Shelf()
    moved(shelf)
    after = shelf.restarted(10.0, jump=-7200.0)
    until = after.ledger.exposed_until(API, ISTANBUL)
    assert START + 100 + HELD <= until <= after.clock.now + HELD


def test_what_is_assumed_is_held_with_the_longest_ttl_until_all_have_something_newer() -> None:
    """Nobody knows what a nameserver has given in the moments before a crash."""
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ANKARA, ttl=300)])
    shelf.ledger.settle(lambda _: 1, START)
    shelf.ledger.assume(API, 30, {ISTANBUL, ANKARA})
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf
    shelf.ledger.publish(2, [steering(ANKARA, ttl=5)])
    shelf.ledger.settle(lambda _: 2, START + 1)
    assert shelf.ledger.exposed_until(API, ISTANBUL) == START + 1 + 300 + ALLOWANCE


def test_what_is_assumed_of_a_service_that_is_not_known_stays_until_it_is_published() -> None:
    shelf = Shelf()
    shelf.ledger.assume(API, 30, {ISTANBUL})
    shelf.ledger.settle(lambda _: 7, START)
    assert shelf.ledger.exposed_until(API, ISTANBUL) == math.inf
    shelf.ledger.publish(8, [steering(ANKARA)])
    assert shelf.ledger.settle(lambda _: 8, START)
    assert shelf.ledger.exposed_until(API, ISTANBUL) == START + HELD


def test_what_was_assumed_is_not_so_where_nothing_had_been_given_before() -> None:
    shelf = Shelf()
    shelf.ledger.assume(API, 30, {ISTANBUL, ANKARA})
    shelf.ledger.assume(SHOP, 30, {ISTANBUL})
    shelf.ledger.publish(1, [steering(ANKARA)])
    shelf.ledger.begin(lambda _: True)
    assert shelf.ledger.exposed(API) == {ANKARA: math.inf}
    assert shelf.ledger.services == {API}


def test_what_others_may_have_given_before_stays_assumed() -> None:
    shelf = Shelf()
    for name in (API, SHOP):
        shelf.ledger.assume(name, 30, {ISTANBUL})
    shelf.ledger.begin(lambda name: name == SHOP)
    assert shelf.ledger.services == {API}


# What is kept


def test_every_change_is_kept_and_a_service_that_is_over_is_kept_without_answers() -> None:
    shelf = Shelf()
    moved(shelf)
    (record,) = shelf.book.exposures.values()
    assert (record.service, record.saved_at) == (API, START + 100)
    assert record.answers.endpoints == {ANKARA}
    assert record.answers.former == {30: dict.fromkeys((ANKARA, ISTANBUL), Former(2, START + 100))}
    shelf.ledger.remove(3, [API])
    shelf.ledger.settle(lambda _: 3, START + 100)
    shelf.ledger.tick(START + 1000)
    assert shelf.book.exposures[API].answers.is_over


def test_the_whole_of_it_is_kept_when_that_is_asked() -> None:
    shelf = Shelf()
    shelf.ledger.publish(1, [steering(ISTANBUL), steering(ANKARA, name=SHOP)])
    shelf.book.exposures.clear()
    shelf.ledger.save()
    assert shelf.book.exposures.keys() == {API, SHOP}


def test_the_newest_generation_is_known_after_a_restart() -> None:
    shelf = Shelf()
    moved(shelf)
    shelf.ledger.publish(3, [steering(ISTANBUL)])
    assert shelf.ledger.newest == shelf.restarted(10.0).ledger.newest == 3


def test_without_anything_to_keep_nothing_is_saved() -> None:
    shelf = Shelf()
    shelf.ledger.save()
    shelf.ledger.remove(1, [])
    assert shelf.saves == 0
    assert shelf.ledger.newest == 0
