"""What a provider cannot say is refused before it happens: with the step, the provider, and ways out of it."""

from typing import Any

import pytest

from gslb.errors import Problem
from gslb.model.expressible import DEGRADABLE, Feature
from tests.config.acme import Acme
from tests.config.files import REMOVED, Files, Table, design
from tests.geo.databases import city_database

pytestmark = pytest.mark.usefixtures("acme")

SERVICE, AT = "services/api.example.com", 'services."api.example.com"'
HOME = 'publish zone example.com at the embedded nameserver only: providers = ["embedded"]'
INSIDE = {"type": "fence", "areas": ["10.0.0.0/8"], "regions": ["istanbul"]}
REGIONS: Table = {
    "istanbul": {"endpoints": ["192.0.2.1:80"], "areas": ["10.0.0.0/8"], "capacity": 100},
    "ankara": {"endpoints": ["192.0.2.2:80"], "areas": ["172.16.0.0/12"], "capacity": 100},
    "izmir": {"endpoints": ["192.0.2.3:80"], "capacity": 100},
}
STANDBYS = {"type": "failover", "tiers": [["istanbul"], ["ankara", "izmir"]]}


def at_acme(policy: list[Any], lacks: list[str], more: Table | None = None, **service: Any) -> Table:
    """A service of three regions in a zone that the embedded nameserver and ``main`` publish."""
    return design(
        {
            "regions": REGIONS,
            "providers/main": {"type": "acme", "lacks": lacks},
            "zones/example.com/providers": ["embedded", "main"],
            SERVICE: {"regions": list(REGIONS), "probes": ["edge"], "policy": policy} | service,
        }
        | (more or {})
    )


def only(files: Files, document: Table) -> tuple[str, str, list[str]]:
    """Key and message of the one problem, and its ways out."""
    problem = files.problem(document)
    return problem.key, problem.message, problem.remedy.split("; or ")


def warned(files: Files, document: Table) -> list[Problem]:
    return [warning for warning in files.load(document).warnings if warning.key.startswith(f"{AT}.degrade")]


def test_a_step_that_a_provider_cannot_say_is_named_with_the_provider_and_ways_out(files: Files) -> None:
    key, message, ways = only(files, at_acme(["weighted", "sticky"], ["sticky"]))
    assert key == f"{AT}.policy[1]"
    assert message == "sticky: main (acme) cannot say the sticky pick for everybody else"
    assert ways == ['write degrade = ["sticky"]: clients then get regions by weight', "remove this step", HOME]


def test_each_way_out_is_one(files: Files) -> None:
    assert files.load(at_acme(["weighted", "sticky"], ["sticky"], degrade=["sticky"])).topology.services
    assert files.load(at_acme(["weighted"], ["sticky"])).topology.services
    home = {"zones/example.com/providers": ["embedded"]}
    assert files.load(at_acme(["weighted", "sticky"], ["sticky"], home)).topology.services


def test_a_provider_that_can_say_it_is_not_blamed(files: Files) -> None:
    spare = {
        "providers/spare": {"type": "acme"},
        "providers/third": {"type": "acme", "lacks": ["sticky"]},
        "zones/example.com/providers": ["embedded", "main", "spare", "third"],
    }
    found = files.problems(at_acme(["weighted", "sticky"], ["sticky"], spare))
    assert [problem.message.split()[1] for problem in found] == ["main", "third"]


def test_what_is_needed_only_after_a_failure_is_found_as_well(files: Files) -> None:
    key, message, _ = only(files, at_acme([STANDBYS, "sticky"], ["sticky"], when_all_down="nodata"))
    assert key == f"{AT}.policy[1]"
    assert message.endswith("the sticky pick for everybody else when istanbul is down")
    key, message, _ = only(files, at_acme(["failover", "sticky"], ["sticky"]))
    assert message.endswith("the sticky pick for everybody else when no endpoint is fit")
    assert files.load(at_acme(["failover", "sticky"], ["sticky"], when_all_down="nodata")).topology.services


def test_rules_of_a_kind_are_told_of_together(files: Files) -> None:
    key, message, ways = only(files, at_acme(["geo", "weighted"], ["networks"]))
    assert (key, message) == (
        f"{AT}.policy[0]",
        "geo: main (acme) cannot say a rule for clients in 172.16.0.0/12 (and 1 more)",
    )
    assert ways[0].startswith('write degrade = ["networks"]: clients of these networks then get the next rule')


