"""What moves traffic step by step: a canary that grows and is withdrawn, and scores that may not move all at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from gslb.model.area import parse_area
from gslb.model.branch import Branch, Candidate, Context
from gslb.model.names import RegionName
from gslb.model.ramp import Climb, Ramp
from gslb.model.topology import Topology
from policies.canary import Canary
from policies.weighted import Weighted
from tests.control.bench import ANKARA, API, ISTANBUL, Bench, saturated, service, topology

CANARY = Canary.model_validate({"region": "ankara", "steps": ["5%", "25%"], "every": "10m"})
CHAIN = (Weighted(), CANARY)
NEW = RegionName("ankara")


def canary() -> Bench:
    return Bench(service(policy=CHAIN, hold=5.0)).both_up()


def share(bench: Bench) -> float:
    return bench.answers().get("192.0.2.2", 0.0)


def test_a_canary_grows_step_by_step_and_stays_at_the_last_one() -> None:
    bench = canary()
    assert share(bench) == pytest.approx(0.05, abs=0.005)
    moment = bench.engine.tick(10.0)
    assert moment == pytest.approx(600.0, abs=1)
    bench.engine.tick(601.0)
    assert share(bench) == pytest.approx(0.25, abs=0.005)
    assert bench.told.triggers[-1] == "next step of a ramp"
    bench.engine.tick(9000.0)
    assert share(bench) == pytest.approx(0.25, abs=0.005)
    assert bench.told.climbs == [Climb(Ramp((0.05, 0.25), 600.0), 0.0)]


def test_a_canary_that_fails_is_withdrawn_and_stays_so_when_it_is_back() -> None:
    bench = canary()
    bench.down(ANKARA, 20.0)
    bench.up(ANKARA, 30.0, times=3)
    bench.engine.tick(90.0)
    assert bench.answers() == {"192.0.2.1": 1.0}
    state = bench.engine.climbs.states[API, NEW]
    assert state.withdrawn is not None
    assert "refused" in state.reason
    texts = [reason.text for reason in bench.engine.decisions[API].reasons if reason.step == "canary"]
    assert texts == [f"behind all others: withdrawn: {state.reason}"]


def test_a_canary_whose_score_falls_behind_is_withdrawn() -> None:
    bench = canary()
    for second in range(5):
        bench.up(ISTANBUL, 20.0 + second, report=saturated(0.1))
        bench.up(ANKARA, 20.0 + second, report=saturated(0.99))
    assert share(bench) == 0.0
    assert bench.told.climbs[-1] is not None
    assert bench.told.climbs[-1].reason.startswith("score 0.")


def test_a_withdrawn_canary_answers_when_nobody_else_can() -> None:
    bench = canary()
    bench.down(ANKARA, 20.0)
    bench.up(ANKARA, 30.0, times=3)
    bench.engine.tick(90.0)
    bench.down(ISTANBUL, 100.0)
    assert bench.answers() == {"192.0.2.2": 1.0}


def test_a_withdrawn_canary_does_not_answer_before_a_region_in_hold() -> None:
    bench = canary()
    for second in range(5):
        bench.up(ISTANBUL, 20.0 + second, report=saturated(0.1))
        bench.up(ANKARA, 20.0 + second, report=saturated(0.99))
    bench.down(ISTANBUL, 40.0)
    assert bench.answers() == {"192.0.2.2": 1.0}
    bench.up(ISTANBUL, 41.0, times=3)
    assert bench.fitness(ISTANBUL).name == "HOLD"
    assert bench.answers() == {"192.0.2.1": 1.0}


@pytest.mark.parametrize("first", ["192.0.2.2:80", "192.0.2.3:80"])
def test_whether_it_begins_does_not_depend_on_which_endpoint_is_heard_of_first(first: str) -> None:
    regions = {"istanbul": [ISTANBUL], "ankara": [ANKARA, "192.0.2.3:80"]}
    bench = Bench(service(policy=CHAIN, hold=5.0), regions=regions).start()
    bench.up(ISTANBUL, 0.0)
    for target in sorted([ANKARA, "192.0.2.3:80"], key=lambda target: target != first):
        if target == ANKARA:
            bench.up(target, 1.0)
        else:
            bench.down(target, 1.0)
    assert bench.told.climbs == []
    texts = [reason.text for reason in bench.engine.decisions[API].reasons if reason.step == "canary"]
    assert texts == ["behind all others: edge down: refused: Connection refused"]


def test_it_begins_again_when_somebody_says_so() -> None:
    bench = canary()
    bench.engine.resume((API, NEW), 10.0)
    assert share(bench) == pytest.approx(0.05, abs=0.005)
    bench.down(ANKARA, 20.0)
    bench.up(ANKARA, 30.0, times=3)
    bench.engine.tick(90.0)
    bench.engine.resume((API, NEW), 100.0)
    assert share(bench) == pytest.approx(0.05, abs=0.005)
    assert bench.engine.tick(101.0) == pytest.approx(700.0, abs=1)


def test_a_reload_keeps_how_far_it_is_unless_the_steps_are_others() -> None:
    bench = canary()
    bench.engine.tick(601.0)
    bench.configure(bench.engine.topology, 700.0)
    assert share(bench) == pytest.approx(0.25, abs=0.005)
    other = (Weighted(), CANARY.model_copy(update={"steps": [0.1]}))
    bench.configure(topology(service(policy=other, hold=5.0)), 800.0)
    assert share(bench) == pytest.approx(0.1, abs=0.005)
    bench.configure(topology(service(policy=(Weighted(),), hold=5.0)), 900.0)
    assert bench.engine.climbs.states == {}
    assert bench.told.climbs[-1] is None


def test_a_restart_goes_on_from_where_it_was() -> None:
    bench = Bench(service(policy=CHAIN, hold=5.0))
    state = Climb(Ramp((0.05, 0.25), 600.0), -1000.0, withdrawn=-10.0, reason="edge down")
    bench.engine.restore({}, {}, {}, (), {(API, NEW): state})
    bench.both_up()
    assert bench.answers() == {"192.0.2.1": 1.0}


def shifting(max_shift: float) -> Bench:
    return Bench(service(policy=(Weighted(),), max_shift=max_shift, ttl_steady=0, hold=0.0)).both_up()


def overload(bench: Bench, at: float) -> None:
    for second in range(5):
        bench.up(ISTANBUL, at + second, report=saturated(1.2))
        bench.up(ANKARA, at + second, report=saturated(0.1))


def test_scores_move_no_more_in_a_minute_than_they_may_and_go_on_after_that() -> None:
    bench = shifting(0.1)
    overload(bench, 10.0)
    assert bench.answers()["192.0.2.1"] == pytest.approx(0.4, abs=0.01)
    bench.engine.tick(40.0)
    assert bench.answers()["192.0.2.1"] == pytest.approx(0.4, abs=0.01)
    bench.engine.tick(75.0)
    assert bench.answers()["192.0.2.1"] == pytest.approx(0.3, abs=0.01)
    assert bench.told.triggers[-1] == "scores may move more"
    for minute in range(3, 8):
        bench.engine.tick(minute * 61.0)
    assert bench.answers()["192.0.2.1"] == pytest.approx(0.2, abs=0.01)


def test_what_people_ask_for_is_not_slowed_and_does_not_count() -> None:
    bench = shifting(0.1)
    made = bench.engine.topology
    members = tuple(replace(m, weight=w) for m, w in zip(made.services[API].members, (10, 90), strict=True))
    asked = Topology(made.regions, {API: replace(made.services[API], members=members)})
    bench.configure(asked, 10.0)
    assert bench.answers()["192.0.2.1"] == pytest.approx(0.1, abs=0.01)
    bench.configure(made, 12.0)
    overload(bench, 20.0)
    assert bench.answers()["192.0.2.1"] == pytest.approx(0.4, abs=0.01)


def test_the_loss_of_a_region_is_not_slowed() -> None:
    bench = shifting(0.01)
    bench.down(ISTANBUL, 10.0)
    assert bench.answers() == {"192.0.2.2": 1.0}


@dataclass(frozen=True, slots=True)
class Fragile:
    """A step of somebody else's that fails when it is told to."""

    broken: list[bool]
    name: str = "fragile"

    def __call__(self, branch: Branch, context: Context) -> tuple[Branch, ...]:
        if self.broken:
            raise ZeroDivisionError("division by zero")
        return (branch,)


