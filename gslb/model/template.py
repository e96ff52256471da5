"""Documents with places to fill in: ``{ text = "{severity}: {text}" }``.

A document is plain data as JSON has it. In its strings ``{name}`` stands for a value, ``{{`` and ``}}`` for braces. A
string that is nothing but one place becomes the value itself, be that a list, a table, a number or null.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from string import Formatter
from typing import Any

DEEPEST = 16
"""Levels of tables and lists in a document."""


def faults_of(document: Any, known: Iterable[str]) -> Iterator[str]:
    """What is wrong with ``document`` when the values have the names ``known``: ``message; remedy``."""
    names = sorted(known)
    yield from _faults(document, names, 0)


def _faults(document: Any, known: list[str], depth: int) -> Iterator[str]:
    match document:
        case str():
            yield from _faults_of_text(document, known)
        case dict() | list() if depth == DEEPEST:
            yield f"is nested too deeply; {DEEPEST} levels are enough for any receiver"
        case dict():
            for entry in document.values():
                yield from _faults(entry, known, depth + 1)
        case list():
            for entry in document:
                yield from _faults(entry, known, depth + 1)
        case None | bool() | int():
            return
        case float() if isfinite(document):
            return
        case _:
            yield f"{document} is nothing that JSON knows; put it in quotes"


def _faults_of_text(text: str, known: list[str]) -> Iterator[str]:
    try:
        places = [found for _, *found in Formatter().parse(text)]
    except ValueError:
        yield f"{text!r} has a brace that stands alone; write {{{{ or }}}} for a brace"
        return
    for name, form, conversion in places:
        if name is None:
            continue
        if form or conversion or name not in known:
            yield f"{text!r} has no place {name!r} to fill in; known: {', '.join(known)}"


def render(document: Any, values: Mapping[str, Any]) -> Any:
    """``document`` with every place filled in from ``values``, which has all that it names."""
    match document:
        case str():
            return _text(document, values)
        case dict():
            return {key: render(entry, values) for key, entry in document.items()}
        case list():
            return [render(entry, values) for entry in document]
    return document


def _text(text: str, values: Mapping[str, Any]) -> Any:
    parts = list(Formatter().parse(text))
    if len(parts) == 1 and parts[0][0] == "" and parts[0][1] is not None:
        return values[parts[0][1]]
    return "".join(literal + ("" if name is None else as_text(values[name])) for literal, name, _, _ in parts)


def as_text(value: Any) -> str:
    """``value`` within a text: text as it is, nothing as nothing, all else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
