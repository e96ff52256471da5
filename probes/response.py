"""What is expected of an HTTP response: its status, words or fields in its body, or a health document."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from gslb.model.observation import Cause, HealthReport, ServingState
from gslb.model.options import Options
from probes.net.http1 import MAX_BODY, Response

SHOWN = 60
"""characters of an unexpected value that are told"""
SHOWN_ERROR = 200
"""characters of a parser's complaint that are told: it may quote the value"""

MOST = 1e9
"""Requests per second, and what any load can be a multiple of: more is no measurement."""
_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


@dataclass(frozen=True, slots=True)
class StatusRange:
    """Statuses from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __contains__(self, status: int) -> bool:
        return self.low <= status <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def _read_range(value: object) -> StatusRange:
    match = _RANGE.fullmatch(str(value))
    if match is None or int(match[1]) > int(match[2] or match[1]):
        raise ValueError(f'{value!r} is not a status or a range of them; write it as "200" or "200-399"')
    return StatusRange(int(match[1]), int(match[2] or match[1]))


def _read_pattern(value: object) -> object:
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}; see Python's re for the syntax") from None
    return value


Statuses = Annotated[StatusRange, BeforeValidator(_read_range), PlainSerializer(str)]
Pattern = Annotated[str, BeforeValidator(_read_pattern)]
Value = str | int | float | bool | None


class Document(msgspec.Struct):
    """The health document of gslb's gateway, as far as probes read it; further keys are of no concern here."""

    schema: Literal[1]
    state: ServingState
    saturation: float = 0.0
    errors: float = 0.0
    load: float | None = None
    config_version: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a response amounts to; ``cause`` is None where it is as expected."""

    cause: Cause | None
    detail: str
    report: HealthReport | None = None


class Expectation(Options):
    """The options of http that say when a response passes."""

    expect: Annotated[list[Statuses], Field(min_length=1, description='statuses that pass, as "200" or "200-399"')] = [  # noqa: RUF012  pydantic copies it
        StatusRange(200, 299)
    ]
    contains: Annotated[
        str | None, Field(min_length=1, description="text that the first 64 KiB of the body must hold")
    ] = None
    matches: Annotated[
        Pattern | None, Field(description="regular expression that must be found in the first 64 KiB of the body")
    ] = None
    fields: Annotated[
        dict[str, Value], Field(description='fields of a JSON body and their values, as in { "db.state" = "ok" }')
    ] = {}  # noqa: RUF012  pydantic copies it
    document: Annotated[
        Literal["gslb"] | None, Field(description='"gslb" reads the body as the health document of gslb\'s own gateway')
    ] = None

    @model_validator(mode="after")
    def _one_form_of_body(self) -> Self:
        if self.document is not None and self.fields:
            raise ValueError("document and fields both say what is in the body; remove one of them")
        return self

    @property
    def reads_body(self) -> bool:
        """Whether a response cannot be judged by its head alone."""
        return any((self.contains, self.matches, self.fields, self.document))

    def judge(self, response: Response) -> Verdict:
        """What a response amounts to."""
        detail = f"HTTP {response.status}"
        report, fault = _read_document(response) if self.document else (None, None)
        if not any(response.status in statuses for statuses in self.expect):
            state = f", health document says {report.state}" if report else ""
            return Verdict(Cause.STATUS, detail + state)
        fault = fault or self._body_fault(response)
        if fault is not None:
            return Verdict(Cause.BODY, f"{detail}, {fault}")
        if report is not None and report.state is ServingState.UNAVAILABLE:
            return Verdict(Cause.BODY, f"{detail}, health document says {report.state}")
        return Verdict(None, detail, report)

    def _body_fault(self, response: Response) -> str | None:
        body = response.body
        if self.contains is not None and self.contains.encode() not in body:
            return f"body does not contain {self.contains!r}"
        if self.matches is not None and not re.search(self.matches, body.decode("utf-8", "replace")):
            return f"body does not match {self.matches!r}"
        return _fields_fault(self.fields, response) if self.fields else None


def _fields_fault(fields: dict[str, Value], response: Response) -> str | None:
    """What is wrong with the fields of a JSON body."""
    if response.truncated:
        return f"body of more than {MAX_BODY} octets"
    try:
        document = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"body is not JSON: {_shown(str(error), SHOWN_ERROR)}"
    for path, wanted in fields.items():
        try:
            found = _field(document, path)
        except LookupError:
            return f"body has no field {path}"
        if found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
            return f"field {path} is {_shown(repr(found))} and not {wanted!r}"
    return None


def _field(document: Any, path: str) -> Any:
    """The value at ``path``: keys and list positions, separated by dots.

    Raises:
        LookupError: there is none.
    """
    for step in path.split("."):
        if isinstance(document, dict):
            document = document[step]
        elif isinstance(document, list) and step.isdecimal():
            document = document[int(step)]
        else:
            raise LookupError(step)
    return document


def _read_document(response: Response) -> tuple[HealthReport | None, str | None]:
    """The report, or what is wrong with it."""
    if response.truncated:
        return None, f"body of more than {MAX_BODY} octets"
    try:
        document = msgspec.json.decode(response.body, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, f"health document: {_shown(str(error), SHOWN_ERROR)}"
    load = None if document.load is None else min(max(0.0, document.load), MOST)
    errors = min(max(0.0, document.errors), 1.0)
    version = _shown(document.config_version)
    return HealthReport(document.state, min(max(0.0, document.saturation), MOST), errors, load, version), None


def _shown(text: str, most: int = SHOWN) -> str:
    """What a server has said, as it may be shown: not too much, and nothing that a terminal would obey."""
    bounded = text if len(text) <= most else f"{text[:most]}..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in bounded)
