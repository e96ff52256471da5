"""Whom to believe: silence of one is the endpoint's, silence of nearly all is the prober's own."""

from collections.abc import Sequence
from itertools import chain
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.model.combine import Health
from gslb.model.doubt import UNSAID
from gslb.model.names import RegionName, VantageName
from gslb.model.observation import REFERENCE, Cause, CheckKey, Observation, ProbeResult
from tests.control.bench import ANKARA, HERE, IN_ANKARA, IN_ISTANBUL, ISTANBUL, TEN, Bench, key, service, topology

ALL = IN_ISTANBUL + IN_ANKARA
GW = IN_ISTANBUL[0]
LEFT = [*IN_ISTANBUL[1:], *IN_ANKARA]
EIGHT = IN_ISTANBUL[:4] + IN_ANKARA[:4]
TIMEOUT = Cause.TIMEOUT
REFERENCES = ("ref-1:443", "ref-2:443")


def ten(**more: object) -> Bench:
    """Five gateways in each of two regions, all of them up since 0."""
    bench = Bench(regions=TEN, **more)  # type: ignore[arg-type]
    bench.start()
    answer(bench, ALL, 0.0)
    return bench


def answer(bench: Bench, targets: Sequence[str], at: float, gap: float = 0.02) -> None:
    for index, target in enumerate(targets):
        bench.up(target, at + index * gap)


def fall_silent(bench: Bench, targets: Sequence[str], at: float, cause: Cause = TIMEOUT) -> None:
    """Three rounds, 0.2 s apart, of attempts that meet silence."""
    for turn in range(3):
        for index, target in enumerate(targets):
            bench.down(target, at + turn * 0.2 + index * 0.015, times=1, cause=cause)


def still_silent(bench: Bench, targets: Sequence[str], at: float, cause: Cause = TIMEOUT) -> None:
    """One more attempt each, after what has come in up to then was looked at."""
    bench.review(at)
    for index, target in enumerate(targets):
        bench.down(target, at + 0.015 * (index + 1), times=1, cause=cause)
    bench.review(at + 1.0, since=at + 0.5)


def doubting(**more: object) -> Bench:
    bench = ten(**more)
    fall_silent(bench, EIGHT, 10.0)
    assert bench.told.doubts == ["8 of 10 endpoints in 2 regions fell silent together"]
    return bench


# One of many


def test_silence_of_one_is_believed_at_once_when_enough_answered_in_the_midst_of_it_and_at_its_end() -> None:
    bench = ten()
    bench.down(GW, 10.0, times=1, cause=TIMEOUT)
    answer(bench, LEFT[:3], 10.05)
    bench.review(10.2)
    bench.down(GW, 10.25, times=1, cause=TIMEOUT)
    answer(bench, LEFT[3:6], 10.46)
    bench.engine.observe(ProbeResult(key(GW), 10.45, Observation(ok=False, latency=0.5, cause=TIMEOUT)))
    assert bench.out == {GW}


def test_a_failure_of_the_network_that_is_over_takes_out_nobody_that_it_hid() -> None:
    """So short that hardly anybody else fell silent, and all others answer by the time its failures have added up."""
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    answer(bench, LEFT, 10.5)
    bench.review(11.0, since=10.7)
    assert bench.out == set()
    assert key(GW) in bench.hurried
    bench.up(GW, 11.1)
    assert not bench.engine.votes.vantages[HERE].waiting
    assert bench.out == set()


def test_silence_of_one_is_believed_once_three_of_ten_have_answered_since_and_it_is_silent_still() -> None:
    """Then no more than seven can turn out to be silent too."""
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    answer(bench, LEFT[:2], 10.5)
    assert bench.out == set()
    still_silent(bench, [GW], 10.55)
    assert bench.out == set()
    answer(bench, IN_ANKARA[:1], 11.6)
    assert bench.out == set()
    still_silent(bench, [GW], 11.7)
    assert bench.out == {GW}
    assert bench.told.doubts == []


def test_answers_to_attempts_from_before_the_silence_say_nothing() -> None:
    """The attempt that decides starts at 10.4."""
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    answer(bench, LEFT, 10.2)
    still_silent(bench, [GW], 10.41)
    assert bench.out == set()
    answer(bench, LEFT[:2], 11.45)
    still_silent(bench, [GW], 11.6)
    assert bench.out == set()
    answer(bench, LEFT[:3], 12.7)
    assert bench.out == {GW}


