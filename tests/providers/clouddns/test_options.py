"""The table of a provider, and that it costs nothing before it is used."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, assert_type

import pytest
from pydantic import ValidationError

from gslb.model.options import Options
from gslb.model.recordset import Marker, RecordSet
from providers.base import Provider
from providers.clouddns import CloudDns, calls
from tests.providers.clouddns.support import API, address

LOADED = "print(sorted(name for name in sys.modules if name.split('.')[0] in {'google', 'requests', 'urllib3'}))"


def run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", f"import sys\nfrom providers.clouddns import CloudDns\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def test_nothing_of_google_is_loaded_before_an_account_is_opened() -> None:
    assert run(f"CloudDns(project='p')\n{LOADED}") == "[]"


def test_opening_loads_it_and_warns_of_nothing() -> None:
    assert "google.cloud.dns" in run(f"CloudDns(project='p', anonymous=True).open(None)\n{LOADED}")


def test_it_is_a_provider_with_options() -> None:
    provider: Provider = CloudDns(project="p")
    assert_type(provider, Provider)
    assert issubclass(CloudDns, Options)
    capabilities = provider.capabilities
    assert (capabilities.batch_size, capabilities.max_weight, capabilities.nesting) == (1000, 1000, False)
    assert capabilities.features == frozenset()
    shared = {"type", "rate", "burst", "deadline", "witness", "drift", "drift_interval", "max_deletes"}
    assert not shared & CloudDns.model_fields.keys()
    assert all(field.description for field in CloudDns.model_fields.values())


def test_a_path_is_relative_to_the_configuration_and_origins_are_absolute() -> None:
    table = {"credentials": "key.json", "zones": {"Example.com": "one", "example.net.": "two"}}
    provider = CloudDns.model_validate(table, context={"folder": Path("/etc/gslb")})
    assert provider.credentials == Path("/etc/gslb/key.json")
    assert provider.zones == {"example.com.": "one", "example.net.": "two"}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"anonymous": True}, "anonymous without project"),
        ({"anonymous": True, "project": "p", "credentials": "key.json"}, "anonymous with credentials"),
        ({"anonymous": True, "project": "p", "impersonate": "a@b.iam.gserviceaccount.com"}, "anonymous with"),
        ({"endpoint": "http://192.0.2.1:80"}, "sent tokens without TLS"),
        ({"endpoint": "ftp://127.0.0.1"}, "endpoint"),
        ({"endpoint": "https://127.0.0.1/dns"}, "endpoint"),
        ({"endpoint": "https://user:phrase@127.0.0.1"}, "endpoint"),
        ({"zones": {"a..example.com": "one"}}, "is not a DNS name"),
        ({"zones": {"example.com": "one", "Example.com.": "two"}}, "is there twice"),
        ({"impersonate": "somebody"}, "impersonate"),
        ({"zones": {"example.com": "../other"}}, "zones"),
        ({"zones": {"example.com": 7}}, "zones"),
        ({"project": ""}, "project"),
        ({"projects": "p"}, "projects"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        CloudDns.model_validate(table)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:80"])
def test_tokens_may_go_to_this_machine_without_tls(endpoint: str) -> None:
    assert CloudDns.model_validate({"endpoint": endpoint}).endpoint == endpoint


@pytest.mark.parametrize(
    ("records", "text"),
    [
        (
            [RecordSet(API, "A", (), 30, routing='{"routingPolicy":{"wrr":{"items":[' + "{}," * 100 + "{}]}}}")],
            "100 items",
        ),
        ([RecordSet(API, "A", (), 30, weights=(1001.0,))], "a weight is not within 0 to 1000"),
        ([address(API, *(f"192.0.2.{number}" for number in range(101)))], "more than 100 records"),
        ([RecordSet(API, "CNAME", ("a.", "b."), 30)], "more than 1 records"),
        ([address(ttl=2**31)], "the TTL is not within"),
        ([address(f"{'x' * 64}.example.com.")], "each of its labels 1 to 63"),
        ([address(f"{'x.' * 130}com.")], "at most 255 octets"),
        ([address("a/b.example.com.")], "letters, digits, _ and"),
        ([address(r"a\@b.example.com.")], "letters, digits, _ and"),
        ([address("a.*.example.com.")], "letters, digits, _ and"),
        ([address("a-.example.com.")], "letters, digits, _ and"),
        (
            [address(), RecordSet(API, "CNAME", ("a.",), 30)],
            "an alias (CNAME) has its name for itself, and there are A",
        ),
    ],
)
def test_what_would_be_refused_is_told_without_asking(records: list[RecordSet], text: str) -> None:
    (problem,) = CloudDns(project="p").problems(records)
    assert problem.startswith(records[0].name)
    assert text in problem


def test_nothing_is_said_about_what_is_in_order() -> None:
    assert CloudDns(project="p").problems([address(), Marker(API, "us", 2**62, 2**62).record(300)]) == ()


def test_the_page_has_the_options_and_exactly_the_permissions_that_are_used() -> None:
    page = (Path(__file__).parents[3] / "docs/providers/clouddns.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|.*\|.*\|$", page, re.MULTILINE) == list(CloudDns.model_fields)
    role = page[page.index("gcloud iam roles create") : page.index("`dns.managedZones.list` is not needed")]
    made = (calls.list_zones(), calls.get_zone("z"), calls.list_records("z"), calls.create_change("z", []))
    used = {permission for call in (*made, calls.get_change("z", "1")) for permission in call.permissions}
    assert set(re.findall(r"dns\.\w+\.\w+", role)) == used