def test_several_features_are_several_problems_each_with_a_way_out_that_keeps_the_others(files: Files) -> None:
    document = at_acme(["geo", "weighted", "sticky"], ["networks", "sticky", "servfail"], degrade=["servfail"])
    document["services"]["api.example.com"]["when_all_down"] = "servfail"
    found = {problem.key: problem.remedy.partition(":")[0] for problem in files.problems(document)}
    assert found == {
        f"{AT}.policy[0]": 'write degrade = ["networks", "servfail"]',
        f"{AT}.policy[2]": 'write degrade = ["servfail", "sticky"]',
    }


def test_servfail_when_nobody_is_fit(files: Files) -> None:
    key, message, ways = only(files, at_acme(["weighted"], ["servfail"], when_all_down="servfail"))
    assert key == f"{AT}.when_all_down"
    assert message == "main (acme) cannot say SERVFAIL where nobody is left when no endpoint is fit"
    degrade = 'write degrade = ["servfail"]: clients are then told NODATA'
    assert ways == [degrade, 'write when_all_down = "nodata", or "all"', HOME]
    assert files.load(at_acme(["weighted"], ["servfail"], when_all_down="nodata")).topology.services


def test_answers_that_would_be_withheld_from_some(files: Files) -> None:
    withhold = {"type": "capacity", "excess": "withhold"}
    key, message, ways = only(files, at_acme(["weighted", withhold], ["withheld"]))
    assert key == f"{AT}.policy[1]"
    assert message.startswith("capacity: main (acme) cannot say answers withheld from some of")
    assert message.endswith("when there is more demand than room")
    assert ways[1] == 'write excess = "spread"'
    assert files.load(at_acme(["weighted", "capacity"], ["withheld"])).topology.services


def test_more_than_a_provider_takes(files: Files) -> None:
    document = at_acme(["weighted"], [], {"providers/main/most": 2})
    key, message, ways = only(files, document)
    assert (key, message) == (f"{AT}.regions", "main (acme) cannot say 3 groups for api.example.com.")
    assert ways == ["name fewer areas, regions or endpoints", HOME]
    key, _, _ = only(files, at_acme(["geo", "weighted"], [], {"providers/main/most": 4}, when_all_down="nodata"))
    assert key == f"{AT}.policy[0]"


# Fences


def test_a_fence_that_failures_leave_empty_cannot_be_kept_beside_answers_for_others(files: Files) -> None:
    key, message, ways = only(files, at_acme([INSIDE], [], when_all_down="servfail"))
    assert key == f"{AT}.policy[0]"
    gap = "no A answer for clients in 10.0.0.0/8 beside one for others"
    assert message == f"fence: main (acme) cannot say {gap} when istanbul is down"
    assert ways == ['write when_all_down = "last-good", or "all"', HOME]


@pytest.mark.parametrize("value", ["all", "last-good", {"fallback": "istanbul"}])
def test_one_that_failures_never_leave_empty_can(files: Files, value: Any) -> None:
    assert files.load(at_acme([INSIDE], [], when_all_down=value)).topology.services


def test_a_fence_without_addresses_of_a_type_that_others_have(files: Files) -> None:
    more = {"regions/ankara/endpoints": ["192.0.2.2:80", "[2001:db8::2]:80"]}
    key, message, ways = only(files, at_acme([INSIDE], [], more))
    assert key == f"{AT}.policy[0]"
    assert message.endswith("no AAAA answer for clients in 10.0.0.0/8 beside one for others")
    assert ways == ["let a region that may answer these clients publish such addresses", HOME]
    more = {"regions/ankara/endpoints": ["gw.example.net:80"]}  # of which nobody knows that it has any
    assert files.load(at_acme([INSIDE], [], more)).topology.services


def test_what_a_fence_stands_on_cannot_be_done_without(files: Files) -> None:
    key, message, ways = only(files, at_acme([INSIDE], ["networks"], degrade=["networks"]))
    assert (key, message) == (f"{AT}.degrade", "'networks' would open the fence, which stands on it")
    assert ways == ["remove it", HOME]
    key, message, ways = only(files, at_acme([INSIDE], ["networks"]))
    assert (key, ways) == (f"{AT}.policy[0]", ["remove this step", HOME])


