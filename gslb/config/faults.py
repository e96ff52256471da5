"""From what pydantic found to problems with file, key, message and remedy."""

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gslb.errors import Problem
from gslb.model.options import CONFIDENTIAL

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = 80
"""most characters of a faulty value that a message repeats"""


def key_path(parts: Sequence[str | int]) -> str:
    """``regions.istanbul.endpoints[0]``; a part that is no bare key is quoted, as in TOML."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_quoted(part)}" if text else _quoted(part)
    return text


def _quoted(part: str) -> str:
    return part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)


def shown(value: Any) -> str:
    """``value`` for a message, cut where it would fill the screen."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def suggest(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown word: the nearest known one, or all of them."""
    choices = sorted(known)
    nearest = get_close_matches(word, choices, n=1, cutoff=0.6)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"known: {', '.join(choices)}" if choices else "nothing is defined yet"


def problems_of(
    error: ValidationError, file: str, at: tuple[str | int, ...], model: type[BaseModel], known: Iterable[str] = ()
) -> list[Problem]:
    """One problem for every fault in ``error``.

    Args:
        error: what pydantic raised.
        file: the configuration file.
        at: key path of the table that was read.
        model: its schema.
        known: keys that the table may have beside those of ``model``.
    """
    return [_problem(details, file, at, model, known) for details in error.errors(include_url=False)]


def _problem(
    details: ErrorDetails, file: str, at: tuple[str | int, ...], model: type[BaseModel], known: Iterable[str]
) -> Problem:
    location = tuple(part for part in details["loc"] if part != "[key]")
    key = key_path(at + location)
    match details["type"]:
        case "extra_forbidden":
            keys = {*_keys_at(model, location[:-1]), *(known if len(location) == 1 else ())}
            return Problem(file, key, "unknown key", suggest(str(location[-1]), keys) if keys else "remove it")
        case "missing":
            return Problem(file, key, "is missing", f"add it: {_description(model, location)}")
        case "value_error":
            message, _, remedy = str(details["ctx"]["error"]).partition("; ")
            return Problem(file, key, message, remedy or _expected(model, location))
        case "too_short" | "too_long":
            return Problem(file, key, _wrong_size(details["ctx"]), _expected(model, location))
        case "model_type" | "dict_type":
            message = f"should be a table{_but(details, model, location)}"
            return Problem(file, key, message, _expected(model, location) or f"write [{key}] with its keys below it")
    message = f"{details['msg'][:1].lower()}{details['msg'][1:]}{_but(details, model, location)}"
    return Problem(file, key, message, _expected(model, location))


def _but(details: ErrorDetails, model: type[BaseModel], location: Sequence[str | int]) -> str:
    """What stands there instead, unless that may be a secret."""
    return "" if is_confidential(model, location) else f", not {shown(details['input'])}"


def is_confidential(model: type[BaseModel], location: Sequence[str | int]) -> bool:
    """Whether ``location`` is at or below a field that is marked as ``CONFIDENTIAL``."""
    for depth, part in enumerate(location):
        nested = _nested(model, location[:depth])
        field = nested.model_fields.get(str(part)) if nested else None
        if field is not None and CONFIDENTIAL in field.metadata:
            return True
    return False


def _wrong_size(context: dict[str, Any]) -> str:
    bound = f"at least {context['min_length']}" if "min_length" in context else f"at most {context['max_length']}"
    return f"should have {bound}, not {context['actual_length'] or 'none'}"


def _expected(model: type[BaseModel], location: Sequence[str | int]) -> str:
    description = _description(model, location)
    return f"expected: {description}" if description else ""


def _nested(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """The schema of the table at ``location`` below ``model``, where it is one."""
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or current is None:
            continue
        field = current.model_fields.get(part)
        current = _model_in(field.annotation) if field else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in getattr(annotation, "__args__", ()) if (found := _model_in(inner))), None)


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    nested = _nested(model, location)
    return tuple(nested.model_fields) if nested else ()


def _description(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """What the field is for, from the schema."""
    names = [part for part in location if isinstance(part, str)]
    for length in range(len(names), 0, -1):
        nested = _nested(model, names[: length - 1])
        field = nested.model_fields.get(names[length - 1]) if nested else None
        if field is not None and field.description:
            return field.description
    return ""
