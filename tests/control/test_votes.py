"""Which votes count: of several vantage points, of those that went quiet, of those that cannot try."""

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.control.health import CheckState
from gslb.control.votes import REVIEW, SWEEP, Electorate, Votes
from gslb.model.combine import Health
from gslb.model.names import ProbeName, RegionName, VantageName
from gslb.model.observation import Cause, CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace, expires_after
from gslb.model.step import Condition, ProbeState
from tests.control.bench import ANKARA, API, EDGE, HERE, IN_ISTANBUL, ISTANBUL, TEN, Bench, key, service, topology
from tests.control.electorate import Site, site

if TYPE_CHECKING:
    from gslb.control.vantage import Vantage

ONE, TWO, THREE = (VantageName(f"v{number}") for number in (1, 2, 3))
ALONE, PAIR, TRIO = (dict.fromkeys(names, ()) for names in ((HERE,), (ONE, TWO), (ONE, TWO, THREE)))
DEEP = ProbeName("deep")
PACE = Pace()
AGE = expires_after(PACE, ProbeState())
TIMEOUT, LOCAL = Cause.TIMEOUT, Cause.LOCAL


def trio(quorum: int = 2) -> Bench:
    """Three vantage points see both gateways up at 0."""
    bench = Bench(service(quorum=quorum), vantages=TRIO).start()
    for vantage in TRIO:
        for target in (ISTANBUL, ANKARA):
            bench.up(target, 0.0, vantage=vantage)
    return bench


def keep_up(bench: Bench, vantages: tuple[VantageName, ...], since: float, until: float) -> None:
    """These see both gateways up, every second; the rest is quiet."""
    moment = since
    while moment <= until:
        for vantage in vantages:
            for target in (ISTANBUL, ANKARA):
                bench.up(target, moment, vantage=vantage)
        bench.review(moment + SWEEP, since=moment)
        moment += SWEEP


# Quorum


def test_one_of_three_that_sees_it_down_is_outvoted_and_two_are_believed() -> None:
    bench = trio()
    bench.down(ISTANBUL, 1.0, vantage=ONE)
    assert bench.health(ISTANBUL) is Health.UP
    bench.down(ISTANBUL, 2.0, vantage=THREE)
    assert bench.out == {ISTANBUL}
    bench.up(ISTANBUL, 3.0, vantage=ONE, times=3)
    assert bench.health(ISTANBUL) is Health.UP


@given(st.integers(1, 3), st.lists(st.tuples(st.sampled_from([ONE, TWO, THREE]), st.booleans()), max_size=12))
def test_an_endpoint_is_down_exactly_while_a_quorum_sees_it_down(
    quorum: int, turns: list[tuple[VantageName, bool]]
) -> None:
    bench, seen = trio(quorum), dict.fromkeys(TRIO, True)
    for at, (vantage, well) in enumerate(turns, start=1):
        if well:
            bench.up(ISTANBUL, float(at), vantage=vantage, times=3)
        else:
            bench.down(ISTANBUL, float(at), vantage=vantage)
        seen[vantage] = well
        against = list(seen.values()).count(False)
        assert (bench.health(ISTANBUL) is Health.DOWN) is (against >= quorum)


# Expiry


def test_when_one_of_three_goes_quiet_the_other_two_decide() -> None:
    bench = trio()
    bench.down(ISTANBUL, 1.0, vantage=ONE)
    keep_up(bench, (TWO, THREE), 2.0, 10.0)
    assert not bench.engine.votes.counts(key(ISTANBUL, vantage=ONE))
    bench.down(ISTANBUL, 11.0, vantage=TWO)
    assert bench.health(ISTANBUL) is Health.UP
    bench.down(ISTANBUL, 12.0, vantage=THREE)
    assert bench.health(ISTANBUL) is Health.DOWN


def test_a_dissenter_that_goes_quiet_is_forgotten_and_one_that_is_back_counts_at_once() -> None:
    bench = trio(quorum=1)
    bench.down(ISTANBUL, 1.0, vantage=ONE)
    assert bench.health(ISTANBUL) is Health.DOWN
    keep_up(bench, (TWO, THREE), 2.0, 10.0)
    assert bench.health(ISTANBUL) is Health.UP
    bench.down(ISTANBUL, 11.0, vantage=ONE, times=1)
    assert bench.health(ISTANBUL) is Health.DOWN


@pytest.mark.parametrize("down", [False, True])
def test_a_lone_vantage_point_that_goes_quiet_freezes_what_is_known(*, down: bool) -> None:
    bench = Bench().both_up()
    if down:
        bench.down(ISTANBUL, 1.0)
    before, told = bench.answers(), len(bench.told.transitions)
    bench.review(100.0, since=1.0)
    assert not any(bench.engine.votes.counts(of) for of in bench.engine.checks)
    assert bench.answers() == before
    assert len(bench.told.transitions) == told


