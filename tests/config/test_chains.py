"""Policies: presets, lists of steps, and chains that make no sense where they stand."""

from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from gslb.config.chains import read_policy
from gslb.config.configuration import Configuration
from gslb.errors import Problem
from gslb.model.branch import Step
from policies.failover import Failover
from tests.config.files import REMOVED, Files, Install, design
from tests.geo.databases import city_database

NAME = "services/api.example.com"
AT = 'services."api.example.com"'
PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def policy(chain: Any, **changes: Any) -> dict[str, Any]:
    """The example of the design with another policy; ``changes`` are further keys of the service."""
    return design({f"{NAME}/policy": chain} | {f"{NAME}/{key}": value for key, value in changes.items()})


def located(files: Files, chain: Any) -> dict[str, Any]:
    """The same, with a database that says where clients are."""
    document = policy(chain)
    document["geo"] = {"databases": [city_database(files.folder / "city.mmdb").name]}
    return document


def steps(loaded: Configuration) -> tuple[Step, ...]:
    (service,) = loaded.topology.services.values()
    return service.policy


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.key, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("active-active", ["weighted"]),
        ("active-passive", ["failover"]),
        ("nearest-healthy", ["nearest"]),
        ("geo", ["geo", "weighted"]),
    ],
)
def test_a_preset_stands_for_its_chain(files: Files, preset: str, expected: list[str]) -> None:
    assert [step.name for step in steps(files.load(located(files, preset)))] == expected


def test_active_passive_prefers_standbys_that_are_ready(files: Files) -> None:
    assert steps(files.load(policy("active-passive"))) == (Failover(ready=True),)


def test_a_preset_is_shown_as_the_chain_it_stands_for(files: Files) -> None:
    section = dict(files.load(policy("active-passive")).sections)[AT].model_dump(mode="json")
    assert section["policy"] == [{"type": "failover", "ready": True}]


def test_reading_a_preset_leaves_it_as_it_is() -> None:
    read_policy("active-passive")[0]["ready"] = False
    assert read_policy("active-passive")[0]["ready"] is True
    assert read_policy("geo") == [{"type": "geo"}, {"type": "weighted"}]


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("actve-pasive", "did you mean 'active-passive'?"),
        ("round-robin", "known: active-active, active-passive, geo, nearest-healthy"),
        ("weighted", 'a single step stands in a list: ["weighted"]'),
    ],
)
def test_an_unknown_preset_is_refused_and_the_nearest_one_named(files: Files, value: str, remedy: str) -> None:
    problem = files.problem(policy(value))
    assert (problem.key, problem.message, problem.remedy) == (f"{AT}.policy", f"{value!r} is no preset", remedy)


@pytest.mark.parametrize("value", [5, {"type": "weighted"}, [5], []])
def test_a_policy_is_a_preset_or_a_list_of_steps(files: Files, value: Any) -> None:
    (problem,) = files.problems(policy(value))
    assert problem.key.startswith(f"{AT}.policy")


def test_steps_are_names_or_tables_with_options(files: Files) -> None:
    tiers = [["istanbul"], ["ankara"]]
    loaded = files.load(policy([{"type": "failover", "tiers": tiers, "minimum": 1}, "weighted"]))
    assert steps(loaded)[0] == Failover(tiers=tiers)
    assert [step.name for step in steps(loaded)] == ["failover", "weighted"]


def test_a_step_twice_in_a_chain_is_refused(files: Files) -> None:
    problem = files.problem(policy(["weighted", {"type": "failover"}, "weighted"]))
    assert (problem.key, problem.message) == (f"{AT}.policy[2]", "'weighted' is in this chain already")
    assert problem.remedy == "remove one of the two, policy[0] or this one"


def test_but_for_fences_of_which_each_forbids_something_else(files: Files) -> None:
    fences = [
        {"type": "fence", "areas": ["192.0.2.0/24"], "regions": ["istanbul"]},
        {"type": "fence", "areas": ["198.51.100.0/24"], "regions": ["ankara"]},
    ]
    assert [step.name for step in steps(files.load(policy([*fences, "weighted"])))] == ["fence", "fence", "weighted"]


