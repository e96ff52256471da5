"""One file: what it says of addresses and for how many of them, and which files are refused."""

import gzip
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo import database as module
from gslb.geo import trial
from gslb.geo.database import Database, DatabaseError, geography, open_database, stamp_of
from gslb.geo.trial import open_copy
from gslb.model.area import AreaKind
from gslb.model.chain import Geography
from tests.geo.databases import ASN, CITY, Records, asn_database, city_database, write
from tests.waiting import eventually

PLACES = frozenset({AreaKind.COUNTRY, AreaKind.CONTINENT, AreaKind.UNKNOWN})


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return open_database(city_database(tmp_path_factory.mktemp("geo") / "city.mmdb"))


def test_a_record_is_found_by_every_address_of_its_network_and_by_no_other(city: Database) -> None:
    for network, record in CITY.items():
        found = ip_network(network)
        for address in (found[0], found[-1]):
            assert city.find(address) == (record, found.prefixlen)
        assert city.find(found[-1] + 1)[0] is None
        assert city.find(found[0] - 1)[0] is None


def test_an_ipv4_address_in_a_tree_of_both_has_a_prefix_of_its_own_family(city: Database) -> None:
    assert city.version == 6
    assert city.find(ip_address("198.51.100.7"))[1] == 24
    assert city.find(ip_address("203.0.113.7"))[1] == 25


@given(st.integers(0, 2**32 - 1))
def test_what_is_said_with_a_prefix_holds_for_all_that_share_it(city: Database, number: int) -> None:
    record, prefix = city.find(address := ip_address(number))
    whole = ip_network((address, prefix), strict=False)
    for other in (whole[0], whole[-1]):
        assert city.find(other) == (record, prefix)


def test_where_nothing_is_known_the_prefix_is_that_of_the_gap(city: Database) -> None:
    assert city.find(ip_address("203.0.113.128")) == (None, 25)
    assert city.find(ip_address("2001:db8:2::1")) == (None, 47)


def test_a_database_of_ipv4_says_nothing_of_any_ipv6_address(tmp_path: Path) -> None:
    records = {"198.51.100.0/24": {"autonomous_system_number": 9121}}
    found = open_database(write(tmp_path / "v4.mmdb", "GeoLite2-ASN", records, version=4))
    assert found.find(ip_address("198.51.100.7")) == (records["198.51.100.0/24"], 24)
    assert found.find(ip_address("2001:db8:1::1")) == (None, 0)


def test_an_empty_database_says_nothing(tmp_path: Path) -> None:
    found = open_database(write(tmp_path / "empty.mmdb", "Mine", {"10.0.0.0/8": {}}))
    assert found.find(ip_address("10.0.0.1")) == ({}, 8)
    assert found.tells() == Geography()


def corrupt(path: Path, find: bytes, put: bytes) -> Path:
    """The file with the last occurrence of ``find`` replaced."""
    data = path.read_bytes()
    at = data.rindex(find)
    path.write_bytes(data[:at] + put + data[at + len(find) :])
    return path


def without_trial(path: Path) -> Database:
    """The database at ``path``, damaged or not."""
    with path.open("rb") as file:
        return Database(path, stamp_of(os.fstat(file.fileno())), "Mine", 0, 6, open_copy(file.fileno()))


def test_a_damaged_record_is_none_and_holds_for_the_address_alone(tmp_path: Path) -> None:
    records: Records = {"192.0.2.0/24": {"country": "Greenland"}, "2001:db8::/32": {"country": "DE"}}
    path = corrupt(write(tmp_path / "bad.mmdb", "Mine", records), b"Greenland", b"Greenlan\xff")
    found = without_trial(path)
    assert found.find(ip_address("192.0.2.1")) == (None, 32)
    assert found.find(ip_address("2001:db8::1")) == ({"country": "DE"}, 32)


def refusal(path: Path) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        open_database(path)
    assert caught.value.path == path
    assert caught.value.remedy
    assert str(caught.value) == f"{path} {caught.value.reason}\n    {caught.value.remedy}"
    return caught.value


def as_text(path: Path) -> None:
    path.write_text("country,TR\n" * 1000)


def as_nothing(path: Path) -> None:
    path.write_bytes(b"")


def as_a_half(path: Path) -> None:
    os.truncate(city_database(path), path.stat().st_size // 2)


def without_a_head(path: Path) -> None:
    path.write_bytes(city_database(path).read_bytes()[300:])


def with_a_hole(path: Path) -> None:
    """The tree is lost, as after a power failure."""
    data = city_database(path).read_bytes()
    path.write_bytes(bytes(600) + data[600:])


def with_bad_text(path: Path) -> None:
    corrupt(write(path, "Mine", {"192.0.2.0/24": {"country": "Greenland"}}), b"Greenland", b"Greenlan\xff")


def with_other_metadata(path: Path) -> None:
    corrupt(city_database(path), b"database_type", b"database_tipe")


NO_DATABASE = "is no MaxMind database, or not all of one"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (as_text, NO_DATABASE),
        (as_nothing, NO_DATABASE),
        (as_a_half, NO_DATABASE),
        (without_a_head, "is damaged: "),
        (with_other_metadata, NO_DATABASE),
        (with_a_hole, "is damaged: "),
        (with_bad_text, "is damaged: "),
    ],
)
def test_what_is_no_whole_database_is_refused(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "bad.mmdb")
    error = refusal(tmp_path / "bad.mmdb")
    assert error.reason.startswith(reason)
    assert "download it again" in error.remedy


