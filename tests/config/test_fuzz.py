"""Whatever is done to a file, loading it gives a configuration or a ConfigError that a person can act on."""

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.config.load import load
from gslb.config.sources import Sources
from gslb.config.zonefile import read_zone_file
from gslb.errors import ConfigError, Problem
from tests.config.files import Files, Table, to_toml

EXAMPLE = Path(__file__).parents[2] / "examples" / "istanbul-ankara"
DOCUMENT = tomllib.loads((EXAMPLE / "gslb.toml").read_text())

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [
        "",
        "0s",
        "1.5s",
        "127.0.0.1:80",
        "[::1]:0",
        "TR",
        "10.0.0.0/8",
        "${HOME}",
        "${",
        "a..b",
        "*.example.com",
        "\0",
        ".",
    ]
)
leaves = (
    texts
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.just(date(2026, 1, 1))
    | st.just(datetime(2026, 1, 1, tzinfo=UTC))
)
junk = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below ``value``, with each of its keys."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@st.composite
def mutants(draw: st.DrawFn) -> Table:
    """The example with one to four things deleted, replaced, renamed or added, anywhere in it."""
    document = deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(1, 4))):
        all_places = list(places(document))
        if not all_places:
            break
        container, key = draw(st.sampled_from(all_places))
        match draw(st.sampled_from(["delete", "replace", "rename", "add"])):
            case "delete":
                del container[key]
            case "replace":
                container[key] = draw(junk)
            case "rename" if isinstance(container, dict):
                container[draw(texts)] = container.pop(key)
            case _ if isinstance(container, dict):
                container[draw(texts)] = draw(junk)
            case _:
                container.append(draw(junk))
    return document


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("fuzz")
    copy(EXAMPLE / "example.com.zone", folder)
    return Files(folder)


def test_the_example_survives_being_written_out(files: Files) -> None:
    assert tomllib.loads(to_toml(DOCUMENT)) == DOCUMENT
    assert files.load(DOCUMENT).topology.services


def refusal(files: Files) -> ConfigError | None:
    """Why the file cannot be used; None where it can."""
    try:
        assert load(files.path, {"HOME": "/root"}).path == files.path
    except ConfigError as error:
        return error
    return None


@given(mutants())
def test_a_mutant_loads_or_is_refused_with_file_message_and_remedy(files: Files, document: Table) -> None:
    files.path.write_text(to_toml(document), encoding="utf-8")
    error = refusal(files)
    if error is None:
        return
    assert error.problems
    for problem in error.problems:
        assert problem.file.startswith(str(files.folder))
        assert problem.message
        assert problem.remedy


@given(st.binary(max_size=60) | st.text("[]{}=\"'#\n a1.", max_size=60).map(str.encode))
def test_any_bytes_at_all_load_or_are_refused(files: Files, content: bytes) -> None:
    files.path.write_bytes(content)
    error = refusal(files)
    assert error is None or error.problems


def zone_fault(path: Path) -> Problem | None:
    try:
        read_zone_file(path, "example.com.", Sources())
    except ConfigError as error:
        return error.problems[0]
    return None


@given(st.text('@$ \t\n()"\\;.a1*-INAMXTL', max_size=60) | st.text(max_size=20))
def test_any_zone_file_is_read_or_refused_with_a_line(files: Files, text: str) -> None:
    path = files.folder / "fuzz.zone"
    path.write_text(text, encoding="utf-8", errors="replace")
    problem = zone_fault(path)
    if problem is not None:
        assert problem.message
        assert problem.line is not None
        assert 1 <= problem.line <= len(path.read_text(encoding="utf-8").split("\n"))