def test_what_it_does_not_stand_on_can(files: Files) -> None:
    assert files.load(at_acme([INSIDE, "sticky"], ["sticky"], degrade=["sticky"])).topology.services


# Degradations


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["gap"], "'gap' is nothing to do without"),
        (["size"], "'size' is nothing to do without"),
        (["stickyness"], "'stickyness' is nothing to do without"),
        ([5], "5 is nothing to do without"),
        (["sticky", "sticky"], "something is named twice"),
        ("sticky", "should be a valid list, not 'sticky'"),
    ],
)
def test_a_degradation_is_one_of_those_that_there_are(files: Files, value: Any, message: str) -> None:
    problem = files.problem(at_acme(["weighted"], [], degrade=value))
    assert problem.key.startswith(f"{AT}.degrade")
    assert message in problem.message
    assert problem.remedy


def test_all_that_can_be_done_without_can_be_named(files: Files) -> None:
    document = at_acme(["weighted"], [], degrade=sorted(DEGRADABLE))
    (service,) = files.load(document).topology.services.values()
    assert service.degrade == DEGRADABLE == frozenset(Feature) - {"gap", "size"}


def test_a_degradation_without_a_provider_that_needs_it_is_warned_of(files: Files) -> None:
    home = {"zones/example.com/providers": ["embedded"]}
    (found,) = warned(files, at_acme(["weighted"], [], home, degrade=["sticky"]))
    assert found.message == "has no effect: zone example.com is published at the embedded nameserver only"
    (found,) = warned(files, at_acme(["weighted"], ["sticky"], degrade=["sticky"]))
    assert found.message == "'sticky' has no effect: no provider of the zone needs it"
    (found,) = warned(files, at_acme(["weighted", "sticky"], [], degrade=["sticky"]))
    assert found.remedy == "remove it"
    assert warned(files, at_acme(["weighted", "sticky"], ["sticky"], degrade=["sticky"])) == []


def test_nodata_instead_of_servfail_has_an_effect_when_people_order_everybody_out(files: Files) -> None:
    assert warned(files, at_acme(["weighted"], ["servfail"], degrade=["servfail"])) == []
    assert len(warned(files, at_acme(["weighted"], [], degrade=["servfail"]))) == 1


def test_a_degradation_that_is_not_enough_is_not_proposed_again(files: Files) -> None:
    areas = {"istanbul": ["TR"], "ankara": ["TR"], "izmir": ["DE"]}
    more: Table = {
        "regions": {name: table | {"areas": areas[name]} for name, table in REGIONS.items()},
        "providers/main": {"type": "clouddns", "project": "shop"},
        "geo": {"databases": [city_database(files.folder / "city.mmdb").name]},
    }
    document = at_acme(["geo"], [], more, degrade=["places"])
    key, message, ways = only(files, document)
    assert key == f"{AT}.policy[0]"
    assert message.startswith("geo: main (clouddns) cannot say weights of istanbul and ankara")
    assert ways == ["remove this step", HOME]


# Records


def test_what_a_provider_would_refuse_of_the_records_is_told(files: Files) -> None:
    more = {"providers/main/longest": len("_gslb.api.example.com.") - 1}
    key, message, ways = only(files, at_acme(["weighted"], [], more))
    assert key == AT
    assert message == "main (acme) would refuse it: the name _gslb.api.example.com. has 22 characters"
    assert ways == ["change that", HOME]


def test_services_that_differ_in_their_names_only_are_each_told_of_by_name(files: Files) -> None:
    document = at_acme(["weighted", "sticky"], ["sticky"], {"providers/main/most": 2, "providers/main/longest": 28})
    document["services"]["longer.api.example.com"] = dict(document["services"]["api.example.com"])
    found = {(problem.key, problem.message) for problem in files.problems(document)}
    longer = 'services."longer.api.example.com"'
    for at, name in ((AT, "api.example.com."), (longer, "longer.api.example.com.")):
        assert (f"{at}.policy[1]", "sticky: main (acme) cannot say the sticky pick for everybody else") in found
        assert (f"{at}.regions", f"main (acme) cannot say 3 groups for {name}") in found
    refused = {key for key, message in found if "would refuse it" in message}
    assert refused == {longer}