def test_no_single_damaged_byte_is_the_end_of_who_reads_it(tmp_path: Path) -> None:
    """Some versions of the reader crash where a key of a record is no text."""
    path = city_database(tmp_path / "bad.mmdb")
    data = path.read_bytes()
    records = data.index(b"\0" * 16) + 16, data.rindex(b"\xab\xcd\xefMaxMind.com")
    for at in range(*records, 17):
        path.write_bytes(data[:at] + bytes((data[at] ^ 0b10111000,)) + data[at + 1 :])
        with suppress(DatabaseError):
            found = open_database(path)
            assert all(found.find(ip_network(network)[0])[1] > 0 for network in CITY)


def test_a_file_on_which_the_reader_crashes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(trial, "__file__", str(crash))
    assert refusal(city_database(tmp_path / "city.mmdb")).reason == "is damaged: its reader ends with -9"


def test_a_compressed_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    packed = tmp_path / "city.mmdb.gz"
    packed.write_bytes(gzip.compress(city_database(tmp_path / "city.mmdb").read_bytes()))
    error = refusal(packed)
    assert (error.reason, error.remedy) == ("is compressed", "unpack it, with gunzip or tar -xzf")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").reason == "is no regular file"
    assert refusal(tmp_path).reason in ("is no regular file", "cannot be read: Is a directory")
    assert refusal(tmp_path / "none.mmdb").reason == "does not exist"
    assert refusal(tmp_path / "city.mmdb" / "x").reason == "does not exist"
    assert refusal(tmp_path / "a\0b").reason == "cannot be read: embedded null byte"
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(tmp_path / "loop").reason == "cannot be read: Too many levels of symbolic links"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path, stop = tmp_path / "growing.mmdb", Event()
    size = 16 * 2**20
    path.write_bytes(b"")
    os.truncate(path, size)

    def work() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            os.truncate(path, size + turn % 1000)

    worker = Thread(target=work)
    worker.start()
    try:
        assert eventually(lambda: refusal(path).reason == "is being written to")
    finally:
        stop.set()
        worker.join()


def test_a_trial_that_takes_too_long_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    assert refusal(city_database(tmp_path / "city.mmdb")).reason == "is damaged: reading a part of it takes over 0 s"


def test_a_trial_that_cannot_be_started_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert refusal(city_database(tmp_path / "city.mmdb")).reason.startswith("cannot be tried: ")


def test_without_its_reader_in_c_no_database_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb.extension", None)
    error = refusal(city_database(tmp_path / "city.mmdb"))
    assert error.reason == "cannot be read: maxminddb lacks its reader in C"
    assert error.remedy.startswith("install maxminddb from a wheel")


def test_a_copy_is_in_use_and_nothing_of_the_file(tmp_path: Path) -> None:
    path = city_database(tmp_path / "city.mmdb")
    found = open_database(path)
    os.truncate(path, 0)
    assert found.find(ip_address("198.51.100.7")) == (CITY["198.51.100.0/24"], 24)
    assert str(path) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize(
    ("kind", "records", "told"),
    [
        ("GeoLite2-City", CITY, Geography(PLACES | {AreaKind.SUBDIVISION}, coordinates=True)),
        ("GeoLite2-Country", {"10.0.0.0/8": {}}, Geography(PLACES)),
        ("GeoIP2-ISP", ASN, Geography(frozenset({AreaKind.ASN}))),
        ("DBIP-City-Lite", {"10.0.0.0/8": {"country": {"iso_code": "TR"}}}, Geography(PLACES)),
        (
            "ipinfo standard_location.mmdb",
            {"fd00::/64": {"country": "TR", "lat": "41.01", "lng": "28.98"}},
            Geography(PLACES, coordinates=True),
        ),
        ("ipinfo lite", {"10.0.0.0/8": {"asn": "AS64496"}}, Geography(frozenset({AreaKind.ASN}))),
        ("GeoIP2-Anonymous-IP", {"10.0.0.0/8": {"is_anonymous": True}}, Geography()),
    ],
)
def test_what_can_be_told_is_known_by_type_or_found_in_the_records(
    tmp_path: Path, kind: str, records: Records, told: Geography
) -> None:
    assert open_database(write(tmp_path / "some.mmdb", kind, records)).tells() == told


def test_what_one_file_or_another_tells_can_be_told(tmp_path: Path) -> None:
    databases = [open_database(city_database(tmp_path / "c")), open_database(asn_database(tmp_path / "a"))]
    assert geography(databases) == Geography(PLACES | {AreaKind.SUBDIVISION, AreaKind.ASN}, coordinates=True)
    assert geography([]) == Geography()


def test_another_file_has_another_stamp(tmp_path: Path) -> None:
    path = city_database(tmp_path / "one.mmdb")
    first = stamp_of(path.stat())
    shutil.copy2(path, tmp_path / "two.mmdb")
    assert stamp_of(path.stat()) == first
    (tmp_path / "two.mmdb").replace(path)
    assert stamp_of(path.stat()) != first