def test_a_vote_expires_after_three_intervals_and_a_time_limit_and_not_before() -> None:
    bench = Bench().both_up()
    bench.review(AGE, since=0.5)
    assert bench.engine.votes.counts(key(ISTANBUL))
    bench.review(AGE + SWEEP + 0.1, since=AGE)
    assert not bench.engine.votes.counts(key(ISTANBUL))


def test_an_endpoint_that_is_down_and_backed_off_is_waited_for_longer() -> None:
    bench = Bench(pace=Pace(backoff=60.0)).both_up()
    bench.down(ISTANBUL, 1.0)
    bench.review(100.0, since=2.0)
    assert bench.engine.votes.counts(key(ISTANBUL))
    assert not bench.engine.votes.counts(key(ANKARA))
    bench.review(200.0, since=100.0)
    assert not bench.engine.votes.counts(key(ISTANBUL))


def test_a_probe_that_goes_quiet_stays_as_it_was_known_while_another_one_is_heard() -> None:
    """An endpoint does not come up because nobody looks at what was wrong with it any more."""
    bench = Bench(service(probes=(EDGE, DEEP))).start()
    for target in (ISTANBUL, ANKARA):
        bench.up(target, 0.0)
        bench.up(target, 0.0, probe=DEEP)
    bench.down(ISTANBUL, 1.0, probe=DEEP)
    assert bench.health(ISTANBUL) is Health.DOWN
    for moment in range(2, 20):
        bench.up(ISTANBUL, float(moment))
        bench.down(ISTANBUL, float(moment), probe=DEEP, times=1, cause=LOCAL)
        bench.review(moment + 1.0, since=float(moment))
    assert not bench.engine.votes.counts(key(ISTANBUL, DEEP))
    assert bench.health(ISTANBUL) is Health.DOWN
    bench.up(ISTANBUL, 21.0, probe=DEEP, times=3)
    assert bench.health(ISTANBUL) is Health.UP


def test_of_a_probe_whose_votes_have_all_expired_those_that_counted_last_stay() -> None:
    """The first had a dissenting vote when it went quiet; that the others go quiet too does not bring it back."""
    bench = Bench(service(probes=(EDGE, DEEP), quorum=1), vantages=PAIR).start()
    for vantage in PAIR:
        for target in (ISTANBUL, ANKARA):
            bench.up(target, 0.0, vantage=vantage)
            bench.up(target, 0.0, vantage=vantage, probe=DEEP)
    bench.down(ISTANBUL, 1.0, vantage=ONE, probe=DEEP)
    for moment in range(2, 30):
        for vantage in PAIR:
            bench.up(ISTANBUL, float(moment), vantage=vantage)
        if moment < 12:
            bench.up(ISTANBUL, float(moment), vantage=TWO, probe=DEEP)
        bench.review(moment + 1.0, since=float(moment))
        if moment > 8:
            assert bench.health(ISTANBUL) is Health.UP
    assert not bench.engine.votes.counts(key(ISTANBUL, DEEP, TWO))
    bench.configure(topology(service(probes=(EDGE,))), 30.0)
    assert bench.health(ISTANBUL) is Health.UP


def test_a_process_that_stood_still_does_not_take_its_own_silence_for_that_of_the_votes() -> None:
    """Or the first vantage point to be heard afterwards would decide alone."""
    bench = trio()
    bench.down(ISTANBUL, 1.0, vantage=ONE)
    keep_up(bench, (TWO, THREE), 2.0, 3.0)
    bench.down(ISTANBUL, 3.0, vantage=ONE, times=1)
    bench.engine.review(300.0)
    assert all(bench.engine.votes.counts(of) for of in bench.engine.checks)
    bench.down(ISTANBUL, 300.1, vantage=ONE, times=1)
    assert bench.health(ISTANBUL) is Health.UP
    bench.review(310.0, since=300.1)
    assert not any(bench.engine.votes.counts(of) for of in bench.engine.checks)


def test_a_reload_gives_every_vote_time_to_come_in_again() -> None:
    bench = Bench().both_up()
    bench.configure(topology(), AGE)
    bench.review(1.9 * AGE, since=AGE)
    assert all(bench.engine.votes.counts(of) for of in bench.engine.checks)


