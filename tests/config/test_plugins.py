"""Other distributions add probes and policy steps by entry point; they read and fail like those that come with gslb."""

import sys

import pytest

from gslb.config.plugins import known_plugins, load_plugin
from gslb.errors import PluginError
from gslb.model.options import Options
from probes.tcp import Tcp
from tests.config.files import Files, Install, design

PROBE = """
    from typing import Annotated
    from pydantic import Field
    from gslb.model.observation import Observation
    from gslb.model.options import Options, PositiveDuration

    class Always(Options):
        \"\"\"Says what it is told to.\"\"\"
        answer: Annotated[bool, Field(description="what to say")] = True
        delay: Annotated[PositiveDuration, Field(description="how late")] = 1.0

        async def attempt(self, target, timeout):
            return Observation(ok=self.answer, latency=0.0)
"""
POLICY = """
    from gslb.model.options import Options

    class Even(Options):
        \"\"\"Changes nothing.\"\"\"

        @property
        def name(self):
            return "even"

        def __call__(self, branch, context):
            return (branch,)
"""
CLASS = "from gslb.model.options import Options\nclass Acme(Options):\n    "


def test_a_probe_of_another_distribution_loads_with_its_options(install: Install, files: Files) -> None:
    install(PROBE, probes="always = acme_gslb:Always")
    probe = {"type": "always", "answer": False, "delay": "5ms", "interval": "2s"}
    (setup,) = files.load(design({"probes/edge": probe})).probes.values()
    assert type(setup.probe).__name__ == "Always"
    assert isinstance(setup.probe, Options)
    assert setup.probe.model_dump() == {"answer": False, "delay": "5ms"}
    assert setup.pace.interval == 2.0


def test_its_options_are_checked_like_any_others(install: Install, files: Files) -> None:
    install(PROBE, probes="always = acme_gslb:Always")
    probe = {"type": "always", "answr": False, "delay": 5, "intervall": "2s"}
    assert [(p.key, p.message, p.remedy) for p in files.problems(design({"probes/edge": probe}))] == [
        ("probes.edge.delay", "5 should be text in quotes, for example '500ms'", "expected: how late"),
        ("probes.edge.answr", "unknown key", "did you mean 'answer'?"),
        ("probes.edge.intervall", "unknown key", "did you mean 'interval'?"),
    ]


def test_a_policy_step_of_another_distribution_loads(install: Install, files: Files) -> None:
    install(POLICY, policies="even = acme_gslb:Even")
    loaded = files.load(design({"services/api.example.com/policy": ["even", "weighted"]}))
    (service,) = loaded.topology.services.values()
    assert [step.name for step in service.policy] == ["even", "weighted"]


def test_it_is_suggested_like_any_other(install: Install, files: Files) -> None:
    install(POLICY, policies="even = acme_gslb:Even")
    problem = files.problem(design({"services/api.example.com/policy": ["evn"]}))
    assert problem.remedy == "did you mean 'even'?"


def test_a_name_that_comes_with_gslb_cannot_be_taken_over(install: Install) -> None:
    install(PROBE, probes="tcp = acme_gslb:Always")
    assert load_plugin("probe", "tcp") is Tcp
    assert "acme_gslb" not in sys.modules


def test_a_plugin_is_imported_only_where_it_is_used(install: Install, files: Files) -> None:
    install("raise RuntimeError('no licence')", probes="acme = acme_gslb:Acme")
    assert "acme" in known_plugins("probe")
    assert files.load(design()).topology.services


@pytest.mark.parametrize(
    ("source", "reference", "reason"),
    [
        ("raise RuntimeError('no licence')", "acme_gslb:Acme", "RuntimeError: no licence"),
        ("import acme_gslb_sdk", "acme_gslb:Acme", "No module named 'acme_gslb_sdk'"),
        ("def broken(:", "acme_gslb:Acme", "SyntaxError"),
        ("class Other: ...", "acme_gslb:Acme", "has no attribute 'Acme'"),
        ("", "acme_missing:Acme", "No module named 'acme_missing'"),
        ("", "acme_gslb", "has no attribute"),
        ("class Acme: ...", "acme_gslb:Acme", "acme_gslb:Acme is no subclass of gslb.model.options.Options"),
        ("Acme = 5", "acme_gslb:Acme", "is no subclass of gslb.model.options.Options"),
    ],
)
def test_a_broken_plugin_is_named_with_the_reason(
    install: Install, files: Files, source: str, reference: str, reason: str
) -> None:
    install(source, probes=f"acme = {reference}", policies=f"acme = {reference}")
    document = design({"probes/edge/type": "acme", "services/api.example.com/policy": ["acme"]})
    problems = files.problems(document)
    assert [problem.key for problem in problems] == ["probes.edge.type", 'services."api.example.com".policy[0]']
    for problem in problems:
        assert problem.message.startswith("'acme': ")
        assert reason in problem.message
        assert problem.remedy == "correct or remove the distribution that provides it"


@pytest.mark.parametrize("method", ["async def attempt(self, target, timeout): ...", "def session(self, t, n): ..."])
def test_a_probe_has_an_attempt_or_a_session(install: Install, method: str) -> None:
    install(CLASS + method, probes="acme = acme_gslb:Acme")
    assert load_plugin("probe", "acme").__name__ == "Acme"


@pytest.mark.parametrize("body", ["...", "attempt: int = 5", "async def atempt(self, target, timeout): ..."])
def test_a_probe_with_neither_is_refused_with_the_reason(install: Install, files: Files, body: str) -> None:
    install(CLASS + body, probes="acme = acme_gslb:Acme")
    problem = files.problem(design({"probes/edge/type": "acme"}))
    assert problem.key == "probes.edge.type"
    assert "acme_gslb:Acme has neither of the methods attempt and session" in problem.message


def test_an_unknown_plugin_carries_the_known_names() -> None:
    with pytest.raises(PluginError) as caught:
        load_plugin("policy", "geografic")
    assert (caught.value.kind, caught.value.name) == ("policy", "geografic")
    assert {"failover", "weighted"} <= set(caught.value.known)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("name: str = 'acme'", "has no method __call__"),
        ("def __call__(self, branch, context): ...", "has no name"),
    ],
)
def test_a_policy_step_has_a_name_and_can_be_called(install: Install, files: Files, body: str, fault: str) -> None:
    install(CLASS + body, policies="acme = acme_gslb:Acme")
    problem = files.problem(design({"services/api.example.com/policy": ["acme"]}))
    assert problem.key == 'services."api.example.com".policy[0]'
    assert f"acme_gslb:Acme {fault}, which a policy step needs" in problem.message
