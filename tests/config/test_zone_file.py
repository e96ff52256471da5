"""Static records come from a standard master file; what is wrong in it is said with file and line."""

from typing import Any

import pytest

from gslb.errors import Problem
from gslb.nameserver.snapshot import Record
from tests.config.files import REMOVED, Files, Table, design

FILE = "zones/example.com/file"
GOOD = """\
; static records
$TTL 300
@       IN MX    10 mail
mail    IN A     192.0.2.25
Www     IN CNAME api.example.com.
long    IN TXT   ( "one"
                   "two" )
        IN AAAA  2001:db8::1
"""


def records(files: Files, text: str, **changes: Any) -> tuple[Record, ...]:
    (files.folder / "db.example").write_text(text)
    (zone,) = files.load(design({FILE: "db.example"} | changes)).zones
    return zone.records


def problem(files: Files, text: str | bytes, document: Table | None = None) -> Problem:
    (files.folder / "db.example").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = files.problem(document or design({FILE: "db.example"}))
    assert found.file == str(files.folder / "db.example")
    return found


def test_static_records_join_those_made_from_the_configuration(files: Files) -> None:
    assert records(files, GOOD)[1:] == (
        Record("example.com.", 3600, "NS", "ns1.example.com."),
        Record("ns1.example.com.", 3600, "A", "127.0.0.1"),
        Record("example.com.", 300, "MX", "10 mail.example.com."),
        Record("mail.example.com.", 300, "A", "192.0.2.25"),
        Record("www.example.com.", 300, "CNAME", "api.example.com."),
        Record("long.example.com.", 300, "TXT", '"one" "two"'),
        Record("long.example.com.", 300, "AAAA", "2001:db8::1"),
    )


def test_soa_and_ns_of_the_file_go_before_those_of_the_configuration(files: Files) -> None:
    apex = "@ 60 IN SOA ns1 admin 7 1 2 3 4\n@ 60 IN NS ns1\n@ 60 IN NS ns2.example.net.\nns1 60 IN A 192.0.2.53\n"
    assert records(files, apex, **{"zones/example.com/nameservers": REMOVED}) == (
        Record("example.com.", 60, "SOA", "ns1.example.com. admin.example.com. 7 1 2 3 4"),
        Record("example.com.", 60, "NS", "ns1.example.com."),
        Record("example.com.", 60, "NS", "ns2.example.net."),
        Record("ns1.example.com.", 60, "A", "192.0.2.53"),
    )
    assert [record.rdata for record in records(files, apex) if record.type == "A"] == ["192.0.2.53"]


def test_a_file_with_neither_soa_nor_nameserver_is_not_enough(files: Files) -> None:
    (files.folder / "db.example").write_text(GOOD)
    found = files.problem(design({FILE: "db.example", "zones/example.com/nameservers": REMOVED}))
    assert (found.key, found.message) == ('zones."example.com".nameservers', "the zone has no SOA or NS record")


def test_the_address_of_a_nameserver_may_be_in_the_file(files: Files) -> None:
    names: Table = {"zones/example.com/nameservers": {"ns1.example.com.": [], "ns.example.net": []}}
    made = records(files, "ns1 60 IN AAAA 2001:db8::53\n", **names)
    assert [record.rdata for record in made if record.type == "NS"] == ["ns1.example.com.", "ns.example.net."]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("www 300 IN A 192.0.2.256", "malformed"),
        ("www 300 IN A", ""),
        ("www 300 IN A 192.0.2.1 192.0.2.2", ""),
        ("www 300 IN MX mail", ""),
        ("www 300 IN AAA 192.0.2.1", "unknown rdatatype 'AAA'"),
        ('www 300 IN TXT "open', ""),
        ("w..w 300 IN A 192.0.2.1", "A DNS label is empty"),
        (f"{'x' * 64} 300 IN A 192.0.2.1", "63 octets"),
        ("www 300 CH A 192.0.2.1", "RR class is not zone's class"),
        ("www 300 IN SOA ns1 admin 1 2 3 4 5", "SOA"),
        ("$INCLUDE other.zone", "'$INCLUDE' is not allowed"),
        ("$TTL soon", "TTL"),
        ("mail 300 IN CNAME www", "CNAME"),
        ("www 300 IN TXT ( open", "unbalanced parentheses"),
    ],
)
def test_the_faulty_line_is_named(files: Files, line: str, message: str) -> None:
    before, after = "; one\n\nmail 300 IN A 192.0.2.25\n", "\nlast 300 IN A 192.0.2.9\n"
    for text in (before + line + after, before + line + "\n", before + line):
        found = problem(files, text)
        assert (found.line, found.key) == (4, "")
        assert message in found.message
        assert "<file>" not in found.message
        assert found.remedy == "correct this line of the master file"
        assert str(found).startswith(f"{files.folder / 'db.example'}:4: ")