def test_a_name_that_is_too_long_is_not_held_against_others_of_the_form(files: Files) -> None:
    document = at_acme(["weighted"], [], {"providers/main/longest": 27})
    document["services"]["longer.api.example.com"] = document["services"].pop("api.example.com")
    document["services"]["api.example.com"] = dict(document["services"]["longer.api.example.com"])
    key, message, _ = only(files, document)
    assert key == 'services."longer.api.example.com"'
    assert message.endswith("the name _gslb.longer.api.example.com. has 29 characters")


def test_a_weight_that_cannot_be_said_is_not_held_against_others_of_the_form(files: Files) -> None:
    document = at_acme(["geo", "weighted"], ["networks"], {"providers/main/heaviest": 40}, degrade=["networks"])
    for name, weight in {"first": 40, "heavy": 50, "zero": 0, "last": 1}.items():
        weights = {"istanbul": weight, "ankara": 5, "izmir": 5}
        document["services"][f"{name}.example.com"] = document["services"]["api.example.com"] | {"regions": weights}
    key, message, _ = only(files, document)
    assert key.startswith('services."heavy.example.com"')
    assert message == "main (acme) cannot say a weight of 50"


@pytest.mark.parametrize(
    ("policy", "alike"), [(["geo", "weighted"], True), (["geo", {"type": "take", "regions": 1}, "weighted"], False)]
)
def test_services_of_one_form_cost_one_rehearsal(
    files: Files, monkeypatch: pytest.MonkeyPatch, policy: list[Any], *, alike: bool
) -> None:
    rendered: list[str] = []
    render = Acme.render

    def counted(self: Acme, steering: Any, without: Any = frozenset()) -> Any:
        rendered.append(steering.name)
        return render(self, steering, without)

    monkeypatch.setattr(Acme, "render", counted)
    document = at_acme(policy, [])
    for number in range(5):
        weights = dict.fromkeys(REGIONS, number + 2)
        document["services"][f"s{number}.example.com"] = document["services"]["api.example.com"] | {"regions": weights}
    files.load(document)
    counts = [rendered.count(name) for name in dict.fromkeys(rendered)]
    if alike:
        situations = 4  # all up, none, and without each of the two that have areas of their own
        assert counts == [situations, 1, 1, 1, 1, 1]
    else:
        assert len(counts) == 6
        assert min(counts) > 4


def test_a_provider_that_raises_is_named_once(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Acme, *_: Any) -> Any:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Acme, "problems", fail)
    document = at_acme(["weighted"], [])
    document["services"]["b.example.com"] = dict(document["services"]["api.example.com"])
    key, message, ways = only(files, document)
    assert key == "providers.main"
    assert message == "cannot say what it would publish for api.example.com.: ZeroDivisionError: by nothing"
    assert ways == ["correct or remove the distribution that provides it"]


def test_a_policy_that_makes_no_sense_is_refused_for_that_alone(files: Files) -> None:
    key, message, _ = only(files, at_acme(["sticky", "weighted"], ["sticky"]))
    assert (key, message) == (f"{AT}.policy[0]", "sticky is undone by weighted, which picks by weight alone")


@pytest.mark.parametrize(
    ("taken", "service", "refused"),
    [
        ("_gslb.api.example.com", "api.example.com", True),
        ("_gslb-1.api.example.com", "api.example.com", True),
        ("_gslbany.example.com", "*.example.com", True),
        ("_gslbany-x.example.com", "*.example.com", True),
        ("_gslb.example.com", "*.example.com", False),
        ("_gslbx.api.example.com", "api.example.com", False),
        ("a._gslb.api.example.com", "api.example.com", False),
    ],
)
def test_a_name_that_another_service_needs_at_providers_is_refused(
    files: Files, taken: str, service: str, *, refused: bool
) -> None:
    table = at_acme(["weighted"], [])["services"]["api.example.com"]
    changes: Table = {"services": {service: table, taken: table}}
    document = at_acme(["weighted"], [], {SERVICE: REMOVED} | changes)
    if refused:
        key, message, ways = only(files, document)
        assert key == f'services."{taken}"'
        assert message == f"is a name that is needed for {service}. at the providers of its zone"
        assert ways == ["give it another name"]
    else:
        assert files.load(document).topology.services
    home = {"zones/example.com/providers": ["embedded"]}
    assert files.load(at_acme(["weighted"], [], {SERVICE: REMOVED} | changes | home)).topology.services
