"""Files that are no configuration at all, and files with many faults."""

from typing import Any

import pytest

from gslb.config.load import load
from gslb.errors import ConfigError, Problem
from tests.config.files import DESIGN, Files, design

SERVICE = "services/api.example.com"
AT = 'services."api.example.com"'
GATEWAY = {"listen": ["127.0.1.1:8080"], "upstreams": ["127.0.1.1:9001"]}


@pytest.mark.parametrize("section", ["regions", "probes", "services", "zones", "gateways", "providers"])
@pytest.mark.parametrize("value", [5, ["x"], {"istanbul": "x"}], ids=["number", "list", "table without tables"])
def test_a_section_that_should_hold_tables_says_so(files: Files, section: str, value: Any) -> None:
    first = next(problem for problem in files.problems(design({section: value})) if problem.key == section)
    assert (first.message, first.remedy) == (
        "should hold tables",
        f"write [{section}.NAME] with the keys of each below it",
    )


def test_faults_in_all_sections_are_reported_at_once(files: Files) -> None:
    changes = {
        "blackbox": {},
        "node/nme": "x",
        "api/listen": "0.0.0.0:80",
        "nameserver/workers": 0,
        "zones/example.com/fle": "x",
        "regions/istanbul/weight": -1,
        "regions/ankara/endpoints": ["x"],
        "probes/edge/interval": 1,
        "probes/edge/pth": "/",
        f"{SERVICE}/policy": ["geografic"],
        f"{SERVICE}/regions": ["istanbul", "izmir"],
    }
    assert sorted(problem.key for problem in files.problems(design(changes))) == sorted(
        [
            "blackbox",
            "node.nme",
            "api.listen",
            "nameserver.workers",
            'zones."example.com".fle',
            "regions.istanbul.weight",
            "regions.ankara.endpoints[0].probe",
            "probes.edge.interval",
            "probes.edge.pth",
            f"{AT}.policy[0]",
            f"{AT}.regions",
        ]
    )


def test_what_is_faulty_is_not_reported_as_missing_too(files: Files) -> None:
    changes = {
        "zones/example.com/ttl": 5,
        "regions/istanbul/weight": "60",
        "probes/edge/fall": "3",
        "gateways/istanbul": GATEWAY,
    }
    keys = [problem.key for problem in files.problems(design(changes))]
    assert sorted(keys) == ["probes.edge.fall", "regions.istanbul.weight", 'zones."example.com".ttl']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DESIGN.replace("weight    = 60", "weight    = "), "line 23, column 13"),
        (DESIGN + "[node]\n", "Cannot declare ('node',) twice"),
        ('listen = "127.0.0.1\n', "line 1"),
        (f"a = {'9' * 5000}", "is not valid TOML"),
        ("a = " + "[" * 2000 + "]" * 2000, "is nested too deeply"),
        (f"{'a.' * 5000}b = 1", "is nested too deeply"),
    ],
)
def test_a_file_that_is_no_toml_names_the_place(files: Files, text: str, message: str) -> None:
    problem = files.problem(text)
    assert (problem.file, problem.key) == (str(files.path), "")
    assert message in problem.message


def _only(files: Files) -> Problem:
    """What is wrong with the file as it is."""
    with pytest.raises(ConfigError) as caught:
        load(files.path, {})
    (problem,) = caught.value.problems
    assert problem.file == str(files.path)
    assert problem.remedy
    return problem


def test_a_file_that_cannot_be_read_says_why(files: Files) -> None:
    files.path.write_bytes(b'name = "\xff"')
    assert _only(files).message == "is not UTF-8 text"
    files.path.unlink()
    assert _only(files).message == "cannot be read: No such file or directory"
    files.path.mkdir()
    assert _only(files).message == "cannot be read: Is a directory"