def test_silence_of_one_is_believed_when_a_whole_other_region_has_answered() -> None:
    bench = ten()
    bench.configure(topology(regions={"istanbul": IN_ISTANBUL, "ankara": IN_ANKARA[:2]}), 5.0)
    fall_silent(bench, IN_ISTANBUL, 10.0)
    assert bench.out == set()
    answer(bench, IN_ANKARA[:1], 11.0)
    still_silent(bench, IN_ISTANBUL, 11.05)
    assert bench.out == set()
    answer(bench, IN_ANKARA[1:2], 12.1)
    still_silent(bench, IN_ISTANBUL, 12.2)
    assert bench.out == set(IN_ISTANBUL)


def test_while_it_waits_those_are_asked_whose_answers_would_tell() -> None:
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    assert set(bench.hurried) == {key(target) for target in LEFT}
    bench.hurried.clear()
    answer(bench, LEFT[:2], 10.5)
    assert key(LEFT[1]) not in bench.hurried[-7:]
    assert set(bench.hurried[-7:]) == {key(target) for target in LEFT[2:]}


def test_references_are_asked_too() -> None:
    bench = ten(vantages={HERE: REFERENCES})
    fall_silent(bench, [GW], 10.0)
    assert {CheckKey(HERE, REFERENCE, name) for name in REFERENCES} < set(bench.hurried)


def test_a_success_while_it_waits_drops_it_and_the_failures_with_it() -> None:
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    bench.up(GW, 10.6)
    assert not bench.engine.votes.vantages[HERE].waiting
    answer(bench, LEFT, 10.7)
    assert bench.out == set()
    bench.down(GW, 11.0, times=2)
    assert bench.out == set()
    bench.down(GW, 11.3, times=1)
    assert bench.out == {GW}


def test_a_refusal_while_it_waits_is_believed_at_once() -> None:
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    bench.down(GW, 10.6, times=1)
    assert bench.out == {GW}


def test_time_alone_believes_nothing() -> None:
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    bench.review(12.0, since=10.5)
    assert bench.out == set()
    assert bench.engine.votes.vantages[HERE].waiting


@pytest.mark.parametrize("cause", sorted(set(Cause) - UNSAID - {Cause.LOCAL}))
def test_outside_of_doubt_whatever_was_said_counts_at_once(cause: Cause) -> None:
    bench = ten()
    for index, target in enumerate(ALL):
        bench.down(target, 10.0 + index, cause=cause)
        assert bench.out == set(ALL[: index + 1])
    assert bench.told.doubts == []


@pytest.mark.parametrize("cause", sorted(UNSAID))
def test_with_fewer_than_five_endpoints_or_one_region_silence_counts_at_once(cause: Cause) -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0, cause=cause)
    bench.down(ANKARA, 2.0, cause=cause)
    assert bench.out == {ISTANBUL, ANKARA}
    bench = Bench(service(regions=("istanbul",)), regions={"istanbul": ALL}).start()
    answer(bench, ALL, 0.0)
    fall_silent(bench, ALL, 10.0, cause=cause)
    assert bench.out == set(ALL)


# Nearly all


def test_nothing_is_taken_out_when_eight_of_ten_in_two_regions_fall_silent_and_it_is_said_why() -> None:
    bench = doubting()
    before = bench.answers()
    fall_silent(bench, ALL, 20.0)
    assert bench.out == set()
    assert bench.answers() == before
    doubt = bench.engine.votes.vantages[HERE].doubt
    assert doubt is not None
    assert doubt.reason == "8 of 10 endpoints in 2 regions fell silent together"
    assert 10.0 < doubt.since < 10.7


