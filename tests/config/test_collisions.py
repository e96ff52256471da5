"""Zone files, zones and services do not claim the same names; what is wrong is said with both places and a remedy."""

from typing import Any

import pytest

from gslb.errors import Problem
from tests.config.files import Files, design

CHILD = {"nameservers": {"ns1.gslb.example.com": ["192.0.2.53"]}}
DELEGATED = "gslb NS ns1.gslb\nns1.gslb A 192.0.2.53\n"


def services(*names: str) -> dict[str, Any]:
    return {"services": {name: {"regions": ["istanbul"]} for name in names}}


def document(files: Files, text: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    (files.folder / "db").write_text(f"$TTL 60\n{text}")
    return design({"zones/example.com/file": "db"} | (changes or {}))


def problems(files: Files, text: str, changes: dict[str, Any] | None = None) -> tuple[Problem, ...]:
    return files.problems(document(files, text, changes))


def accepts(files: Files, text: str, changes: dict[str, Any] | None = None) -> bool:
    return bool(files.load(document(files, text, changes)).zones)


@pytest.mark.parametrize("record", ["A 192.0.2.1", "AAAA ::1", "CNAME www"])
def test_a_static_address_or_alias_at_the_name_of_a_service_names_both_places(files: Files, record: str) -> None:
    (found,) = problems(files, f"; one\napi IN {record}\n")
    kind = record.partition(" ")[0]
    assert (found.file, found.key) == (str(files.path), 'services."api.example.com"')
    assert found.message == f"api.example.com has a static {kind} record too: {files.folder / 'db'}:3"
    assert found.remedy == "remove the record, or give the service another name"


def test_records_that_generate_makes_are_found_at_its_line(files: Files) -> None:
    (found,) = problems(files, "$GENERATE 1-3 host${0,2} A 192.0.2.$\n", services("host02.example.com"))
    assert found.message.endswith("db:2")


def test_the_address_of_a_nameserver_of_the_configuration_collides_too(files: Files) -> None:
    (found,) = problems(files, "", services("ns1.example.com"))
    assert found.message.endswith('static A record too: zones."example.com".nameservers')


@pytest.mark.parametrize(
    "text",
    [
        "www CNAME api\n",
        "api MX 10 mail\nmail A 192.0.2.1\n",
        "api TXT x\n",
        "a.api A 192.0.2.1\n",
        "*.sub NS ns.example.net.\n",
        "*.example.com. A 192.0.2.1\n",
    ],
)
def test_aliases_to_a_service_other_types_beside_it_and_names_below_it_are_fine(files: Files, text: str) -> None:
    assert accepts(files, text, services("api.example.com", "x.sub.example.com"))


@pytest.mark.parametrize("name", ["sub.example.com", "api.sub.example.com", "*.sub.example.com"])
def test_a_service_at_or_below_a_delegation_is_refused(files: Files, name: str) -> None:
    (found,) = problems(files, "sub NS ns.example.net.\n", services(name))
    assert found.key == f'services."{name}"'
    assert "the NS record of sub.example.com." in found.message
    assert found.message.endswith("db:2")


def test_a_service_below_a_dname_is_refused_and_at_it_is_not(files: Files) -> None:
    (found,) = problems(files, "old DNAME example.net.\n", services("api.old.example.com"))
    assert "lies below the DNAME record of old.example.com." in found.message
    assert accepts(files, "old DNAME example.net.\n", services("old.example.com"))


def test_a_wildcard_service_collides_with_a_record_of_its_own_name_only(files: Files) -> None:
    (found,) = problems(files, "*.apps CNAME www\nx.apps A 192.0.2.1\n", services("*.apps.example.com"))
    assert "*.apps.example.com has a static CNAME record too" in found.message
    assert accepts(files, "x.apps A 192.0.2.1\napps TXT x\n", services("*.apps.example.com"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mail CNAME www\nmail A 192.0.2.1\n", "an alias (CNAME) has its name for itself"),
        ("mail A 192.0.2.1\nmail CNAME www\n", "an alias (CNAME) has its name for itself"),
        ("x CNAME a\nx CNAME b\n", "x.example.com. has another CNAME record already"),
        ("x DNAME a\n  DNAME b\n", "x.example.com. has another DNAME record already"),
        ("x A 192.0.2.1\nexample.net. SOA a b 1 2 3 4 5\n", "example.net. is outside of the zone example.com."),
    ],
)
def test_what_one_name_cannot_have_is_found_at_its_second_line(files: Files, text: str, words: str) -> None:
    (found,) = problems(files, text)
    assert (found.file, found.line) == (str(files.folder / "db"), 3)
    assert words in found.message


def test_a_soa_that_stands_twice_as_after_a_transfer_is_fine(files: Files) -> None:
    soa = "@ SOA ns1 admin 1 2 3 4 5\n"
    assert accepts(files, f"{soa}mail A 192.0.2.1\n{soa}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@ CNAME www\n", "is the apex, which has SOA and NS"),
        ("ns1 CNAME www\n", 'has A too, from zones."example.com".nameservers'),
    ],
)
def test_an_alias_beside_what_the_configuration_gives_is_refused(files: Files, text: str, words: str) -> None:
    (found,) = problems(files, text)
    assert (found.file, found.line, found.key) == (str(files.folder / "db"), 2, 'zones."example.com"')
    assert words in found.message


def test_dname_and_ns_lead_to_different_places(files: Files) -> None:
    (found,) = problems(files, "x DNAME example.net.\nx NS ns.example.net.\n")
    assert (found.line, "keep one of them") == (2, found.remedy)
    assert accepts(files, "@ DNAME example.net.\n", services("example.com"))


@pytest.mark.parametrize("record", ["gslb A 192.0.2.1", "x.gslb TXT hidden", "gslb SOA a b 1 2 3 4 5", "*.gslb TXT x"])
def test_a_record_in_a_more_specific_zone_is_refused(files: Files, record: str) -> None:
    changes = {"zones/gslb.example.com": CHILD}
    found = problems(files, f"{DELEGATED}{record}\n", changes)
    assert [(each.file, each.line) for each in found] == [(str(files.folder / "db"), 4)]


def test_where_a_hidden_record_belongs_is_said(files: Files) -> None:
    (found,) = problems(files, f"{DELEGATED}x.gslb TXT hidden\n", {"zones/gslb.example.com": CHILD})
    assert found.message == (
        "the TXT record of x.gslb.example.com. is hidden: such names are answered from zone gslb.example.com."
    )
    assert "zone gslb.example.com." in found.remedy


def test_what_delegates_to_a_configured_zone_is_fine_and_services_belong_to_the_closest_zone(files: Files) -> None:
    ds = "gslb DS 1 13 2 " + "ab" * 32 + "\n"
    changes = {"zones/gslb.example.com": CHILD} | services("api.gslb.example.com", "gslb.example.com", "example.com")
    assert accepts(files, DELEGATED + ds, changes)


def test_a_service_of_a_nested_zone_is_not_measured_by_the_records_of_the_outer_one(files: Files) -> None:
    (files.folder / "child").write_text("$TTL 60\nsub NS ns.example.net.\n")
    changes = {"zones/gslb.example.com": CHILD | {"file": "child"}} | services("api.sub.gslb.example.com")
    (found,) = problems(files, DELEGATED, changes)
    assert found.message.endswith("child:2")
