"""What the parents of our zones need, and nameservers that nobody could find."""

from typing import Any

import pytest

from gslb.config.delegation import asked_of_parents
from tests.config.files import REMOVED, Files, design

CHILD = {"nameservers": {"ns1.gslb.example.com": ["192.0.2.53", "2001:db8::53"], "ns.example.net": []}}
NS = ["gslb.example.com. NS ns1.gslb.example.com.", "gslb.example.com. NS ns.example.net."]
GLUE = ["ns1.gslb.example.com. A 192.0.2.53", "ns1.gslb.example.com. AAAA 2001:db8::53"]


def loaded(files: Files, text: str, changes: dict[str, Any] | None = None) -> Any:
    (files.folder / "db").write_text(f"$TTL 60\n{text}")
    return files.load(design({"zones/example.com/file": "db"} | (changes or {})))


def warnings(files: Files, text: str, changes: dict[str, Any] | None = None) -> list[str]:
    found = [w for w in loaded(files, text, changes).warnings if not w.key.startswith("services")]
    assert all(warning.remedy for warning in found)
    return [str(warning).partition("\n")[0].removeprefix(f"{files.folder}/") for warning in found]


def test_the_parent_of_a_sub_delegated_zone_is_asked_for_its_ns_records_and_their_glue(files: Files) -> None:
    (files.folder / "zone").write_text("$TTL 60\nwww A 192.0.2.80\nsub NS ns.sub\nns.sub A 192.0.2.54\n")
    changes = {
        "zones": {"gslb.example.com": CHILD | {"file": "zone"}},
        "services": {"api.gslb.example.com": {"regions": ["istanbul"]}},
    }
    ((origin, records),) = asked_of_parents(files.load(design(changes)).zones)
    assert origin == "gslb.example.com."
    assert [f"{record.name} {record.type} {record.rdata}" for record in records] == NS + GLUE


def test_of_nested_zones_only_the_outer_ones_parent_is_somebody_else(files: Files) -> None:
    delegated = "gslb NS ns1.gslb\ngslb NS ns.example.net.\nns1.gslb A 192.0.2.53\n"
    changes = {"zones/gslb.example.com": CHILD}
    zones = loaded(files, delegated, changes).zones
    assert [origin for origin, _ in asked_of_parents(zones)] == ["example.com."]
    assert warnings(files, delegated, changes) == []


def test_a_zone_below_a_delegation_of_a_configured_one_has_another_parent(files: Files) -> None:
    changes: dict[str, Any] = {"zones/gslb.corp.example.com": {"nameservers": {"ns.example.net": []}}}
    text = "corp NS ns.example.net.\n"
    assert [o for o, _ in asked_of_parents(loaded(files, text, changes).zones)] == [
        "example.com.",
        "gslb.corp.example.com.",
    ]
    assert warnings(files, text, changes) == []


def test_a_configured_parent_that_does_not_delegate_is_warned_of_with_the_records_it_needs(files: Files) -> None:
    (found,) = [w for w in loaded(files, "", {"zones/gslb.example.com": CHILD}).warnings if "parent" in w.message]
    assert (found.key, found.file) == ('zones."gslb.example.com"', str(files.path))
    assert found.message == "its parent example.com., configured here too, does not delegate to it"
    assert "ns1.gslb.example.com. 3600 IN AAAA 2001:db8::53" in found.remedy


def test_a_configured_parent_that_names_other_nameservers_is_warned_of(files: Files) -> None:
    (found,) = warnings(files, "gslb NS ns.example.net.\n", {"zones/gslb.example.com": CHILD})
    assert found.endswith("db:2")
    assert "its nameservers are not those that example.com. names" in found


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("@ NS ns1\n@ NS ns9\n", 2, "ns9.example.com., a nameserver of example.com., has no address"),
        ("sub NS ns.sub\n", 2, "ns.sub.example.com., a nameserver of sub.example.com., has no address"),
        ("sub NS ns9\n", 2, "ns9.example.com., a nameserver of sub.example.com., has no address"),
        ("www CNAME api\nsub NS www\n", 3, "www.example.com., a nameserver of sub.example.com., is an alias (CNAME)"),
    ],
)
def test_a_nameserver_inside_without_an_address_is_warned_of(files: Files, text: str, line: int, what: str) -> None:
    (found,) = warnings(files, text)
    assert found.startswith(f'db:{line}: zones."example.com": {what}')


@pytest.mark.parametrize(
    "text",
    [
        "@ NS ns1\n",
        "sub NS ns.sub\nns.sub AAAA ::1\n",
        "sub NS ns.example.net.\n",
        "sub NS ns.other\nother NS ns.example.net.\n",
        "sub NS ns.w\n*.w A 192.0.2.1\n",
        "sub NS api\n",
    ],
)
def test_a_nameserver_that_can_be_found_is_not(files: Files, text: str) -> None:
    assert warnings(files, text) == []


def test_a_zone_whose_file_names_all_its_nameservers_needs_none_in_the_configuration(files: Files) -> None:
    text = "@ SOA ns1 admin 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n"
    assert warnings(files, text, {"zones/example.com/nameservers": REMOVED}) == []