# What cannot be tried


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_what_could_not_be_tried_never_moves_anything(seed: int) -> None:
    """The same results lead to the same decisions, whatever local failures come in between."""

    def play(*, local: bool) -> Bench:
        random, now, bench = Random(seed), 1.0, Bench(regions=TEN).start()
        for target in TEN["istanbul"] + TEN["ankara"]:
            bench.up(target, 0.0)
        for _ in range(150):
            now += 0.05 + random.random() * 0.2
            target = random.choice(TEN["istanbul"] + TEN["ankara"])
            well, cause = random.random() < 0.5, random.choice([TIMEOUT, Cause.REFUSED, Cause.STATUS])
            if local:
                for other in Random(now).sample(TEN["istanbul"] + TEN["ankara"], 3):
                    bench.down(other, now - 0.0001, times=1, cause=LOCAL)
            if well:
                bench.up(target, now)
            else:
                bench.down(target, now, times=1, cause=cause)
            bench.engine.review(now + REVIEW)
        return bench

    one, other = play(local=False), play(local=True)
    assert [(t.endpoint, t.after) for t in one.told.transitions] == [
        (t.endpoint, t.after) for t in other.told.transitions
    ]
    assert one.told.doubts == other.told.doubts
    assert one.answers() == other.answers()
    assert {of: check.vote for of, check in one.engine.checks.items()} == {
        of: check.vote for of, check in other.engine.checks.items()
    }


def test_what_could_not_be_tried_is_no_sign_of_life_of_a_vote() -> None:
    bench = Bench().both_up()
    for moment in range(1, 20):
        bench.down(ISTANBUL, float(moment), times=1, cause=LOCAL)
        bench.review(moment + 1.0, since=float(moment))
    assert not bench.engine.votes.counts(key(ISTANBUL))
    assert bench.health(ISTANBUL) is Health.UP
    assert bench.out == set()


# Restoring


def test_restored_votes_count_from_the_start() -> None:
    down = ProbeState(Condition.DOWN, since=-5.0, last_failure=-1.0, initial=False)
    bench = Bench(service(quorum=2), vantages=TRIO)
    seen = {ONE: down, TWO: down, THREE: ProbeState(Condition.UP, since=-100.0)}
    states = {key(ISTANBUL, vantage=name): CheckState(state, state) for name, state in seen.items()}
    up = ProbeState(Condition.UP, since=-100.0)
    states |= {key(ANKARA, vantage=name): CheckState(up, up) for name in TRIO}
    bench.engine.restore(states, {}, {}, ())
    bench.start()
    assert set(bench.answers()) == {"192.0.2.2"}
    bench.up(ISTANBUL, 1.0, vantage=ONE, times=2)
    assert bench.health(ISTANBUL) is Health.DOWN
    bench.up(ISTANBUL, 2.0, vantage=ONE)
    assert bench.health(ISTANBUL) is Health.UP


def test_restored_votes_are_not_lost_to_a_network_that_is_down_at_the_start() -> None:
    up = ProbeState(Condition.UP, since=-100.0)
    bench = Bench(regions=TEN)
    everyone = TEN["istanbul"] + TEN["ankara"]
    bench.engine.restore({key(target): CheckState(up, up) for target in everyone}, {}, {}, ())
    bench.start()
    before = bench.answers()
    for turn in range(5):
        for index, target in enumerate(everyone):
            bench.down(target, 1.0 + turn * 0.3 + index * 0.02, times=1, cause=TIMEOUT)
    assert len(bench.told.doubts) == 1
    assert bench.out == set()
    assert bench.answers() == before


def test_a_check_that_goes_and_comes_back_starts_anew() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0)
    bench.configure(topology(regions={"istanbul": ["192.0.2.3:80"], "ankara": [ANKARA]}), 2.0)
    assert key(ISTANBUL) not in bench.engine.checks
    bench.configure(topology(), 3.0)
    assert bench.engine.checks[key(ISTANBUL)].state == ProbeState()


def test_reviews_come_often_while_silence_waits_and_seldom_otherwise() -> None:
    told: list[Vantage] = []
    votes = Votes(lambda _: None, told.append)
    regions = {f"gw-{index}:80": RegionName(f"region-{index % 2}") for index in range(10)}
    keys = tuple(CheckKey(HERE, EDGE, target) for target in regions)
    votes.configure(Electorate(keys, {EDGE: PACE}, regions, {HERE: ()}), 0.0)
    votes.review(5.0)
    assert votes.next_review == 5.0 + SWEEP
    assert votes.vantages[HERE].waiting == {}
    for turn in range(3):
        votes.take(
            ProbeResult(keys[0], 5.1 + turn * 0.1, Observation(ok=False, latency=0.0, cause=TIMEOUT)), 5.1 + turn * 0.1
        )
    assert votes.vantages[HERE].waiting
    assert votes.next_review < 5.4
    moment = votes.next_review
    votes.review(moment)
    assert votes.next_review > moment
    assert told == []


