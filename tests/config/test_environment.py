"""``${NAME}`` in a string reads the environment, wherever the string stands."""

import os

import pytest

from gslb.config.environment import expand, unknown
from gslb.config.load import load
from tests.config.files import Files, design, to_toml


def test_references_are_replaced_in_tables_and_lists_and_nothing_else_is() -> None:
    value = {"a": "${X}", "b": ["${X}-${Y}", {"c": "x${Y}"}], "${X}": 5, "d": ["$X", "${}", "${1}", "$${Y}"], "e": True}
    assert expand(value, {"X": "one", "Y": "${X}"}) == {
        "a": "one",
        "b": ["one-${X}", {"c": "x${X}"}],
        "${X}": 5,
        "d": ["$X", "${}", "${1}", "$${X}"],
        "e": True,
    }


def test_unknown_references_are_found_where_they_stand() -> None:
    value = {"a": ["x", {"b": "${ONE} ${TWO}"}], "c": "${KNOWN}"}
    assert list(unknown(value, {"KNOWN": ""})) == [(("a", 1, "b"), "ONE"), (("a", 1, "b"), "TWO")]


def test_the_environment_is_read_before_values_are_checked(files: Files) -> None:
    document = design(
        {
            "node/name": "${NODE}",
            "regions/istanbul/endpoints": ["${GATEWAY}:8080", {"probe": "127.0.1.2:80", "publish": ["${PUBLIC}"]}],
            "services/api.example.com/ttl/steady": "${TTL}s",
        }
    )
    loaded = files.load(document, {"NODE": "n-1", "GATEWAY": "127.0.1.9", "PUBLIC": "192.0.2.9", "TTL": "20"})
    (istanbul, _), (service,) = loaded.topology.regions.values(), loaded.topology.services.values()
    assert loaded.node.name == "n-1"
    assert [str(endpoint.probe) for endpoint in istanbul.endpoints] == ["127.0.1.9:8080", "127.0.1.2:80"]
    assert [str(address) for address in istanbul.endpoints[1].publish] == ["192.0.2.9"]
    assert service.ttl_steady == 20


def test_a_name_that_is_not_set_is_named_with_its_key(files: Files) -> None:
    document = design({"node/name": "${NODE}", "regions/istanbul/endpoints": ["127.0.1.1:80", "${HOST}:${PORT}"]})
    assert [(p.file, p.key, p.message, p.remedy) for p in files.problems(document, {"HOST": "127.0.1.2"})] == [
        (str(files.path), "node.name", "${NODE} is not set", "set NODE in the environment of gslb"),
        (str(files.path), "regions.istanbul.endpoints[1]", "${PORT} is not set", "set PORT in the environment of gslb"),
    ]


def test_the_environment_of_the_process_is_the_default(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GSLB_TEST_NODE", "from-here")
    files.path.write_text(to_toml(design({"node/name": "${GSLB_TEST_NODE}"})))
    assert load(files.path).node.name == "from-here"