FAULTS = [
    ("geo", f"{AT}.policy[0]", "geo cannot tell clients in "),
    ("nearest-healthy", f"{AT}.policy[0]", "nearest cannot tell where clients are"),
    (["weighted", {"type": "take", "regions": 2}], f"{AT}.policy[1].regions", "is 2, but the service has 2 regions"),
    ([{"type": "failover", "tiers": [["istanbul"]]}], f"{AT}.policy[0].tiers", "ankara is in no tier"),
    (["capacity", "weighted"], f"{AT}.policy[0]", "capacity is undone by weighted"),
    (["failover", {"type": "take", "regions": 1}], f"{AT}.policy[1]", "take has no effect: failover leaves no more"),
]


@pytest.mark.parametrize(("chain", "key", "message"), FAULTS)
def test_what_makes_no_sense_where_it_stands_is_refused_with_the_reason(
    files: Files, chain: Any, key: str, message: str
) -> None:
    problems = files.problems(policy(chain))
    assert any(found == key and text.startswith(message) for found, text in told(problems))


def test_every_fault_of_every_service_is_told_at_once(files: Files) -> None:
    document = policy([{"type": "take", "regions": 5}, "sticky", {"type": "failover", "minimum": 9}])
    document["services"]["www.example.com"] = {"regions": ["istanbul"], "policy": ["failover"]}
    keys = [key for key, _ in told(files.problems(document))]
    assert keys == [
        f"{AT}.policy[0].regions",
        f"{AT}.policy[2].minimum",
        f"{AT}.policy[2].minimum",
        'services."www.example.com".policy[0]',
    ]


# steps of other distributions

STEP = """
    from typing import Any
    from gslb.model.chain import Fault
    from gslb.model.options import Options

    class Even(Options):
        name: str = "even"
"""


@pytest.fixture
def step(install: Install) -> Any:
    """Installs a step called even with these methods."""

    def write(*methods: str) -> None:
        source = dedent(STEP) + "\n".join(f"    {line}" for method in methods for line in dedent(method).splitlines())
        install(source, policies="even = acme_gslb:Even")

    return write


PASS = """
def __call__(self, branch, context):
    return (branch,)
"""


def test_a_step_of_another_distribution_may_say_where_it_makes_sense(files: Files, step: Any) -> None:
    step(
        PASS,
        """
        def faults(self, chain):
            if chain.after:
                yield Fault("comes last", "put it at the end")
            if len(chain.regions) > 1:
                yield Fault("is for one region", "use one", "name")
        """,
    )
    assert [(p.key, p.message, p.remedy) for p in files.problems(policy(["even", "weighted"]))] == [
        (f"{AT}.policy[0]", "even comes last", "put it at the end"),
        (f"{AT}.policy[0].name", "is for one region", "use one"),
    ]


def test_what_has_faults_is_not_tried_out(files: Files, step: Any) -> None:
    step(
        "def __call__(self, branch, context):\n    raise KeyError('x')",
        "def faults(self, chain):\n    yield Fault('comes last', 'put it at the end')",
    )
    assert files.problem(policy(["even"])).message == "even comes last"


def test_twice_is_refused_of_it_as_well(files: Files, step: Any) -> None:
    step(PASS)
    assert files.problem(policy(["even", "weighted", "even"])).message == "'even' is in this chain already"


