"""Renders how it stands with zones at API providers: a line for each that is not as it should be."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.markup import escape

from gslb.model.duration import format_duration

MOST_NAMED = 3
"""Zones and services that a line names; further ones are counted."""
_STYLE = {"failing": "bold red", "blocked": "bold red"}


def providers_lines(places: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines of markup, of any width: one for all zones that are as they should be, and one for each other."""
    fine = [_name(place) for place in places if _is_fine(place)]
    if fine:
        yield f"providers: {escape(_named(fine))} [green]current[/]"
    yield from (_line(place) for place in places if not _is_fine(place))


def _is_fine(place: dict[str, Any]) -> bool:
    return bool(place["state"] == "current" and not place["drifted"])


def _line(place: dict[str, Any]) -> str:
    style = _STYLE.get(place["state"], "yellow")
    parts = [*_troubles(place), *_progress(place)]
    text = f": {escape('; '.join(parts))}" if parts else ""
    return f"provider {escape(_name(place))} [{style}]{place['state']}[/]{text}"


def _troubles(place: dict[str, Any]) -> Iterator[str]:
    """What is wrong, and what to do about it."""
    if place["error"]:
        yield place["error"]
    if place["remedy"]:
        yield place["remedy"]
    if len(place["blocked"]) > 1:
        yield f"{len(place['blocked'])} services are blocked"
    for service, text in list(place["unsaid"].items())[:MOST_NAMED]:
        yield f"{service} cannot be said there: {text}"
    if place["drifted"]:
        yield f"changed by somebody else: {_named(place['drifted'])}"


def _progress(place: dict[str, Any]) -> Iterator[str]:
    if place["pending"]:
        yield f"{place['pending']} to be written"
    if place["unconfirmed"]:
        yield f"{place['unconfirmed']} not confirmed everywhere"
    if place["state"] == "failing":
        yield f"last answer {_seconds(place['since'])} ago" if place["since"] is not None else "no answer yet"
    if place["retry"] is not None:
        yield f"tried again in {_seconds(place['retry'])}"


def _seconds(seconds: float) -> str:
    return format_duration(float(round(seconds)))


def _name(place: dict[str, Any]) -> str:
    return f"{place['provider']}/{place['zone']}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