def test_a_first_record_without_any_ttl_is_a_fault(files: Files) -> None:
    found = problem(files, "; one\nwww IN A 192.0.2.1\nmail 300 IN A 192.0.2.25\n")
    assert (found.line, found.message) == (2, "Missing default TTL value")


def test_a_fault_within_parentheses_is_found_on_its_own_line(files: Files) -> None:
    text = "$TTL 60\n@ SOA ns1 admin (\n  1\n  soon\n  3 4 5 )\nwww A 192.0.2.1\n"
    assert problem(files, text).line == 4


def test_a_file_that_cannot_be_read_is_named(files: Files) -> None:
    assert problem(files, b"www 60 IN TXT \xff\n").message.startswith("cannot be read: ")
    for name, reason in (("missing.zone", "No such file or directory"), (".", "Is a directory"), ("a\0b", "null byte")):
        found = files.problem(design({FILE: name}))
        assert found.file == str(files.folder / name)
        assert reason in found.message
        assert "check the path" in found.remedy


def test_a_record_that_the_nameserver_cannot_give_is_refused(files: Files) -> None:
    (files.folder / "db.example").write_text("www 2147483648 IN A 192.0.2.1\n")
    found = files.problem(design({FILE: "db.example"}))
    assert (found.file, found.key) == (str(files.path), 'zones."example.com".file')
    assert found.message == "TTL 2147483648 is not within 0..2147483647"


def test_a_zone_file_and_the_configuration_are_checked_together(files: Files) -> None:
    (files.folder / "db.example").write_text("www IN A x\n")
    document = design({FILE: "db.example", "services/api.example.com/policy": ["weigted"], "api/lisen": 1})
    assert {found.file for found in files.problems(document)} == {str(files.path), str(files.folder / "db.example")}
    assert len(files.problems(document)) == 3


def test_other_static_records_of_a_service_are_welcome(files: Files) -> None:
    assert records(files, "api 60 IN MX 10 mail\n")[-1].name == "api.example.com."


def test_the_version_follows_the_file_and_its_zone_files(files: Files) -> None:
    zone, document = files.folder / "db.example", design({FILE: "db.example"})
    zone.write_text(GOOD)
    first = files.load(document).version
    assert files.load(document).version == first
    zone.write_text(GOOD.replace("192.0.2.25", "192.0.2.26"))
    second = files.load(document).version
    third = files.load(design({FILE: "db.example", "node/name": "istanbul-2"})).version
    assert len({first, second, third}) == 3
    assert all(len(version) == 12 for version in (first, second, third))


def test_a_record_outside_of_the_zone_is_refused_with_its_line(files: Files) -> None:
    """It would not be answered, and nobody would be told."""
    text = """$TTL 60
@ IN SOA ns1 hostmaster (
    1 3600 600 604800 60 ) ; over two lines
  IN NS ns1
ns1 IN A 192.0.2.53
$ORIGIN sub.example.com.
www IN A 192.0.2.1

ftp.example.org. IN A 192.0.2.2
"""
    zone = files.path.parent / "example.com.zone"
    zone.write_text(text)
    (problem,) = files.problems(design({"zones/example.com/file": "example.com.zone"}))
    assert (problem.file, problem.line) == (str(zone), 9)
    assert "ftp.example.org. is outside of the zone example.com." in problem.message
    zone.write_text(text.replace("ftp.example.org. IN", "ftp IN"))
    assert files.load(design({"zones/example.com/file": "example.com.zone"})).zones