BROKEN = [
    ("def faults(self, chain):\n    raise KeyError('x')", "cannot be checked: KeyError: 'x'"),
    ("def faults(self, chain):\n    return None", "cannot be checked: TypeError: "),
    ("def faults(self, chain):\n    return ['x']", "cannot be checked: TypeError: 'x' is no fault"),
    ("def __call__(self, branch, context):\n    return branch.nothing", "cannot be used: AttributeError: "),
    ("def __call__(self, branch, context):\n    return branch", "cannot be used: TypeError: it returned Branch("),
    ("def __call__(self, branch, context):\n    return ()", "cannot be used: TypeError: it returned ()"),
    ("def __call__(self, branch, context):\n    return (branch, 5)", "cannot be used: TypeError: it returned (Branch("),
    ("def __call__(self, branch):\n    return (branch,)", "cannot be used: TypeError: "),
]


@pytest.mark.parametrize(("method", "message"), BROKEN)
def test_a_step_that_raises_or_returns_no_branches_is_found_when_the_configuration_is_checked(
    files: Files, step: Any, method: str, message: str
) -> None:
    step(PASS, method)
    problem = files.problem(policy(["weighted", "even"]))
    assert problem.key == f"{AT}.policy[1]"
    assert problem.message.startswith(f"'even': {message}")
    assert problem.remedy == "correct or remove the distribution that provides it"


def test_the_step_of_the_documentation_works_as_it_stands(files: Files, install: Install) -> None:
    _, imports, code = PAGE.read_text().partition("    from msgspec.structs import replace\n")
    lines = (imports + code).splitlines(keepends=True)
    source = "".join(takewhile(lambda line: line.startswith("    ") or not line.strip(), lines))
    install(source, policies="even = acme_gslb:Even")
    (even,) = steps(files.load(policy(["even"])))
    assert type(even).__doc__ == "Give all regions the same weight."


# what is allowed but hardly meant


def warnings(loaded: Configuration) -> dict[str, str]:
    return {warning.key: warning.message for warning in loaded.warnings}


def test_areas_and_locations_that_a_step_reads_are_no_oddity(files: Files) -> None:
    location = {f"{AT}.policy": "location of istanbul, ankara has no effect: no step of the policy reads them"}
    areas = {f"{AT}.policy": "areas of istanbul, ankara have no effect: no step of the policy reads them"}
    assert warnings(files.load(located(files, "geo"))) == location
    assert warnings(files.load(located(files, "nearest-healthy"))) == areas
    assert warnings(files.load(located(files, ["geo", "nearest"]))) == {}


def test_nor_are_those_that_a_step_of_another_distribution_may_read(files: Files, step: Any) -> None:
    step(PASS)
    assert warnings(files.load(policy(["even"]))) == {}


def test_nor_are_those_that_another_service_reads(files: Files) -> None:
    document = located(files, ["geo", "nearest"])
    document["services"]["www.example.com"] = {"regions": ["istanbul", "ankara"], "probes": ["edge"]}
    assert warnings(files.load(document)) == {}


def test_only_regions_of_which_they_are_not_read_are_named(files: Files) -> None:
    document = located(files, "geo")
    document["regions"]["ankara"].pop("location")
    assert warnings(files.load(document))[f"{AT}.policy"].startswith("location of istanbul has no effect")


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (["weighted"], {f"{AT}.demand": "has no effect: no step of the policy reads it"}),
        (["weighted", "capacity"], {}),
    ],
)
def test_a_demand_that_no_step_reads_is_an_oddity(files: Files, chain: list[str], expected: Mapping[str, str]) -> None:
    document = policy(chain, demand=1500)
    for region in document["regions"].values():
        del region["areas"], region["location"]
    loaded = files.load(document)
    assert warnings(loaded) == expected
    (service,) = loaded.topology.services.values()
    assert service.demand == 1500.0


@pytest.mark.parametrize("demand", [0, -1, "1500", True])
def test_a_demand_is_a_positive_number(files: Files, demand: Any) -> None:
    assert files.problem(policy(["weighted", "capacity"], demand=demand)).key == f"{AT}.demand"


def test_without_a_policy_it_is_active_active(files: Files) -> None:
    loaded = files.load(design({f"{NAME}/policy": REMOVED}))
    assert [{"type": step.name} for step in steps(loaded)] == read_policy("active-active")
