"""[geo]: which databases are accepted, what they tell, and what stays when they are gone."""

from pathlib import Path

import pytest

from gslb.config.configuration import Geo
from gslb.config.load import load
from gslb.config.sources import Sources
from gslb.errors import ConfigError
from gslb.model.area import AreaKind
from gslb.model.chain import Geography
from tests.config.files import Files, Table, design
from tests.geo.databases import asn_database, city, city_database, write

ALL = Geography(frozenset(AreaKind) - {AreaKind.NETWORK}, coordinates=True)


def located(*databases: object) -> Table:
    return design({"geo/databases": list(databases)})


def test_without_databases_nothing_can_be_told_but_networks(files: Files) -> None:
    assert files.load(design()).geo == Geo((), Geography())
    assert files.load(located()).geo == Geo((), Geography())
    assert files.load(design({"geo": {}})).geo == Geo((), Geography())


def test_paths_are_relative_to_the_file_and_what_each_tells_is_put_together(files: Files, tmp_path: Path) -> None:
    city_database(tmp_path / "GeoLite2-City.mmdb")
    (tmp_path / "elsewhere").mkdir()
    asn = asn_database(tmp_path / "elsewhere" / "asn.mmdb")
    loaded = files.load(located("GeoLite2-City.mmdb", str(asn)))
    assert loaded.geo == Geo((tmp_path / "GeoLite2-City.mmdb", asn), ALL)
    shown = dict(loaded.sections)["geo"].model_dump(mode="json")
    assert shown == {"databases": [str(tmp_path / "GeoLite2-City.mmdb"), str(asn)]}


def test_a_database_that_is_no_good_is_named_with_what_to_do(files: Files, tmp_path: Path) -> None:
    city_database(tmp_path / "good.mmdb")
    (tmp_path / "text.mmdb").write_text("TR")
    write(tmp_path / "useless.mmdb", "GeoIP2-Anonymous-IP", {"10.0.0.0/8": {"is_anonymous": True}})
    problems = files.problems(located("good.mmdb", "none.mmdb", "text.mmdb", "useless.mmdb", "."))
    assert [(problem.key, problem.message) for problem in problems] == [
        ("geo.databases[1]", f"{tmp_path / 'none.mmdb'} does not exist"),
        ("geo.databases[2]", f"{tmp_path / 'text.mmdb'} is no MaxMind database, or not all of one"),
        ("geo.databases[3]", f"{tmp_path / 'useless.mmdb'} says nothing of where an address is"),
        ("geo.databases[4]", f"{tmp_path} cannot be read: Is a directory"),
    ]


@pytest.mark.parametrize(
    ("databases", "key", "message"),
    [
        ("city.mmdb", "geo.databases", "input should be a valid list, not 'city.mmdb'"),
        ([7], "geo.databases[0]", "7 should be the path of a file, in quotes"),
        ([""], "geo.databases[0]", "'' should be the path of a file, in quotes"),
        ([f"{number}.mmdb" for number in range(9)], "geo.databases", "should have at most 8, not 9"),
        (["a.mmdb", "a.mmdb"], "geo", "databases lists a file twice"),
    ],
)
def test_what_is_no_list_of_files_is_refused(files: Files, databases: object, key: str, message: str) -> None:
    problem = files.problem(design({"geo/databases": databases}))
    assert (problem.key, problem.message) == (key, message)


def test_a_database_that_cannot_be_read_is_the_only_fault_where_a_policy_needs_it(files: Files) -> None:
    changes = {"geo/databases": ["none.mmdb"], "services/api.example.com/policy": ["geo", "weighted"]}
    assert files.problem(design(changes)).key == "geo.databases[0]"


def test_what_was_accepted_stands_when_its_databases_are_gone(files: Files, tmp_path: Path) -> None:
    path = city_database(tmp_path / "city.mmdb")
    accepted = files.load(located("city.mmdb"))
    path.unlink()
    with pytest.raises(ConfigError):
        load(files.path, {})
    again = load(files.path, {}, Sources(accepted.sources))
    assert (again.geo, again.version) == (accepted.geo, accepted.version)
    assert again.sources == accepted.sources


def test_a_copy_that_does_not_say_what_a_database_tells_is_used_all_the_same(files: Files, tmp_path: Path) -> None:
    city_database(tmp_path / "city.mmdb")
    copies = dict(files.load(located("city.mmdb")).sources)
    for changed in ({}, {str(tmp_path / "city.mmdb"): "{"}):
        kept = {path: text for path, text in copies.items() if not path.endswith(".mmdb")} | changed
        assert load(files.path, {}, Sources(kept)).geo.databases == (tmp_path / "city.mmdb",)


def test_another_edition_of_a_database_is_no_other_configuration(files: Files, tmp_path: Path) -> None:
    city_database(tmp_path / "city.mmdb")
    before = files.load(located("city.mmdb")).version
    city_database(tmp_path / "new.mmdb", {"10.0.0.0/8": city("AS", "TR")})
    (tmp_path / "new.mmdb").replace(tmp_path / "city.mmdb")
    assert files.load(located("city.mmdb")).version == before
