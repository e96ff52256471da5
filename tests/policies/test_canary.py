"""A canary gets its share of the answers of its tier, and none before it is in service or after it did harm."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.model.branch import Branch, Candidate, Grown, Signals, Verdict
from gslb.model.chain import Chain, Geography
from gslb.model.names import RegionName
from gslb.model.ramp import Ramp
from policies.canary import Canary
from policies.capacity import Capacity
from policies.failover import Failover
from policies.nearest import Nearest
from policies.sticky import Sticky
from policies.weighted import Weighted
from tests.policies.branches import CONTEXT, branch, candidate, regions

IZMIR = RegionName("izmir")
STEP = Canary.model_validate({"region": "izmir", "steps": ["5%", "25%"], "every": "10m"})


def run(before: Branch, share: float | None, text: str = "step 1 of 2") -> Branch:
    ramps = {} if share is None else {IZMIR: Grown(share, text)}
    (after,) = STEP(before, replace(CONTEXT, signals=Signals(ramps=ramps)))
    return after


def shares(after: Branch) -> dict[str, float]:
    tier = after.tiers[0]
    total = sum(found.weight for found in tier)
    return {found.region: found.weight / total for found in tier}


def test_the_region_gets_its_share_and_the_others_the_rest_as_before() -> None:
    after = run(branch((candidate("istanbul", 60), candidate("ankara", 40), candidate("izmir", 100))), 0.05)
    assert shares(after) == pytest.approx({"istanbul": 0.57, "ankara": 0.38, "izmir": 0.05}, abs=0.002)
    assert after.reasons[-1].text == "5.0% of the answers of its tier: step 1 of 2"


@given(st.lists(st.integers(0, 255), min_size=1, max_size=3), st.floats(0.005, 0.95))
def test_its_share_is_kept_whatever_the_weights_of_the_others(weights: list[int], share: float) -> None:
    others = [candidate(name, weight) for name, weight in zip(("istanbul", "ankara", "bursa"), weights, strict=False)]
    after = run(branch((*others, candidate("izmir", 7))), share)
    if any(weights):
        assert shares(after)["izmir"] == pytest.approx(share, abs=0.012)
    assert all(0 <= found.weight <= 255 for found in after.tiers[0])


@pytest.mark.parametrize(("share", "text"), [(None, "it has not been in service yet"), (0.0, "withdrawn: edge down")])
def test_before_it_has_begun_and_once_withdrawn_it_answers_behind_all_others(share: float | None, text: str) -> None:
    after = run(branch((candidate("istanbul"), candidate("izmir")), (candidate("ankara"),)), share, text)
    assert regions(after) == [["istanbul"], ["ankara"]]
    assert [[found.region for found in tier] for tier in after.reserve] == [["izmir"], []]
    assert (after.reasons[-1].verdict, after.reasons[-1].text) == (Verdict.STANDBY, f"behind all others: {text}")


def test_where_it_is_no_candidate_nothing_changes() -> None:
    before = branch((candidate("istanbul"),))
    assert run(before, 0.05) == before


def test_alone_in_front_it_shares_with_the_next_tier() -> None:
    after = run(branch((candidate("izmir", 3),), (candidate("istanbul"),), (candidate("ankara"),)), 0.05)
    assert regions(after) == [["izmir", "istanbul"], [], ["ankara"]]
    assert shares(after)["izmir"] == pytest.approx(0.05, abs=0.005)


def test_where_there_is_nobody_else_it_answers_whatever_its_share() -> None:
    assert regions(run(branch((candidate("izmir", 3),)), 0.05)) == [["izmir"]]


def test_it_names_its_ramp() -> None:
    assert STEP.ramps == {IZMIR: Ramp((0.05, 0.25), 600.0)}


@pytest.mark.parametrize("steps", [[], ["25%", "5%"], ["5%", "5%"], ["0%"], ["100%"], ["101%"], ["five"], [0.05]])
def test_steps_are_shares_that_grow(steps: list[object]) -> None:
    with pytest.raises(ValidationError):
        Canary.model_validate({"region": "izmir", "steps": steps})


def chain(*after: object, names: tuple[str, ...] = ("istanbul", "izmir")) -> Chain:
    own = {name: region for name, region in CONTEXT.regions.items() if name in names}
    return Chain(CONTEXT.service, own, {}, Geography(), after=after)  # type: ignore[arg-type]


def test_a_region_of_others_is_a_fault_and_so_is_having_no_other_or_a_step_that_sets_weights_behind() -> None:
    assert list(STEP.faults(chain())) == []
    (foreign,) = STEP.faults(chain(names=("istanbul", "ankara")))
    assert (foreign.key, foreign.remedy) == ("region", "write one of istanbul, ankara")
    (lonely,) = STEP.faults(chain(names=("izmir",)))
    assert "no other region" in lonely.message
    (undone,) = STEP.faults(chain(Weighted()))
    assert undone.remedy == "put it after weighted"


def test_a_candidate_is_any_region_of_the_tier_whatever_its_endpoints() -> None:
    twin = Candidate(IZMIR, (), 9)
    assert shares(run(branch((candidate("istanbul"), twin)), 0.25))["izmir"] == pytest.approx(0.25, abs=0.01)


def test_a_step_by_which_no_share_counts_is_a_fault() -> None:
    nearest, capacity = Nearest(), Capacity()
    before = replace(chain(), before=(nearest, capacity))
    assert [fault.message.split()[0] for fault in STEP.faults(before)] == ["contradicts", "has"]
    (undone,) = STEP.faults(chain(Failover()))
    assert undone.message.startswith("is undone by failover")
    assert list(STEP.faults(chain(Sticky()))) == []
