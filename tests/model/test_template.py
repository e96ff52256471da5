"""Documents with places to fill in."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.template import DEEPEST, faults_of, render

VALUES = {"text": "istanbul is down", "services": ["a", "b"], "lost": 3, "region": None}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{text}!", "istanbul is down!"),
        ("{lost} lost", "3 lost"),
        ("in {region}", "in "),
        ("of {services}", 'of ["a", "b"]'),
        ("{lost}", 3),
        ("{services}", ["a", "b"]),
        ("{region}", None),
        ("{{{text}}}", "{istanbul is down}"),
        ("{{text}}", "{text}"),
        ("", ""),
        ({"a": [{"b": "{text}"}, 1, True, None, 1.5]}, {"a": [{"b": "istanbul is down"}, 1, True, None, 1.5]}),
        ({"{text}": ""}, {"{text}": ""}),
    ],
)
def test_places_are_filled_in(document: Any, expected: Any) -> None:
    assert list(faults_of(document, VALUES)) == []
    assert render(document, VALUES) == expected


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ("{tex}", "'{tex}' has no place 'tex' to fill in; known: lost, region, services, text"),
        ("{}", "has no place '' to fill in"),
        ("{0}", "has no place '0'"),
        ("{text.upper}", "has no place 'text.upper'"),
        ("{text[0]}", "has no place 'text[0]'"),
        ("{text:>99999999}", "has no place 'text'"),
        ("{text!r}", "has no place 'text'"),
        ("{", "has a brace that stands alone; write {{ or }} for a brace"),
        ({"a": ["}"]}, "has a brace that stands alone"),
        ({"a": date(2026, 1, 1)}, "2026-01-01 is nothing that JSON knows; put it in quotes"),
        ([float("nan")], "nan is nothing that JSON knows"),
    ],
)
def test_what_cannot_be_filled_in_is_a_fault(document: Any, fault: str) -> None:
    (found,) = faults_of(document, VALUES)
    assert fault in found


def test_every_fault_is_found() -> None:
    assert len(list(faults_of({"a": "{x}", "b": ["{y} {z}"]}, VALUES))) == 3


def test_depth_is_bounded() -> None:
    document: Any = "{text}"
    for _ in range(DEEPEST):
        document = [document]
    assert list(faults_of(document, VALUES)) == []
    (fault,) = faults_of({"a": document}, VALUES)
    assert "too deeply" in fault


@given(st.text())
def test_what_is_found_without_fault_can_be_filled_in(text: str) -> None:
    if not list(faults_of(text, VALUES)):
        render(text, VALUES)


@given(st.text())
def test_values_are_never_looked_at_for_places(value: str) -> None:
    assert render("a {text}", {"text": value}) == f"a {value}"