def test_a_step_that_fails_is_left_out_and_told_once_and_what_is_down_still_goes_out() -> None:
    broken: list[bool] = []
    bench = Bench(service(policy=(Fragile(broken), Weighted()))).both_up()
    assert bench.told.faults == []
    broken.append(True)
    bench.down(ISTANBUL, 10.0)
    bench.down(ANKARA, 20.0)
    (fault,) = bench.told.faults[0]
    assert fault == "fragile failed and was left out: ZeroDivisionError: division by zero"
    assert bench.told.faults == [(fault,)]
    assert any(fault == reason.text for reason in bench.engine.decisions[API].reasons)
    broken.clear()
    bench.up(ANKARA, 30.0, times=3)
    assert bench.told.faults == [(fault,), ()]


def strange(change: Callable[[Branch], object]) -> Bench:
    """A service with a step that makes ``change`` of its branch."""

    @dataclass(frozen=True, slots=True)
    class Strange:
        name: str = "strange"

        def __call__(self, branch: Branch, context: Context) -> object:
            return change(branch)

    return Bench(service(policy=(Strange(), Weighted()))).both_up()


def _weighing(branch: Branch, weight: object) -> tuple[Branch, ...]:
    return (
        structs.replace(branch, tiers=tuple(tuple(structs.replace(c, weight=weight) for c in t) for t in branch.tiers)),
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda _: None, "not branches"),
        (lambda _: (), "not branches"),
        (lambda branch: (structs.replace(branch, match=parse_area("TR")),), "left out the clients"),
        (lambda branch: (structs.replace(branch, tiers=((Candidate(RegionName("izmir"), (), 1),),)),), "added izmir"),
        (
            lambda branch: (
                structs.replace(branch, tiers=((structs.replace(branch.tiers[0][0], endpoints=("gone",)),),)),
            ),
            "added istanbul",
        ),
        (lambda branch: _weighing(branch, 1000), "weight 1000"),
        (lambda branch: _weighing(branch, 0.5), "weight 0.5"),
        (lambda branch: (structs.replace(branch, withheld=999),), "withheld 999"),
        (lambda branch: (structs.replace(branch, tiers=None),), "TypeError"),
    ],
)
def test_what_a_step_must_not_return_is_left_out_and_told(change: Callable[[Branch], object], fault: str) -> None:
    bench = strange(change)
    bench.down(ISTANBUL, 10.0)
    assert bench.answers() == {"192.0.2.2": 1.0}
    assert fault in bench.told.faults[0][0]


def test_a_step_that_fails_for_some_answers_only_ends_nothing() -> None:
    """It parts clients for one record type and fails for the other, and for the fallback."""

    def change(branch: Branch) -> object:
        if any("fallback" in c.region or "::" in str(c.endpoints) for c in branch.candidates):
            raise KeyError("fallback")
        return (structs.replace(branch, match=parse_area("TR")), branch)

    bench = strange(change)
    bench.down(ISTANBUL, 10.0)
    bench.down(ANKARA, 20.0)
    assert bench.answers() == {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