def test_a_core_without_doubt_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 6: a controller that has reason to doubt its own network takes nothing out of service."""
    monkeypatch.setattr("gslb.control.vantage.doubtful", lambda _: False)
    with pytest.raises(AssertionError):
        test_nothing_is_taken_out_when_eight_of_ten_in_two_regions_fall_silent_and_it_is_said_why()


def test_one_region_of_two_that_falls_silent_goes_out() -> None:
    bench = ten()
    fall_silent(bench, IN_ISTANBUL, 10.0)
    answer(bench, IN_ANKARA, 10.6)
    still_silent(bench, IN_ISTANBUL, 10.8)
    assert bench.out == set(IN_ISTANBUL)
    assert bench.told.doubts == []
    assert set(bench.answers()) == {target.partition(":")[0] for target in IN_ANKARA}


SPLITS = [(3, 2), (1, 4), (4, 4), (5, 5), (7, 3), (2, 9)]


@settings(max_examples=60)
@given(st.sampled_from(SPLITS), st.data(), st.integers(0, 2**32))
def test_in_whatever_order_nearly_all_fall_silent_nothing_ever_goes_out(
    split: tuple[int, int], data: st.DataObject, seed: int
) -> None:
    """Failures trickle in one by one; the others go on answering, and none of it looks like the network at first."""
    random = Random(seed)
    istanbul, ankara = (
        [f"192.0.2.{low + index}:80" for index in range(n)] for low, n in zip((10, 30), split, strict=True)
    )
    everyone = istanbul + ankara
    least = -(-4 * len(everyone) // 5)
    count = data.draw(st.integers(least, len(everyone)))
    silent = set(random.sample(istanbul, 1) + random.sample(ankara, 1))
    silent |= set(random.sample(sorted(set(everyone) - silent), count - len(silent)))
    bench = Bench(regions={"istanbul": istanbul, "ankara": ankara}).start()
    answer(bench, everyone, 0.0)
    now, results = 10.0, list(chain.from_iterable([target] * 4 for target in everyone))
    random.shuffle(results)
    for target in results:
        now += random.random() * 0.3
        if target in silent:
            bench.down(target, now, times=1, cause=random.choice(sorted(UNSAID)))
        else:
            bench.up(target, now)
        if random.random() < 0.3:
            bench.engine.review(now)
        assert bench.out == set()
    assert len(bench.told.doubts) == 1


@settings(max_examples=60)
@given(st.data(), st.integers(0, 2**32))
def test_in_whatever_order_fewer_fall_silent_they_all_go_out_and_nobody_else(data: st.DataObject, seed: int) -> None:
    random = Random(seed)
    silent = set(random.sample(ALL, data.draw(st.integers(1, 7))))
    bench = ten()
    now, results = 10.0, list(chain.from_iterable([target] * 3 for target in ALL))
    random.shuffle(results)
    for target in results:
        now += random.random() * 0.3
        if target in silent:
            bench.down(target, now, times=1, cause=TIMEOUT)
        else:
            bench.up(target, now)
        assert bench.out <= silent
    answer(bench, sorted(set(ALL) - silent), now + 1)
    still_silent(bench, sorted(silent - bench.out), now + 2.0)
    assert bench.out == silent
    assert bench.told.doubts == []


# While in doubt, and after it


def test_in_doubt_not_even_a_refusal_counts() -> None:
    bench = doubting()
    fall_silent(bench, ALL, 11.0)
    bench.down(GW, 12.0, times=5)
    assert bench.engine.votes.vantages[HERE].doubt is not None
    assert bench.out == set()
    assert bench.health(GW) is Health.UP


def test_when_enough_answer_again_it_trusts_itself_and_every_residual_failure_is_forgiven() -> None:
    bench = doubting()
    answer(bench, EIGHT[:1], 20.0)
    assert bench.told.doubts[1:] == [None]
    assert bench.engine.votes.vantages[HERE].doubt is None
    assert {check.state.failures for check in bench.engine.checks.values()} == {0}
    assert {check.vote.failures for check in bench.engine.checks.values()} == {0}
    for index, target in enumerate(ALL):
        bench.down(target, 30.0 + index, times=2)
    assert bench.out == set()
    bench.down(ALL[0], 50.0, times=1)
    assert bench.out == {ALL[0]}


def test_silence_that_met_an_attempt_begun_in_doubt_does_not_count_afterwards() -> None:
    bench = doubting()
    answer(bench, EIGHT[:2], 20.0)
    late = [target for target in EIGHT[2:] for _ in range(2)]
    for index, target in enumerate(late):
        bench.down(target, 19.0 + index * 0.03, times=1, cause=TIMEOUT)
    assert {check.state.failures for check in bench.engine.checks.values()} == {0}
    assert bench.out == set()


def test_a_refusal_of_an_attempt_begun_in_doubt_was_said_and_counts() -> None:
    bench = doubting()
    answer(bench, EIGHT[:2], 20.0)
    bench.down(EIGHT[5], 19.5)
    assert bench.out == {EIGHT[5]}


def test_what_stays_silent_after_the_doubt_goes_out_like_any_other() -> None:
    bench = doubting()
    answer(bench, [target for target in ALL if target != GW], 20.0)
    fall_silent(bench, [GW], 21.0)
    answer(bench, LEFT, 22.0)
    still_silent(bench, [GW], 22.5)
    assert bench.out == {GW}


def test_what_comes_up_in_doubt_is_known_to_be_up_after_it() -> None:
    bench = ten()
    bench.down(GW, 5.0)
    fall_silent(bench, [*IN_ISTANBUL[1:5], *IN_ANKARA[:4]], 10.0)
    assert len(bench.told.doubts) == 1
    bench.up(GW, 15.0, times=2)
    assert bench.health(GW) is Health.DOWN
    answer(bench, LEFT, 20.0)
    bench.up(GW, 21.0, times=3)
    assert bench.health(GW) is Health.UP


def test_what_answers_again_in_doubt_comes_up_when_the_doubt_is_over_and_not_before() -> None:
    bench = ten()
    bench.down(GW, 5.0)
    fall_silent(bench, LEFT, 10.0)
    bench.up(GW, 15.0, times=3)
    assert bench.engine.votes.vantages[HERE].doubt is not None
    assert bench.health(GW) is Health.DOWN
    answer(bench, LEFT, 20.0)
    assert bench.engine.votes.vantages[HERE].doubt is None
    assert bench.health(GW) is Health.UP


def test_doubt_can_come_again() -> None:
    bench = doubting()
    answer(bench, EIGHT, 20.0)
    fall_silent(bench, ALL, 30.0)
    assert [reason is not None for reason in bench.told.doubts] == [True, False, True]
    assert bench.out == set()


def test_a_reload_keeps_the_doubt() -> None:
    bench = doubting()
    bench.configure(topology(regions=TEN), 12.0)
    fall_silent(bench, EIGHT, 13.0)
    bench.down(ALL[-1], 15.0)
    assert bench.out == set()
    assert len(bench.told.doubts) == 1
    answer(bench, EIGHT, 20.0)
    assert bench.told.doubts[1:] == [None]


def test_a_reload_that_moves_an_endpoint_to_another_region_counts_it_there() -> None:
    """All silent ones are in one region now."""
    bench = Bench(regions={"istanbul": ALL[:8], "ankara": ALL[8:]}).start()
    answer(bench, ALL, 0.0)
    bench.configure(topology(regions={"istanbul": ALL[:4], "ankara": ALL[4:]}), 5.0)
    fall_silent(bench, ALL[:8], 10.0)
    assert bench.told.doubts == ["8 of 10 endpoints in 2 regions fell silent together"]
    assert bench.out == set()


def test_while_silence_waits_a_reload_drops_what_is_no_longer_checked() -> None:
    bench = ten()
    fall_silent(bench, [GW], 10.0)
    bench.configure(topology(regions={"istanbul": IN_ISTANBUL[1:], "ankara": IN_ANKARA}), 11.0)
    assert not bench.engine.votes.vantages[HERE].waiting
    answer(bench, LEFT, 12.0)
    assert bench.out == set()


def test_a_new_address_is_answered_even_in_doubt() -> None:
    """The doubt is about who is well, not about where they are."""
    bench = doubting()
    bench.configure(topology(regions=TEN, publish=("203.0.113.7",)), 12.0)
    assert set(bench.answers()) == {"203.0.113.7"}


# Names that cannot be resolved are no answers, wherever they stand


def test_names_that_do_not_resolve_are_no_sign_of_a_network_that_works() -> None:
    """As after a restart without a network: what is named by host has no address, what is not is silent."""
    bench = ten()
    fall_silent(bench, EIGHT[:4], 10.0)
    fall_silent(bench, ALL[-4:], 11.0, cause=Cause.RESOLVE)
    assert bench.out == set()
    assert len(bench.told.doubts) == 1


def test_a_name_that_does_not_resolve_while_the_others_answer_is_down() -> None:
    bench = ten()
    fall_silent(bench, [GW], 10.0, cause=Cause.RESOLVE)
    answer(bench, LEFT, 10.6)
    still_silent(bench, [GW], 10.9, cause=Cause.RESOLVE)
    assert bench.out == {GW}


# References


def test_when_no_reference_answers_it_abstains_and_when_one_does_it_does_not() -> None:
    bench = ten(vantages={HERE: REFERENCES})
    for name in REFERENCES:
        bench.reference(name, 5.0)
    bench.reference(REFERENCES[0], 10.0, TIMEOUT, times=3)
    assert bench.told.doubts == []
    bench.reference(REFERENCES[1], 11.0, TIMEOUT, times=3)
    assert bench.told.doubts == ["none of 2 reference targets answers"]
    bench.down(GW, 12.0)
    assert bench.out == set()
    bench.reference(REFERENCES[1], 13.0)
    assert bench.told.doubts[1:] == [None]
    bench.down(GW, 14.0)
    assert bench.out == {GW}


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.RESET, Cause.TLS, Cause.STATUS])
def test_a_reference_that_refuses_has_answered(cause: Cause) -> None:
    bench = ten(vantages={HERE: REFERENCES[:1]})
    bench.reference(REFERENCES[0], 5.0, cause, times=10)
    assert bench.told.doubts == []
    fall_silent(bench, [GW], 10.0)
    answer(bench, LEFT, 10.6)
    still_silent(bench, [GW], 10.9)
    assert bench.out == set()
    bench.reference(REFERENCES[0], 12.0, cause)
    still_silent(bench, [GW], 12.1)
    assert bench.out == {GW}


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.UNREACHABLE, Cause.RESOLVE, Cause.FORBIDDEN])
def test_a_reference_that_was_not_reached_has_not_answered(cause: Cause) -> None:
    bench = ten(vantages={HERE: REFERENCES[:1]})
    bench.reference(REFERENCES[0], 5.0, cause, times=3)
    assert bench.told.doubts == ["none of 1 reference targets answers"]


def test_a_reference_that_could_not_be_tried_says_nothing() -> None:
    bench = ten(vantages={HERE: REFERENCES[:1]})
    bench.reference(REFERENCES[0], 5.0, Cause.LOCAL, times=10)
    assert bench.told.doubts == []


def test_with_references_silence_waits_for_one_of_them_too() -> None:
    bench = ten(vantages={HERE: REFERENCES})
    fall_silent(bench, [GW], 10.0)
    answer(bench, LEFT, 10.6)
    still_silent(bench, [GW], 10.9)
    assert bench.out == set()
    bench.reference(REFERENCES[1], 12.0)
    still_silent(bench, [GW], 12.1)
    assert bench.out == {GW}


def test_references_are_asked_as_soon_as_the_first_silence_is_met() -> None:
    bench = Bench(vantages={HERE: REFERENCES}).both_up()
    bench.down(ISTANBUL, 1.0, times=1, cause=TIMEOUT)
    assert bench.hurried == [CheckKey(HERE, REFERENCE, name) for name in REFERENCES]


def test_nothing_goes_out_before_the_references_have_all_failed() -> None:
    """The endpoints of a small site fall silent first, and references are tried every two seconds only."""
    bench = Bench(vantages={HERE: REFERENCES}).both_up()
    for name in REFERENCES:
        bench.reference(name, 0.5)
    bench.down(ISTANBUL, 10.0, cause=TIMEOUT)
    bench.down(ANKARA, 10.1, cause=TIMEOUT)
    for name in REFERENCES:
        bench.reference(name, 11.0, TIMEOUT, times=3)
    assert bench.out == set()
    assert bench.told.doubts == ["none of 2 reference targets answers"]


def test_what_an_unknown_reference_or_vantage_point_says_is_ignored() -> None:
    bench = ten(vantages={HERE: REFERENCES[:1]})
    bench.reference("ref-9:443", 5.0, TIMEOUT, times=5)
    bench.reference(REFERENCES[0], 5.0, TIMEOUT, times=5, vantage=VantageName("nowhere"))
    assert bench.told.doubts == []


def test_a_reference_that_is_taken_away_takes_its_doubt_with_it() -> None:
    bench = ten(vantages={HERE: REFERENCES[:1]})
    bench.reference(REFERENCES[0], 5.0, TIMEOUT, times=3)
    bench.vantages = {HERE: ()}
    bench.configure(topology(regions=TEN), 10.0)
    answer(bench, ALL[:1], 11.0)
    assert bench.told.doubts[1:] == [None]
    assert RegionName("istanbul") in bench.engine.topology.regions
