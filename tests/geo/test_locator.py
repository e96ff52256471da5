"""Locating by several files, while they are replaced, overwritten, cut short and taken away."""

import os
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from gslb.geo.locator import REMEMBERED, Located, Locator
from gslb.model.location import NOWHERE, Location
from tests.geo.databases import ANKARA, CITY, FRANKFURT, ISTANBUL, Records, asn_database, city, city_database
from tests.waiting import eventually

IN_ISTANBUL = Location("AS", "TR", ("TR-34",), 9121, ISTANBUL)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [city_database(tmp_path / "city.mmdb"), asn_database(tmp_path / "asn.mmdb")]


def countries(country: str, *, more: int = 0) -> Records:
    """The networks of CITY, all in one country, and so many more; those make the file another size."""
    continent = {"TR": "AS", "DE": "EU"}[country]
    extra = {f"10.{number}.0.0/16": city(continent, country) for number in range(more)}
    return dict.fromkeys(CITY, city(continent, country)) | extra


@pytest.mark.parametrize(
    ("address", "location", "prefix"),
    [
        ("198.51.100.7", IN_ISTANBUL, 24),
        ("203.0.113.7", Location("AS", "TR", ("TR-06",), 34984, ANKARA), 25),
        ("203.0.113.200", Location(asn=34984), 25),
        ("192.0.2.1", Location("EU", "DE", ("DE-HE",), 3320, FRANKFURT), 24),
        ("100.64.0.255", Location("NA", "US", (), 7018), 24),
        ("2001:db8:1:ffff::", IN_ISTANBUL, 48),
        ("127.0.0.1", NOWHERE, 4),
        ("2001:db8:2::", NOWHERE, 47),
    ],
)
def test_what_all_files_say_is_put_together_with_the_longest_of_their_prefixes(
    paths: list[Path], address: str, location: Location, prefix: int
) -> None:
    assert Locator(paths).locate(ip_address(address)) == Located(location, prefix)


def test_without_files_everybody_is_of_unknown_location() -> None:
    locator = Locator([])
    assert locator.locate(ip_address("198.51.100.7")) == Located(NOWHERE, 0)
    assert not locator.refresh()


def test_a_file_that_has_not_changed_is_not_read_again(paths: list[Path]) -> None:
    locator = Locator(paths)
    with capture_logs() as logs:
        assert not locator.refresh()
    assert logs == []


def test_a_replaced_file_is_taken_into_use_and_what_was_remembered_is_forgotten(paths: list[Path]) -> None:
    locator, address = Locator(paths), ip_address("198.51.100.7")
    assert locator.locate(address).location.country == "TR"
    city_database(paths[0].with_suffix(".new"), countries("DE")).replace(paths[0])
    with capture_logs() as logs:
        assert locator.refresh()
    assert locator.locate(address).location == Location("EU", "DE", (), 9121)
    assert [(entry["event"], entry["path"], entry["type"]) for entry in logs] == [
        ("geo database in use", str(paths[0]), "GeoLite2-City")
    ]
    assert not locator.refresh()


