"""Reads the tables of one file into their schemas, and collects every fault on the way."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gslb.config.faults import key_path, problems_of, suggest
from gslb.config.names import absolute
from gslb.errors import PluginError, Problem

Section = TypeVar("Section", bound=BaseModel)


class Reader:
    """The tables of one file.

    A table with faults reads as None; ``problems`` says what is wrong with it. ``parsed`` holds the others, with their
    key paths.
    """

    def __init__(self, file: str, document: dict[str, Any]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.parsed: list[tuple[str, BaseModel]] = []
        self._document = document
        self._context = {"folder": Path(file).parent.absolute()}

    def fault(self, at: Iterable[str | int], message: str, remedy: str = "") -> None:
        """Note a problem at key path ``at``."""
        self.problems.append(Problem(self.file, key_path(tuple(at)), message, remedy))

    def table(self, model: type[Section], name: str) -> Section | None:
        """The table ``[name]``; all defaults where the file has none."""
        return self.parse(model, self._document.get(name, {}), (name,))

    def tables(self, name: str) -> dict[str, dict[str, Any]]:
        """The tables below ``[name]`` by their keys, not yet parsed."""
        found = self._document.get(name, {})
        if isinstance(found, dict) and all(isinstance(entry, dict) for entry in found.values()):
            return found
        self.fault((name,), "should hold tables", f"write [{name}.NAME] with the keys of each below it")
        return {}

    def parse(
        self, model: type[Section], value: Any, at: tuple[str | int, ...], known: Iterable[str] = ()
    ) -> Section | None:
        """``value`` as a ``model``. ``known`` are further keys to suggest, those of a table that was split."""
        try:
            section = model.model_validate(value, context=self._context)
        except ValidationError as error:
            self.problems += problems_of(error, self.file, at, model, known)
            return None
        self.parsed.append((key_path(at), section))
        return section

    def dns_name(self, text: str, at: tuple[str | int, ...], *, wildcard: bool = False) -> str | None:
        """``text`` as an absolute DNS name, or None with the problem noted. It may be a ``wildcard`` if so said."""
        try:
            return absolute(text, wildcard=wildcard)
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            self.fault(at, message, remedy)
            return None

    def plugin_fault(self, error: PluginError, at: tuple[str | int, ...]) -> None:
        """Note that a plug-in cannot be used."""
        if error.reason:
            self.fault(at, f"{error.name!r}: {error.reason}", "correct or remove the distribution that provides it")
        else:
            self.fault(at, f"{error.name!r}: no {error.kind} of this type", suggest(error.name, error.known))
