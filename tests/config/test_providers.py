"""[providers.NAME]: accounts at DNS providers, of types that come with gslb or from other distributions."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import providers
from gslb.cli.check import report
from gslb.config.load import load
from gslb.config.plugins import known_plugins, load_plugin
from gslb.config.providers import Drift, ProviderSetup
from gslb.config.receivers import literal_secrets
from gslb.control.changes import refuse_restart, restart_keys
from gslb.errors import PluginError
from gslb.model.expressible import DEGRADABLE
from gslb.model.zone_guard import PlanLimits
from tests.config.acme import Acme, Login
from tests.config.files import Files, Install, design

SECRET = "hunter2"
PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
PORT = """
    from gslb.model.options import Options
    from providers.base import Capabilities

    class Zone(Options):
        \"\"\"Takes everything.\"\"\"
        rate_of_mine: float = 1.0
        capabilities = property(lambda self: Capabilities(1.0, 1.0, rate=3.0))
        def render(self, steering, without=frozenset()): ...
        def problems(self, records): return ()
        def open(self, throttle): ...
"""


def setup_of(files: Files, table: dict[str, Any]) -> ProviderSetup:
    (setup,) = files.load(design({"providers/main": {"type": "acme"} | table})).providers.values()
    return setup


def problem_of(files: Files, table: dict[str, Any]) -> tuple[str, str, str]:
    problem = files.problem(design({"providers/main": {"type": "acme"} | table}))
    return problem.key, problem.message, problem.remedy


@pytest.mark.usefixtures("acme")
def test_a_table_with_a_type_alone_has_the_defaults_and_the_rate_of_its_type(files: Files) -> None:
    provider = Acme()
    assert setup_of(files, {}) == ProviderSetup(
        name="main",
        type="acme",
        provider=provider,
        capabilities=provider.capabilities,
        rate=5.0,
        burst=10,
        deadline=10.0,
        witness=True,
        nameservers=(),
        drift=Drift.REPORT,
        drift_interval=600.0,
        limits=PlanLimits(0.3),
    )


@pytest.mark.usefixtures("acme")
def test_what_is_stated_counts_and_all_other_keys_are_those_of_the_type(files: Files) -> None:
    table = {"rate": 2.5, "burst": 3, "deadline": "4s", "witness": False, "drift": "repair", "drift_interval": "1m"}
    setup = setup_of(files, table | {"max_deletes": "5%", "account": "12", "login": {"user": "ayse"}})
    assert setup.provider == Acme(account="12", login=Login(user="ayse"))
    found = setup.rate, setup.burst, setup.deadline, setup.witness, setup.drift, setup.drift_interval
    assert found == (2.5, 3, 4.0, False, Drift.REPAIR, 60.0)
    assert setup.limits == PlanLimits(0.05)


@pytest.mark.usefixtures("acme")
def test_witnesses_can_be_told(files: Files) -> None:
    setup = setup_of(files, {"witness": ["192.0.2.53:53", "ns.example.net:5353"]})
    assert setup.witness
    assert list(map(str, setup.nameservers)) == ["192.0.2.53:53", "ns.example.net:5353"]


@pytest.mark.usefixtures("acme")
def test_several_tables_of_one_type_are_several_accounts(files: Files) -> None:
    tables = {"providers/main": {"type": "acme", "account": "1"}, "providers/spare": {"type": "acme", "account": "2"}}
    found = files.load(design(tables)).providers
    assert {name: setup.provider for name, setup in found.items()} == {
        "main": Acme(account="1"),
        "spare": Acme(account="2"),
    }


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("table", "key", "message", "remedy"),
    [
        ({"type": 5}, "type", "should be a valid string, not 5", "expected: kind of provider"),
        ({"type": "acmee"}, "type", "'acmee': no provider of this type", "did you mean 'acme'?"),
        ({"acount": "1"}, "acount", "unknown key", "did you mean 'account'?"),
        ({"rat": 1.0}, "rat", "unknown key", "did you mean 'rate'?"),
        ({"rate": 0}, "rate", "should be greater than 0", "expected: requests per second"),
        ({"burst": 0}, "burst", "should be greater than or equal to 1", "expected: requests at once"),
        ({"deadline": "0s"}, "deadline", "greater than or equal to 0.001", "expected: longest to wait"),
        ({"drift": "fix"}, "drift", "'fix' is no choice", "write one of 'report', 'repair', 'off'"),
        ({"drift": False}, "drift", "False is no choice", "write one of 'report', 'repair', 'off'"),
        ({"witness": "yes"}, "witness", "'yes' is no choice", "write true, false, or up to 16 servers"),
        ({"witness": []}, "witness", "is no choice", "write true, false, or up to 16 servers"),
        ({"witness": ["192.0.2.53"]}, "witness", "'192.0.2.53' is not an address", "write host:port"),
        ({"drift_interval": "59s"}, "drift_interval", "greater than or equal to 60", "expected: time between"),
        ({"max_deletes": "101%"}, "max_deletes", "'101%' is no share", 'write one such as "5%"'),
        ({"requests": 0.0}, "rate", "is missing", "add it: requests per second that this provider takes"),
    ],
)
def test_what_is_wrong_is_said_with_its_key_and_a_remedy(
    files: Files, table: dict[str, Any], key: str, message: str, remedy: str
) -> None:
    found = problem_of(files, table)
    assert found[0] == f"providers.main.{key}"
    assert message in found[1]
    assert remedy in found[2]


def test_a_table_without_a_type_is_told_to_have_one(files: Files) -> None:
    problem = files.problem(design({"providers/main": {"rate": 1.0}}))
    assert (problem.key, problem.message) == ("providers.main.type", "is missing")
    assert "kind of provider" in problem.remedy


@pytest.mark.parametrize(("name", "kind"), [("embedded", "acme"), ("main", "embedded")])
def test_the_embedded_nameserver_has_no_table(files: Files, name: str, kind: str) -> None:
    problem = files.problem(design({f"providers/{name}": {"type": kind}}))
    assert (problem.key, problem.message) == (f"providers.{name}", "the embedded nameserver needs no section")
    assert problem.remedy == 'remove this section; a zone names it as it is: providers = ["embedded"]'


@pytest.mark.usefixtures("acme")
def test_a_name_to_which_no_zone_could_refer_is_refused(files: Files) -> None:
    assert files.problem(design({"providers/Main": {"type": "acme"}})).message == "cannot be a name"


@pytest.mark.usefixtures("acme")
def test_the_example_of_the_page_loads(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers.BUILTIN, "route53", providers.BUILTIN["acme"])
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = files.load(example)
    assert found.owner == "acme-gslb"
    assert found.outlets["aws-spare", "eu.example.com."] == ("api.eu.example.com.",)


def test_the_page_names_all_that_can_be_done_without() -> None:
    table = PAGE.read_text().partition("| `degrade` |")[2].partition("\n\n")[0]
    assert {word for line in table.splitlines() for word in re.findall(r"`(\w+)`", line.split("|")[1])} == DEGRADABLE


# Types


def test_a_provider_of_another_distribution_loads_with_its_options(install: Install, files: Files) -> None:
    install(PORT, providers="zone = acme_gslb:Zone")
    (setup,) = files.load(design({"providers/main": {"type": "zone", "rate_of_mine": 2.0}})).providers.values()
    assert (type(setup.provider).__name__, setup.rate, setup.burst) == ("Zone", 3.0, 1)


def test_a_type_that_comes_with_gslb_cannot_be_taken_over(install: Install) -> None:
    install(PORT, providers="route53 = acme_gslb:Zone")
    assert known_plugins("provider")["route53"] == providers.BUILTIN["route53"]
    assert "acme_gslb" not in sys.modules


def test_a_type_is_imported_only_where_a_table_has_it(install: Install, files: Files) -> None:
    install("raise RuntimeError('no licence')", providers="zone = acme_gslb:Zone")
    assert "zone" in known_plugins("provider")
    assert files.load(design()).topology.services


@pytest.mark.parametrize(
    ("former", "new", "fault"),
    [
        ("def render", "def rendr", "has no method render, which a provider needs"),
        ("def problems(self, records): return ()", "", "has no method problems"),
        ("def open", "def opn", "has no method open"),
        ("capabilities =", "capabilites =", "has no capabilities, which a provider needs"),
        ("rate_of_mine", "rate", "has an option rate of its own, which every provider has already"),
        ("(Options)", "", "is no subclass of gslb.model.options.Options"),
    ],
)
def test_what_cannot_be_a_provider_is_refused_with_the_reason(
    install: Install, files: Files, former: str, new: str, fault: str
) -> None:
    install(PORT.replace(former, new), providers="zone = acme_gslb:Zone")
    problem = files.problem(design({"providers/main": {"type": "zone"}}))
    assert problem.key == "providers.main.type"
    assert fault in problem.message
    assert problem.remedy == "correct or remove the distribution that provides it"


def test_one_that_cannot_say_what_it_can_do_is_refused_with_what_it_raised(install: Install, files: Files) -> None:
    install(PORT.replace("Capabilities(1.0", "Capabilities(1 / 0"), providers="zone = acme_gslb:Zone")
    problem = files.problem(design({"providers/main": {"type": "zone"}}))
    assert problem.key == "providers.main.type"
    assert problem.message == "cannot say what it can do: ZeroDivisionError: division by zero"


def test_an_unknown_type_carries_the_known_ones() -> None:
    with pytest.raises(PluginError) as caught:
        load_plugin("provider", "rout53")
    assert {"route53", "clouddns"} <= set(caught.value.known)


# Secrets


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("written", [SECRET, "${" + SECRET, "$" + SECRET])
def test_a_secret_of_a_provider_is_refused_where_it_stands_in_the_file(files: Files, written: str) -> None:
    problem = files.problem(design({"providers/main": {"type": "acme", "login": {"phrase": written}}}))
    assert (problem.key, problem.message) == (
        "providers.main.login.phrase",
        "is a secret that stands in the file itself",
    )
    assert 'write "${NAME}"' in problem.remedy
    assert SECRET not in str(problem)


@pytest.mark.usefixtures("acme")
def test_one_from_the_environment_is_taken_and_not_shown(files: Files) -> None:
    document = design({"providers/main": {"type": "acme", "account": "12", "login": {"phrase": "${PHRASE}"}}})
    found = files.load(document, {"PHRASE": SECRET})
    assert found.providers["main"].provider == Acme(account="12", login=Login(phrase=SECRET))
    console = Console(width=1000)
    with console.capture() as capture:
        console.print(report(found))
    assert 'account = "12"' in capture.get()
    assert SECRET not in capture.get()


@pytest.mark.parametrize(
    ("providers", "found"),
    [
        ({"main": {"type": "acme", "account": SECRET, "login": {"user": SECRET, "phrase": "${A}"}}}, []),
        ({"main": {"type": "acme", "login": {"phrase": SECRET}}}, [("providers", "main", "login", "phrase")]),
        ({"main": {"type": "none such", "password": SECRET}}, [("providers", "main", "password")]),
        ({"main": {"type": "acme", "api": {"secret": SECRET}}}, [("providers", "main", "api", "secret")]),
        ({"main": {"credentials_file": "/etc/key.json", "session": "x", "access_key_id": "AKIA"}}, []),
        ({"main": {"type": ["acme"]}, "other": "x"}, []),
        ("x", []),
    ],
)
@pytest.mark.usefixtures("acme")
def test_only_what_is_secret_counts_as_such(providers: Any, found: list[tuple[str, ...]]) -> None:
    assert list(literal_secrets({"providers": providers})) == found


# Owner, reload


def test_the_owner_of_records_is_the_node_unless_the_file_says_so(files: Files) -> None:
    assert files.load(design()).owner == "istanbul-1"
    assert files.load(design({"node/owner": "acme.example-1"})).owner == "acme.example-1"


@pytest.mark.parametrize("owner", ["a,b", "a=b", 'a"b', "", "a b", "x" * 64])
def test_an_owner_fits_into_a_marker(files: Files, owner: str) -> None:
    problem = files.problem(design({"node/owner": owner}))
    assert problem.key == "node.owner"
    assert "name of this installation" in problem.remedy


@pytest.mark.usefixtures("acme")
def test_providers_zones_and_owner_change_without_a_restart(files: Files) -> None:
    before = files.load(design())
    changes: dict[str, Any] = {"providers/main": {"type": "acme"}, "zones/example.com/providers": ["embedded", "main"]}
    files.load(design(changes | {"node/owner": "we", "services/api.example.com/rto": "10m"}))
    after = load(files.path, {})
    assert after.published == {"example.com.": ("embedded", "main")}
    assert restart_keys(before, after) == ()
    refuse_restart(before, after)


def test_what_comes_with_gslb_is_found_without_looking_through_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, files: Files
) -> None:
    def look(group: str) -> None:
        raise AssertionError(group)

    monkeypatch.setattr("gslb.config.plugins.entry_points", look)
    assert files.load(design()).topology.services


def test_a_setup_is_shown_with_its_type() -> None:
    one = ProviderSetup("main", "acme", Acme(), Acme().capabilities, 1, 1, 1, True, (), Drift.OFF, 60, PlanLimits())
    assert (str(one), str(replace(one, name="spare"))) == ("main (acme)", "spare (acme)")