def test_a_file_that_is_overwritten_in_place_is_taken_into_use(paths: list[Path]) -> None:
    locator = Locator(paths)
    city_database(paths[0], countries("DE", more=9))
    assert locator.refresh()
    assert locator.locate(ip_address("198.51.100.7")).location.country == "DE"


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "removed", "emptied"])
def test_a_file_that_is_damaged_while_in_use_leaves_the_former_in_use(paths: list[Path], damage: str) -> None:
    locator, path = Locator(paths), paths[0]
    match damage:
        case "truncated":
            os.truncate(path, path.stat().st_size // 2)
        case "overwritten":
            with path.open("r+b") as file:
                file.write(b"\xff" * path.stat().st_size * 2)
        case "removed":
            path.unlink()
        case "emptied":
            path.write_bytes(b"")
    assert locator.locate(ip_address("198.51.100.7")) == Located(IN_ISTANBUL, 24)
    with capture_logs() as logs:
        assert not locator.refresh()
        assert not locator.refresh()
    assert [(e["log_level"], e["event"], e["path"], e["former_kept"]) for e in logs] == [
        ("warning", "geo database not used", str(path), True)
    ]
    assert logs[0]["reason"]
    assert logs[0]["remedy"]
    for number in range(50):  # not remembered from before
        assert locator.locate(ip_address(f"198.51.100.{number + 100}")) == Located(IN_ISTANBUL, 24)


def test_a_file_that_is_well_again_is_used_again_and_its_next_fault_is_told_again(paths: list[Path]) -> None:
    locator, path = Locator(paths), paths[0]
    away = path.with_suffix(".away")
    with capture_logs() as logs:
        for _ in range(2):
            path.rename(away)
            assert not locator.refresh()
            away.rename(path)
            assert not locator.refresh()  # it is the one in use
    assert [entry["reason"] for entry in logs] == ["does not exist"] * 2
    path.write_bytes(b"")
    assert not locator.refresh()
    city_database(path, countries("DE"))
    assert locator.refresh()
    assert locator.locate(ip_address("198.51.100.7")).location.country == "DE"


def test_another_broken_file_with_the_same_fault_is_not_told_again(paths: list[Path]) -> None:
    locator = Locator(paths)
    with capture_logs() as logs:
        for size in (1, 2, 3):
            paths[0].write_bytes(b"x" * size)
            assert not locator.refresh()
    assert len(logs) == 1


def test_a_file_that_is_missing_at_first_says_nothing_until_it_comes(tmp_path: Path, paths: list[Path]) -> None:
    late = tmp_path / "late.mmdb"
    with capture_logs() as logs:
        locator = Locator([late, paths[1]])
    assert locator.locate(ip_address("198.51.100.7")) == Located(Location(asn=9121), 24)
    assert [entry["former_kept"] for entry in logs if entry["event"] == "geo database not used"] == [False]
    city_database(late)
    assert locator.refresh()
    assert locator.locate(ip_address("198.51.100.7")) == Located(IN_ISTANBUL, 24)


def test_a_path_that_cannot_be_one_is_refused_like_any_other(tmp_path: Path) -> None:
    with capture_logs() as logs:
        locator = Locator([tmp_path / "a\0b"])
    assert locator.locate(ip_address("198.51.100.7")) == Located(NOWHERE, 0)
    assert [entry["reason"] for entry in logs] == ["cannot be read: embedded null byte"]


def test_the_first_file_goes_before_the_second(tmp_path: Path, paths: list[Path]) -> None:
    own = city_database(tmp_path / "own.mmdb", countries("DE"))
    address = ip_address("198.51.100.7")
    assert Locator([own, *paths]).locate(address).location.country == "DE"
    assert Locator([*paths, own]).locate(address).location == IN_ISTANBUL


def mapped() -> int:
    """Databases that this process has in memory."""
    return Path("/proc/self/maps").read_text().count("memfd:gslb-geo")


def test_memory_of_a_replaced_database_is_given_back(paths: list[Path]) -> None:
    before = mapped()
    locator = Locator(paths)
    locator.locate(ip_address("198.51.100.7"))
    assert mapped() == before + 2
    city_database(paths[0], countries("DE", more=3))
    assert locator.refresh()
    assert mapped() == before + 2
    del locator
    assert mapped() == before


def test_no_more_is_remembered_than_is_bounded(paths: list[Path]) -> None:
    locator = Locator(paths)
    for number in range(REMEMBERED + 100):
        locator.locate(ip_address(number))
    info = locator._locate.cache_info()  # type: ignore[attr-defined]
    assert info.currsize == REMEMBERED


def test_threads_that_locate_while_files_are_replaced_always_see_a_whole_one(tmp_path: Path) -> None:
    kinds = {"TR": countries("TR"), "DE": countries("DE", more=200)}
    path = city_database(tmp_path / "city.mmdb", kinds["TR"])
    locator, stop = Locator([path]), Event()
    allowed = {Located(Location("AS", "TR"), 24), Located(Location("EU", "DE"), 24)}
    seen: Counter[str] = Counter()
    wrong: list[object] = []

    def read() -> None:
        number = 0
        while not stop.wait(0.0001):  # or the others would hardly come to anything
            number = (number + 1) % 256
            try:
                found = locator.locate(ip_address(f"198.51.100.{number}"))
            except Exception as error:  # noqa: BLE001  none may come
                wrong.append(error)
                return
            if found not in allowed:
                wrong.append(found)
            seen[found.location.country] += 1

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(8):
            country = ("DE", "TR")[turn % 2]
            if turn % 4 < 2:
                city_database(path.with_suffix(".new"), kinds[country]).replace(path)
            else:
                path.write_bytes(b"")  # as a download in place begins
                locator.refresh()
                city_database(path, kinds[country])
            assert locator.refresh()
            before = seen[country]
            assert eventually(lambda c=country, b=before: wrong or seen[c] > b)  # type: ignore[misc]
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert set(seen) == {"TR", "DE"}
