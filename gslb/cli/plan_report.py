"""What `gslb plan` prints: a diff in colour, and the same as Markdown for a review. Its JSON is ``plan_view``'s."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape

from gslb.control.planning import Planned
from gslb.model.recordset import RecordSet, read_marker
from gslb.model.zone_plan import Change
from providers.base import Lane

View = dict[str, Any]
_STYLE = {"+": "green", "-": "red", "~": "yellow"}


def plan_view(planned: Sequence[Planned], source: View) -> View:
    """Plans as plain data: ``zones`` with their changes and what stands in the way, and how many changes in all.

    Args:
        planned: what would be written where.
        source: whose word it is what is to be answered.
    """
    zones = [_zone_view(each) for each in planned]
    return {**source, "changes": sum(len(zone["changes"]) for zone in zones), "zones": zones}


def _zone_view(planned: Planned) -> View:
    return {
        "provider": planned.provider,
        "zone": _plain(planned.zone),
        "error": {"message": planned.error.message, "remedy": planned.error.remedy} if planned.error else None,
        "read": planned.read,
        "owned": planned.owned,
        "requests": planned.requests,
        "changes": [_change_view(lane, change) for lane, change in planned.changes],
        "obstacles": [
            {"service": _plain(name), "text": trouble.text, "remedy": trouble.remedy}
            for name, trouble in sorted(planned.troubles.items())
        ],
        "unsaid": [
            {"service": _plain(name), "type": fault.type, "feature": fault.feature, "text": fault.text}
            for name, faults in sorted(planned.unsaid.items())
            for fault in faults
        ],
    }


def _change_view(lane: Lane, change: Change) -> View:
    return {
        "service": _plain(change.service),
        "urgency": lane.name.lower(),
        "removed": _record_views(change.removed),
        "added": _record_views(change.added),
        "kept": len(change.kept),
    }


def _record_views(records: Iterable[RecordSet]) -> list[View]:
    """All but markers, whose numbers are those of whoever will write them."""
    return [_record_view(record) for record in records if read_marker(record) is None]


def _record_view(record: RecordSet) -> View:
    return {
        "name": _plain(record.name),
        "type": record.type,
        "identifier": record.identifier or None,
        "ttl": record.ttl,
        "values": list(record.values),
        "routing": json.loads(record.routing) if record.routing else None,
    }


def _plain(name: str) -> str:
    return name.removesuffix(".")


def plan_report(view: View) -> RenderableType:
    """For people: what changes in each zone, and what does not although it should."""
    lines = [f"as decided by {view['decided_by']}"] if view["decided"] else []
    if view["assumed_up"]:
        lines.append(f"as if all endpoints were up: {', '.join(view['assumed_up'])}")
    if view["undecided"]:
        lines.append(f"left out, since only a running daemon knows their addresses: {', '.join(view['undecided'])}")
    return Group(*map(escape, lines), "", *(line for zone in view["zones"] for line in _zone_lines(zone)))


def _zone_lines(zone: View) -> Iterator[str]:
    yield f"[bold]{escape(zone['zone'])}[/] at [bold]{escape(zone['provider'])}[/]: {_summary(zone)}"
    for change in zone["changes"]:
        yield f"  {escape(change['service'])}"
        for sign, text in diff(change):
            yield f"    [{_STYLE[sign]}]{sign} {escape(text)}[/]"
    for text, remedy in obstacles(zone):
        yield f"  [bold red]![/] {escape(text)}"
        if remedy:
            yield f"    {escape(remedy)}"


def plan_markdown(view: View) -> str:
    """For a pull request: a section for each zone, with diffs that are coloured there."""
    lines: list[str] = []
    for zone in view["zones"]:
        lines += [f"### {zone['zone']} at {zone['provider']}", "", _summary(zone), ""]
        for change in zone["changes"]:
            marks = (f"{'!' if sign == '~' else sign} {text}" for sign, text in diff(change))
            lines += [f"`{change['service']}`", "", "```diff", *marks, "```", ""]
        lines += [f"- **{text}** {remedy}" for text, remedy in obstacles(zone)]
        lines += [""] if any(obstacles(zone)) else []
    return "\n".join(lines)


def _summary(zone: View) -> str:
    if zone["error"]:
        return "cannot be planned"
    held = f"{_count(zone['owned'], 'service')} of ours among {_count(zone['read'], 'record set')}"
    if not zone["changes"]:
        return f"nothing to write; {held}"
    return f"{_count(len(zone['changes']), 'service')} to write in {_count(zone['requests'], 'request')}; {held}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s'[: number != 1]}"


def diff(change: View) -> Iterator[tuple[str, str]]:
    """A sign and a text for each record set that is written: ``-``, ``~`` or ``+``."""
    removed, added = (
        {(record["name"], record["type"], record["identifier"] or ""): record for record in change[side]}
        for side in ("removed", "added")
    )
    for key in sorted(removed.keys() | added.keys()):
        old, new = removed.get(key), added.get(key)
        head = " ".join(filter(None, (key[1], key[0], key[2])))
        if old is not None and new is not None:
            yield "~", f"{head}: {_difference(_traits(old), _traits(new))}"
        elif new is not None:
            yield "+", f"{head}: {_shown(_traits(new))}"
        elif old is not None:
            yield "-", f"{head}: {_shown(_traits(old))}"


def _traits(record: View) -> dict[str, str]:
    """All that can differ between two record sets of one name, by what it is called."""
    found = {"ttl": "" if record["ttl"] is None else str(record["ttl"]), "": " ".join(record["values"])}
    found |= dict(_leaves("", record["routing"] or {}))
    return {name: text for name, text in found.items() if text}


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    """What is in ``value`` by its path, without what is not set."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), entry)
    elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        yield path, " ".join(value)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(f"{path}[{index}]", entry)
    elif value is not False and value is not None:
        yield path, str(value)


def _shown(traits: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" if name else text for name, text in traits.items())


def _difference(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    parts = (f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}".lstrip() for name in names)
    return ", ".join(parts)


def obstacles(zone: View) -> Iterator[tuple[str, str]]:
    """What keeps something from being written, and what to do about it."""
    if zone["error"]:
        yield zone["error"]["message"], zone["error"]["remedy"]
    for each in zone["obstacles"]:
        yield f"{each['service']}: {each['text']}", each["remedy"]
    for each in zone["unsaid"]:
        text = f"{each['service']}: {zone['provider']} cannot say {each['text']}; its {each['type']} answers stay"
        yield text, "gslb check names the ways out"
