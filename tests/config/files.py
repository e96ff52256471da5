"""Configuration files to load: the example of the design, as text and as a table to change, and what loading says."""

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.errors import ConfigError, Problem

Table = dict[str, Any]
Install = Callable[..., None]
"""puts a module on the path, with entry points by group"""

DESIGN = """\
[node]
name  = "istanbul-1"
state = "sqlite:///gslb.db"

[api]
listen = "127.0.0.1:8053"

[nameserver]
listen = ["127.0.0.1:5300"]

[zones."example.com"]
providers   = ["embedded"]                # or names of [providers.NAME] sections
nameservers = { "ns1.example.com." = ["127.0.0.1"] }
# file      = "example.com.zone"          # static records, a standard master file

# [providers.aws-main]
# type = "route53"

[regions.istanbul]
location  = [41.01, 28.98]
areas     = ["TR-34", "continent:EU"]     # ISO 3166-2, ISO 3166-1, continent:XX, CIDR, ASxxxx
endpoints = ["127.0.1.1:8080"]            # host:port, [v6]:port, or { probe = "ip:port", publish = ["203.0.113.7", "2001:db8::7"] }
weight    = 60
capacity  = 2000                          # requests per second

[regions.ankara]
location  = [39.93, 32.86]
areas     = ["TR"]
endpoints = ["127.0.2.1:8080"]
weight    = 40
capacity  = 2000

[probes.edge]
type     = "http"
path     = "/healthz"
interval = "1s"
timeout  = "500ms"
fall     = 3
rise     = 3

[services."api.example.com"]
regions = ["istanbul", "ankara"]          # or a table with weights of its own
probes  = ["edge"]                        # [] means: always up
policy  = ["weighted"]
ttl     = { steady = "30s", alert = "5s" }
rto     = "45s"
"""  # noqa: E501  as it stands

REMOVED = object()
"""stands for a key that a change takes away"""


def design(changes: Mapping[str, Any] | None = None) -> Table:
    """The example of the design with ``changes`` made: path of the key, parts apart by ``/``, to its new value."""
    return changed(tomllib.loads(DESIGN), changes or {})


def changed(document: Table, changes: Mapping[str, Any]) -> Table:
    for path, value in changes.items():
        *parents, key = path.split("/")
        table = document
        for parent in parents:
            table = table.setdefault(parent, {})
        if value is REMOVED:
            del table[key]
        else:
            table[key] = value
    return document


def to_toml(document: Table) -> str:
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in document.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_text(key)} = {_value(entry)}" for key, entry in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case str():
            return _text(value)
        case bool():
            return str(value).lower()
        case float() if math.isfinite(value):
            return repr(value)
        case date() | datetime() | time():
            return value.isoformat()
    return str(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class Files:
    """A folder with a configuration and what belongs to it."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "gslb.toml"

    def load(self, text: str | Table, environment: Mapping[str, str] | None = None) -> Configuration:
        self.path.write_text(text if isinstance(text, str) else to_toml(text), encoding="utf-8")
        return load(self.path, environment or {})

    def problems(self, text: str | Table, environment: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        """Everything that loading ``text`` finds wrong; each is whole, and in the text of the error."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, environment)
        for problem in caught.value.problems:
            assert problem.file
            assert problem.message
            assert problem.remedy
            assert str(problem) in str(caught.value)
        return caught.value.problems

    def problem(self, text: str | Table, environment: Mapping[str, str] | None = None) -> Problem:
        """The one thing that is wrong with ``text``."""
        (problem,) = self.problems(text, environment)
        return problem