# On a virtual clock: networks fail and come back

_SPELLS = st.floats(0.5, 2.5) | st.floats(0.01, 20.0)
"""The most delicate are those just long enough for one check to fail three times in."""


@settings(max_examples=25)
@given(st.floats(10.0, 12.0), _SPELLS, st.sampled_from([None, 0.05]), st.sampled_from([0.2, 1.0, 10.0]))
def test_a_network_that_fails_for_any_time_takes_nothing_out_and_leaves_nothing_behind(
    begin: float, seconds: float, hedge: float | None, interval: float
) -> None:
    place = site(Pace(interval=interval, hedge=hedge), regions=TEN)
    place.run(begin).cut.add(HERE)
    place.run(begin + seconds).cut.clear()
    place.run(begin + seconds + 35)
    assert place.bench.out == set()
    assert place.bench.engine.votes.vantages[HERE].doubt is None
    assert not place.bench.engine.votes.vantages[HERE].waiting
    assert {check.state.condition for check in place.bench.engine.checks.values()} == {Condition.UP}
    assert {check.state.failures for check in place.bench.engine.checks.values()} == {0}


@settings(max_examples=25)
@given(st.floats(10.0, 12.0), _SPELLS)
def test_a_small_site_with_references_is_not_taken_out_by_its_network_either(begin: float, seconds: float) -> None:
    place = site(vantages={HERE: ("ref-1:443", "ref-2:443")})
    place.run(begin).cut.add(HERE)
    place.run(begin + seconds).cut.clear()
    place.run(begin + seconds + 20)
    assert place.bench.out == set()
    assert place.bench.engine.votes.vantages[HERE].doubt is None


@settings(max_examples=25)
@given(st.floats(10.0, 12.0), st.sampled_from([0.2, 1.0]), st.integers(1, 5))
def test_an_endpoint_that_dies_is_out_nearly_as_soon_as_its_failures_add_up(
    moment: float, interval: float, dead: int
) -> None:
    """Waiting for the others costs no more than one exchange with them, as they are asked at once."""
    place = site(Pace(interval=interval), regions=TEN)
    place.run(moment).dead |= set(IN_ISTANBUL[:dead])
    place.run(moment + 10)
    assert place.bench.out == set(IN_ISTANBUL[:dead])
    out = [told.at for told in place.bench.told.transitions if told.after is Health.DOWN]
    assert max(out) <= moment + interval + 0.5 + 2 * 0.2 + 0.5 + 0.1
    assert place.bench.told.doubts == []


def test_an_endpoint_that_dies_while_the_network_is_down_is_out_soon_after() -> None:
    place = site(regions=TEN)
    place.run(10.3).cut.add(HERE)
    place.run(15.0).dead.add(IN_ISTANBUL[0])
    place.run(20.0)
    assert place.bench.out == set()
    place.cut.clear()
    place.run(23.0)
    assert place.bench.out == {IN_ISTANBUL[0]}


def three_sites() -> Site:
    return Site(Bench(service(quorum=2), regions=TEN, vantages=TRIO).start())


def test_while_one_of_three_has_no_network_the_other_two_decide() -> None:
    place = three_sites()
    place.run(10.0).cut.add(ONE)
    place.run(20.0).dead.add(IN_ISTANBUL[0])
    place.run(30.0)
    assert [reason is not None for reason in place.bench.told.doubts] == [True]
    assert place.bench.out == {IN_ISTANBUL[0]}


def test_while_one_of_two_has_no_network_the_other_decides_alone() -> None:
    place = Site(Bench(service(quorum=2), regions=TEN, vantages=PAIR).start())
    place.run(10.0).cut.add(ONE)
    place.run(20.0).dead.add(IN_ISTANBUL[0])
    place.run(30.0)
    assert place.bench.out == {IN_ISTANBUL[0]}


def test_while_nobody_has_a_network_everything_stays_as_it_was_known() -> None:
    place = three_sites()
    place.run(10.0).dead.add(IN_ISTANBUL[1])
    place.run(20.0).cut |= {ONE, TWO, THREE}
    before = place.bench.answers()
    told = len(place.bench.told.transitions)
    place.run(30.0).dead = {IN_ISTANBUL[0]}
    place.run(60.0)
    assert (place.bench.answers(), len(place.bench.told.transitions)) == (before, told)
    assert len(place.bench.told.doubts) == 3
    place.cut.clear()
    place.run(70.0)
    assert place.bench.health(IN_ISTANBUL[0]) is Health.DOWN
    assert place.bench.health(IN_ISTANBUL[1]) is Health.UP
    assert API in place.bench.engine.decisions
